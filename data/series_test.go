package data

import (
	"slices"
	"testing"
)

func TestForecastAndWindows(t *testing.T) {
	series := []float32{0, 1, 2, 3, 4, 5, 6, 7}
	s := Forecast(series, 2)
	if !slices.Equal(s.X, series[:6]) || !slices.Equal(s.Targets, series[2:]) {
		t.Errorf("Forecast: inputs %v, targets %v", s.X, s.Targets)
	}
	if len(s.Mask) != 6 || slices.Contains(s.Mask, 0) {
		t.Errorf("Forecast: mask %v, want an answer at each of 6 steps", s.Mask)
	}
	d := Windows(series, 3, 2, 1)
	d.check("Windows")
	if !slices.Equal(d.X, []float32{0, 2, 4, 1, 3, 5, 2, 4, 6}) || !slices.Equal(d.Targets, []float32{5, 6, 7}) {
		t.Errorf("Windows: inputs %v, targets %v", d.X, d.Targets)
	}
	wantPanic(t, "data: Forecast: 0 steps ahead", func() { Forecast(series, 0) })
	wantPanic(t, "data: Forecast: a series of 8 values, want at least 9", func() { Forecast(series, 8) })
	wantPanic(t, "data: Windows: 0 values with spacing 1", func() { Windows(series, 0, 1, 1) })
	wantPanic(t, "data: Windows: a series of 8 values, want at least 9", func() { Windows(series, 4, 2, 2) })
}
