package data

import (
	"fmt"
	"math"
)

// Scaling is x' = (x − Shift)·Factor for every feature of a sample. Shift and
// Factor have length Steps·Width, or length 1 for all features alike. Compute
// it on the training set and apply it to every set.
type Scaling struct{ Shift, Factor []float32 }

// Range returns the scaling that takes low..high to 0..1. It panics unless
// low < high.
func Range(low, high float32) Scaling {
	if !(low < high) {
		panic(fmt.Sprintf("data: Range: from %v to %v", low, high))
	}
	factor := 1 / (float64(high) - float64(low))
	return Scaling{Shift: []float32{low}, Factor: []float32{float32(factor)}}
}

// Standardize returns the scaling that gives each of d's Steps·Width features
// mean 0 and standard deviation 1, over the samples. Constant features get
// factor 1.
//
// The method is Welford's (Technometrics 4, 1962): the deviation of a constant
// is exactly 0.
func Standardize(d *Dataset) Scaling {
	d.check("Standardize")
	features := d.Steps * d.Width
	s := Scaling{Shift: make([]float32, features), Factor: make([]float32, features)}
	mean, squares := make([]float64, features), make([]float64, features)
	for i := range d.Len() {
		for j, x := range d.X[i*features : (i+1)*features] {
			delta := float64(x) - mean[j]
			mean[j] += delta / float64(i+1)
			squares[j] += delta * (float64(x) - mean[j])
		}
	}
	for j := range features {
		s.Shift[j] = float32(mean[j])
		s.Factor[j] = 1
		deviation := math.Sqrt(squares[j] / float64(d.Len()))
		if factor := 1 / deviation; factor <= math.MaxFloat32 {
			s.Factor[j] = float32(factor)
		}
	}
	return s
}

// Apply returns a dataset with scaled features, which shares all else with d.
// It is an error if s has another width, or a result is beyond float32.
func (s Scaling) Apply(d *Dataset) (*Dataset, error) {
	features := d.Steps * d.Width
	n := len(s.Shift)
	if len(s.Factor) != n || n != 1 && n != features {
		return nil, fmt.Errorf("data: the scaling has %d shifts and %d factors, the data %d features; use data with the features that the scaling was computed from", n, len(s.Factor), features)
	}
	scaled := *d
	scaled.X = make([]float32, len(d.X))
	for i, x := range d.X {
		j := i % n
		y := float32((float64(x) - float64(s.Shift[j])) * float64(s.Factor[j]))
		if math.IsInf(float64(y), 0) {
			return nil, fmt.Errorf("data: sample %d, feature %d: %v is too large to scale with shift %v and factor %v; correct the value", i/features+1, i%features+1, x, s.Shift[j], s.Factor[j])
		}
		scaled.X[i] = y
	}
	return &scaled, nil
}
