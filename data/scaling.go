package data

import (
	"errors"
	"fmt"
	"math"
)

// Scaling is x' = (x − Shift)·Factor for every feature of a sample, computed in
// float64. Shift and Factor have length Steps·Width, or length 1 for all
// features alike. Compute it on the training set and apply it to every set.
type Scaling struct{ Shift, Factor []float64 }

// Range returns the scaling that takes low..high to 0..1. It panics unless
// low < high and the factor is finite.
func Range(low, high float64) Scaling {
	factor := 1 / (high - low)
	if !(low < high) || math.IsInf(factor, 0) || factor == 0 {
		panic(fmt.Sprintf("data: Range: from %v to %v", low, high))
	}
	return Scaling{Shift: []float64{low}, Factor: []float64{factor}}
}

// Standardize returns the scaling that gives each of d's Steps·Width features
// mean 0 and standard deviation 1, over the samples that have it: padding does
// not count. Constant features, and those that no sample has, get factor 0: a network
// cannot learn what another value of theirs means, so none shall reach it.
//
// The method is Welford's (Technometrics 4, 1962), on the differences to the first
// sample: the deviation of a constant is exactly 0, and the digits that all values
// share cost no precision.
//
// It panics if d contradicts itself, or has IDs, which are no quantities.
func Standardize(d *Dataset) Scaling {
	d.checkInMemory("Standardize")
	if d.IDs != nil {
		panic("data: Standardize: the samples are IDs, which are no quantities: leave them as they are")
	}
	return standardize(d.X, d.Steps*d.Width, func(sample int) int { return d.length(sample) * d.Width },
		func(float64) bool { return false })
}

// Standardize returns the scaling that gives each column mean 0 and standard
// deviation 1. Constant columns get factor 0, as the other Standardize says. Missing
// values do not count. The features of categories and indicators get mean 0 and keep
// their size, so that a rare category is no larger than another. Ids stay what they are.
func (t *Table) Standardize() Scaling {
	m := newMoments(t.Width)
	t.addFeatures(m)
	return t.featureScaling(m)
}

// addFeatures adds the rows to the moments of the features.
func (t *Table) addFeatures(m *moments) {
	addMoments(m, t.X, func(int) int { return t.Width }, math.IsNaN)
}

// featureScaling returns the scaling of Standardize for features with such moments.
func (t *Table) featureScaling(m *moments) Scaling {
	s := m.scaling()
	feature := 0
	for _, e := range t.Encodings {
		for i := range e.Width() {
			if e.Embedding > 0 && i == 0 {
				s.Shift[feature], s.Factor[feature] = 0, 1
			}
			if number := len(e.Categories) == 0 && i == 0; !number && s.Factor[feature] > 0 {
				s.Factor[feature] = 1
			}
			feature++
		}
	}
	return s
}

// StandardizeTargets is Standardize for Values.
func (t *Table) StandardizeTargets() Scaling {
	m := newMoments(len(t.Targets))
	t.addTargets(m)
	return m.scaling()
}

// addTargets adds the rows to the moments of the targets.
func (t *Table) addTargets(m *moments) {
	addMoments(m, t.Values, func(int) int { return len(t.Targets) }, math.IsNaN)
}

// Restore returns the number of a feature that s scales to y. A feature with factor 0 has
// only one.
func (s Scaling) Restore(feature int, y float64) float64 {
	shift, factor := s.of(feature)
	if factor == 0 {
		return shift
	}
	return shift + y/factor
}

// standardize computes the scaling of x, [N, features], of which each sample has
// the first few, and leaves out what is missing.
func standardize[T float32 | float64](x []T, features int, has func(sample int) int, missing func(float64) bool) Scaling {
	m := newMoments(features)
	addMoments(m, x, has, missing)
	return m.scaling()
}

// moments are those of the features of the samples so far.
type moments struct{ first, mean, squares, count []float64 }

func newMoments(features int) *moments {
	return &moments{make([]float64, features), make([]float64, features), make([]float64, features), make([]float64, features)}
}

// addMoments adds the samples of x to m, as standardize takes them.
func addMoments[T float32 | float64](m *moments, x []T, has func(sample int) int, missing func(float64) bool) {
	features := len(m.count)
	if features == 0 {
		return
	}
	for i := range len(x) / features {
		for j, x := range x[i*features : i*features+has(i)] {
			if missing(float64(x)) {
				continue
			}
			if m.count[j] == 0 {
				m.first[j] = float64(x)
			}
			m.count[j]++
			difference := float64(x) - m.first[j]
			delta := difference - m.mean[j]
			m.mean[j] += delta / m.count[j]
			m.squares[j] += delta * (difference - m.mean[j])
		}
	}
}

// scaling returns the scaling that gives mean 0 and standard deviation 1.
func (m *moments) scaling() Scaling {
	s := Scaling{Shift: m.first, Factor: make([]float64, len(m.count))}
	for j := range m.count {
		s.Shift[j] = m.first[j] + m.mean[j]
		factor := 1 / math.Sqrt(m.squares[j]/m.count[j])
		if m.count[j] > 0 && !math.IsInf(factor, 0) {
			s.Factor[j] = factor // NaN, if there is one among the values
		}
	}
	return s
}

// Apply returns a dataset with scaled features, which shares all else with d.
// Padding becomes 0, whatever it held. It is an error if s has another width, if d has
// IDs, which are no quantities, or if a result is beyond float32. It panics if d
// contradicts itself.
func (s Scaling) Apply(d *Dataset) (*Dataset, error) {
	d.checkInMemory("Apply")
	if d.IDs != nil {
		return nil, errors.New("data: the samples are IDs, which are no quantities and cannot be scaled; leave them as they are")
	}
	features := d.Steps * d.Width
	if err := s.fits(features); err != nil {
		return nil, err
	}
	scaled := *d
	scaled.X = make([]float32, len(d.X))
	for i := range d.Len() {
		for j, x := range d.X[i*features : i*features+d.length(i)*d.Width] {
			y, ok := s.scale(j, float64(x))
			if !ok {
				return nil, fmt.Errorf("data: sample %d, feature %d: %w", i+1, j+1, s.tooLarge(j, float64(x)))
			}
			scaled.X[i*features+j] = y
		}
	}
	return &scaled, nil
}

// fits returns an error if s is not for samples of this many features.
func (s Scaling) fits(features int) error {
	n := len(s.Shift)
	if len(s.Factor) != n || n != 1 && n != features {
		return fmt.Errorf("data: the scaling has %d shifts and %d factors, the data %d features; use data with the features that the scaling was computed from", n, len(s.Factor), features)
	}
	return nil
}

// scale returns x', which is 0 for whatever has factor 0, and whether it is within float32.
func (s Scaling) scale(feature int, x float64) (float32, bool) {
	shift, factor := s.of(feature)
	if factor == 0 {
		return 0, true
	}
	y := float32((x - shift) * factor)
	return y, !math.IsInf(float64(y), 0)
}

func (s Scaling) of(feature int) (shift, factor float64) {
	if len(s.Shift) == 1 {
		feature = 0
	}
	return s.Shift[feature], s.Factor[feature]
}

func (s Scaling) tooLarge(feature int, x float64) error {
	shift, factor := s.of(feature)
	return fmt.Errorf("%v is too large to scale with shift %v and factor %v; correct the value", x, shift, factor)
}
