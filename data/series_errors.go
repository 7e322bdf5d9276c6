package data

import (
	"fmt"
	"math"
	"slices"
)

// ForecastErrors are the errors of forecasts, in the units of the targets.
type ForecastErrors struct {
	Ahead, Targets int
	MAE, RMSE      []float64 // [Ahead, Targets]
}

// Errors compares forecasts, [frames, Ahead, targets], with what came.
func (f *Frames) Errors(forecast, actual []float64) ForecastErrors {
	n := f.Window.Ahead * len(f.Table.Targets)
	checkForecasts("Errors", len(f.Origins)*n, forecast, actual)
	e := ForecastErrors{f.Window.Ahead, len(f.Table.Targets), make([]float64, n), make([]float64, n)}
	for i, y := range forecast {
		wrong := y - actual[i]
		e.MAE[i%n] += math.Abs(wrong)
		e.RMSE[i%n] += wrong * wrong
	}
	for k := range n {
		e.MAE[k] /= float64(len(f.Origins))
		e.RMSE[k] = math.Sqrt(e.RMSE[k] / float64(len(f.Origins)))
	}
	return e
}

func checkForecasts(op string, want int, all ...[]float64) {
	for _, y := range all {
		if len(y) != want {
			panic(fmt.Sprintf("data: %s: %d values, want %d: [frames, Ahead, targets]", op, len(y), want))
		}
	}
}

// Over returns the errors of a target over all rows ahead.
func (e ForecastErrors) Over(target int) (mae, rmse float64) {
	for h := range e.Ahead {
		k := h*e.Targets + target
		mae += e.MAE[k] / float64(e.Ahead)
		rmse += e.RMSE[k] * e.RMSE[k] / float64(e.Ahead)
	}
	return mae, math.Sqrt(rmse)
}

// Intervals are how far forecasts may be off: of each level, the share of cases, one half
// of the width of an interval for each row ahead and target.
type Intervals struct {
	Levels []float64   `json:"levels"`
	Half   [][]float64 `json:"half"`  // [levels][Ahead·targets]
	Cases  int         `json:"cases"` // forecasts that they were found with
}

// NewIntervals returns the intervals that hold what came in the share of cases that the
// levels say, as far as the frames are like those to come: split conformal prediction
// (Vovk et al., 2005). The frames must not be among those that a network learned from. The
// half width is the ⌈(n+1)·level⌉-th smallest of the n errors, or the largest if there are
// too few.
func (f *Frames) NewIntervals(forecast, actual []float64, levels ...float64) Intervals {
	n := f.Window.Ahead * len(f.Table.Targets)
	checkForecasts("NewIntervals", len(f.Origins)*n, forecast, actual)
	intervals := Intervals{Levels: levels, Half: make([][]float64, len(levels)), Cases: len(f.Origins)}
	wrong := make([]float64, len(f.Origins))
	for k := range n {
		for i := range wrong {
			wrong[i] = math.Abs(forecast[i*n+k] - actual[i*n+k])
		}
		slices.Sort(wrong)
		for l, level := range levels {
			rank := int(math.Ceil(float64(len(wrong)+1) * level))
			intervals.Half[l] = append(intervals.Half[l], wrong[min(rank, len(wrong))-1])
		}
	}
	return intervals
}

// TooFew reports whether the cases are too few for a level: then the intervals may hold
// less.
func (i Intervals) TooFew(level int) bool {
	return math.Ceil(float64(i.Cases+1)*i.Levels[level]) > float64(i.Cases)
}

// Coverage returns how often the intervals of a level hold what came, of a target.
func (f *Frames) Coverage(i Intervals, level, target int, forecast, actual []float64) float64 {
	targets := len(f.Table.Targets)
	n := f.Window.Ahead * targets
	checkForecasts("Coverage", len(f.Origins)*n, forecast, actual)
	inside, all := 0, 0
	for at := target; at < len(forecast); at += targets {
		if all++; math.Abs(forecast[at]-actual[at]) <= i.Half[level][at%n] {
			inside++
		}
	}
	return float64(inside) / float64(all)
}
