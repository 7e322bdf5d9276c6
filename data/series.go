package data

import "fmt"

// Forecast returns a series as the prediction of its values ahead: the input of
// step t is x(t), its answer x(t+ahead). It panics if ahead is less than 1 or
// the series is too short for one step.
func Forecast(series []float32, ahead int) *Sequence {
	checkSeries("Forecast", series, ahead, 1)
	var s Sequence
	s.Reset(len(series)-ahead, 1, 1)
	for t := range s.Steps {
		s.X[t] = series[t]
		s.AnswerValue(t, float64(series[t+ahead]))
	}
	return &s
}

// Windows returns a series as samples of one step for a network without memory:
// sample i has the width values x(i), x(i+spacing), ..., of which the last is
// x(t), and the target x(t+ahead). It panics if width, spacing or ahead is less
// than 1 or the series is too short for one sample.
func Windows(series []float32, width, spacing, ahead int) *Dataset {
	if width < 1 || spacing < 1 {
		panic(fmt.Sprintf("data: Windows: %d values with spacing %d", width, spacing))
	}
	span := (width - 1) * spacing
	checkSeries("Windows", series, ahead, span+1)
	d := &Dataset{Steps: 1, Width: width, TargetWidth: 1}
	for i := range len(series) - span - ahead {
		for k := range width {
			d.X = append(d.X, series[i+k*spacing])
		}
		d.Targets = append(d.Targets, series[i+span+ahead])
	}
	return d
}

// checkSeries panics if a series has fewer than used + ahead values.
func checkSeries(op string, series []float32, ahead, used int) {
	if ahead < 1 {
		panic(fmt.Sprintf("data: %s: %d steps ahead", op, ahead))
	}
	if len(series) < used+ahead {
		panic(fmt.Sprintf("data: %s: a series of %d values, want at least %d", op, len(series), used+ahead))
	}
}
