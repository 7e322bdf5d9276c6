package data

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Persistence forecasts that nothing changes: [frames, Ahead, targets], each the value at
// the origin of its frame.
func (f *Frames) Persistence() []float64 {
	return f.forecast(func(origin, _, target int) float64 { return f.Table.Target(origin, target) })
}

// Seasonal forecasts what was season rows before: [frames, Ahead, targets], each the value
// of the last whole season up to the origin. There must be so many rows up to the origin
// of each frame.
func (f *Frames) Seasonal(season int) []float64 {
	if season < 1 {
		panic(fmt.Sprintf("data: Seasonal: a season of %d rows", season))
	}
	return f.forecast(func(origin, h, target int) float64 {
		return f.Table.Target(origin+h-(h+season-1)/season*season, target)
	})
}

// Season returns after how many rows the targets are most like themselves, in the parts to
// learn from. It is the lag with the highest peak of their autocorrelation, without their
// linear trend, if that is 0.3 or more; 0 if there is none.
func (t *SeriesTable) Season() int {
	const mostLags, mostRows, least = 1000, 200_000, 0.3
	lags, rows := 0, 0
	for i := range t.Series {
		valid, _ := t.Series[i].cut()
		lags = max(lags, min(valid/2, mostLags))
	}
	products := make([]float64, lags+2) // by lag
	for i := range t.Series {
		valid, _ := t.Series[i].cut()
		if rows += valid; rows > mostRows && i > 0 {
			break // the first series tell
		}
		for target := range t.Targets {
			addAutocorrelation(products, t.detrended(&t.Series[i], min(valid, mostRows), target))
		}
	}
	season := 0
	for lag := 2; lag <= lags; lag++ {
		r := products[lag]
		if r >= least*products[0] && r > products[lag-1] && r >= products[lag+1] && (season == 0 || r > products[season]) {
			season = lag
		}
	}
	return season
}

// detrended returns the first rows of a target of a series without their linear trend, at
// a variance of 1; nil if they have none.
func (t *SeriesTable) detrended(s *Series, rows, target int) []float64 {
	x := make([]float64, rows)
	var mean, slope, times, squares float64
	for i := range x {
		x[i] = t.Target(s.First+i, target)
		mean += x[i] / float64(rows)
	}
	middle := float64(rows-1) / 2
	for i := range x {
		slope += (float64(i) - middle) * (x[i] - mean)
		times += (float64(i) - middle) * (float64(i) - middle)
	}
	for i := range x {
		x[i] -= mean + slope/times*(float64(i)-middle)
		squares += x[i] * x[i]
	}
	if !(squares > 0) {
		return nil
	}
	for i := range x {
		x[i] *= math.Sqrt(float64(rows) / squares)
	}
	return x
}

// addAutocorrelation adds the products of x with itself, some rows later. They become
// smaller with the lag, because fewer rows have a partner, so that a season comes before
// its multiples.
func addAutocorrelation(products, x []float64) {
	for lag := range products {
		for i := lag; i < len(x); i++ {
			products[lag] += x[i] * x[i-lag]
		}
	}
}

// Linear is an autoregression: each forecast is a weighted sum of the features that a
// network sees, scaled as for it.
type Linear struct {
	Rows    int       `json:"rows"`    // the last ones of the window, of which it takes the features
	Weights []float32 `json:"weights"` // [Rows·Width + 1, Ahead·targets]; the last row is the bias
}

// mostLinear is how many features an autoregression takes, and mostFitted how many frames
// it is fitted to.
const mostLinear, mostFitted = 1000, 20_000

// FitLinear fits an autoregression to frames by least squares, with the ridge (the weight
// of the squares of the weights) that does best on the frames of valid. s is the scaling
// of the columns. If the window has more than 1000 features, it takes the last ones; of
// more than 20,000 frames, so many that are equally far apart. The window's Block must be
// all of Ahead.
func FitLinear(train, valid *Frames, s Scaling) (*Linear, error) {
	t, w := train.Table, train.Window
	if w.Block != w.Ahead {
		panic(fmt.Sprintf("data: FitLinear: a window of blocks of %d rows for %d ahead", w.Block, w.Ahead))
	}
	l := &Linear{Rows: min(w.Rows, max(1, mostLinear/t.Width()))}
	x, y, err := l.design(train.thinned(mostFitted), s)
	if err != nil {
		return nil, err
	}
	checkX, checkY, err := l.design(valid.thinned(mostFitted), s)
	if err != nil {
		return nil, err
	}
	rows, features := x.Dims()
	var gram mat.SymDense
	gram.SymOuterK(1, x.T())
	var moments, best mat.Dense
	moments.Mul(x.T(), y)
	least := math.Inf(1)
	for _, ridge := range []float64{1e-6, 1e-4, 1e-2, 1} {
		regular := mat.NewSymDense(features, nil)
		regular.CopySym(&gram)
		for i := range features {
			regular.SetSym(i, i, regular.At(i, i)+ridge*float64(rows))
		}
		var cholesky mat.Cholesky
		var weights, wrong mat.Dense
		if !cholesky.Factorize(regular) || cholesky.SolveTo(&weights, &moments) != nil {
			continue // singular with so small a ridge
		}
		wrong.Mul(checkX, &weights)
		wrong.Sub(&wrong, checkY)
		if norm := mat.Norm(&wrong, 2); norm < least {
			least = norm
			best.CloneFrom(&weights)
		}
	}
	l.Weights = make([]float32, features*w.Ahead*len(t.Targets))
	for i, x := range best.RawMatrix().Data {
		l.Weights[i] = float32(x)
	}
	return l, nil
}

// thinned returns at most so many of the frames, equally far apart.
func (f *Frames) thinned(most int) *Frames {
	stride := (len(f.Origins) + most - 1) / most
	if stride <= 1 {
		return f
	}
	thin := &Frames{Table: f.Table, Window: f.Window}
	for i := 0; i < len(f.Origins); i += stride {
		thin.Origins = append(thin.Origins, f.Origins[i])
	}
	return thin
}

// features returns how many rows the weights have.
func (l *Linear) features(t *SeriesTable) int { return l.Rows*t.Width() + 1 }

// design returns the features of frames, with a 1 behind them, and their targets, scaled.
func (l *Linear) design(f *Frames, s Scaling) (x, y *mat.Dense, err error) {
	narrow := &Frames{f.Table, f.Window, f.Origins}
	narrow.Window.Rows = l.Rows
	d, err := narrow.Dataset(s)
	if err != nil {
		return nil, nil, err
	}
	features := l.features(f.Table)
	x, y = mat.NewDense(d.Len(), features, nil), mat.NewDense(d.Len(), d.TargetWidth, nil)
	for i := range d.Len() {
		row := x.RawRowView(i)
		for j := range features - 1 {
			row[j] = float64(d.X[i*(features-1)+j])
		}
		row[features-1] = 1
		for j := range d.TargetWidth {
			y.RawRowView(i)[j] = float64(d.Targets[i*d.TargetWidth+j])
		}
	}
	return x, y, nil
}

// Fits returns an error unless l is for windows of so many rows, of width features, and
// gives so many outputs.
func (l *Linear) Fits(rows, width, outputs int) error {
	if l.Rows < 1 || l.Rows > rows || len(l.Weights) != (l.Rows*width+1)*outputs {
		return fmt.Errorf("the autoregression has %d weights for %d rows of a window of %d, of %d features, and %d outputs", len(l.Weights), l.Rows, rows, width, outputs)
	}
	return nil
}

// Forecast returns the forecasts for frames, [frames, Ahead, targets]. s is the scaling of
// the columns that l was fitted with.
func (l *Linear) Forecast(f *Frames, s Scaling) ([]float64, error) {
	features, outputs, targets := l.features(f.Table), f.Window.Ahead*len(f.Table.Targets), len(f.Table.Targets)
	if err := l.Fits(f.Window.Rows, f.Table.Width(), outputs); err != nil {
		return nil, err
	}
	narrow := &Frames{f.Table, f.Window, f.Origins}
	narrow.Window.Rows, narrow.Window.Block = l.Rows, f.Window.Ahead
	y := make([]float64, len(f.Origins)*outputs)
	left := y
	for _, chunk := range narrow.Chunks() {
		d, err := chunk.Inputs(s)
		if err != nil {
			return nil, err
		}
		for i := range chunk.Origins {
			x, row := d.X[i*(features-1):][:features-1], left[:outputs]
			left = left[outputs:]
			for k, bias := range l.Weights[(features-1)*outputs:] {
				row[k] = float64(bias)
			}
			for j, x := range x {
				for k, weight := range l.Weights[j*outputs:][:outputs] {
					row[k] += float64(x) * float64(weight)
				}
			}
			base := chunk.Base(i)
			for k := range row {
				row[k] = f.Restore(s, base, k%targets, row[k])
			}
		}
	}
	return y, nil
}
