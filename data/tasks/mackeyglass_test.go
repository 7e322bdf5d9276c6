package tasks

import (
	"math"
	"slices"
	"testing"

	"gputrain/data"
)

func TestMackeyGlassIsExactForTwoDelays(t *testing.T) {
	// Up to t = τ nothing comes back: x = 1.2·exp(−t/10). Up to 2τ what comes
	// back is known, and x is an integral, here by Simpson's rule.
	const delay = 17
	series := MackeyGlass(delay, 0, 2*delay)
	decay := func(t float64) float64 { return 1.2 * math.Exp(-t/10) }
	for step, got := range series {
		now := float64(step)
		want := decay(now)
		const intervals = 1000
		h := max(0, now-delay) / intervals
		for i := range intervals + 1 {
			weight := []float64{2, 4}[i%2]
			if i == 0 || i == intervals {
				weight = 1
			}
			past := decay(float64(i) * h)
			want += h / 3 * weight * 0.2 * past / (1 + math.Pow(past, 10)) * math.Exp((float64(i)*h+delay-now)/10)
		}
		if math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("x(%d) is %v, want %v, tolerance 1e-6", step, got, want)
		}
	}
}

func TestMackeyGlassStaysOnItsAttractor(t *testing.T) {
	series := MackeyGlass(17, 1000, 5000)
	low, high := slices.Min(series), slices.Max(series)
	if low < 0.2 || low > 0.5 || high < 1.25 || high > 1.4 {
		t.Errorf("values from %v to %v, want about 0.4 to 1.3", low, high)
	}
	// Not periodic: no lag up to 500 brings the series back to itself.
	for lag := 1; lag <= 500; lag++ {
		if distance := data.NRMSE(series[lag:], series[:len(series)-lag]); distance < 0.05 {
			t.Errorf("the series repeats after %d steps to within %v", lag, distance)
		}
	}
	if again := MackeyGlass(17, 1500, 100); !slices.Equal(again, series[500:600]) {
		t.Error("a later start gives other values")
	}
	// At a delay of 1 there is a fixed point at x = 1: the control.
	if calm := MackeyGlass(1, 1000, 100); slices.Max(calm)-slices.Min(calm) > 1e-6 {
		t.Errorf("at a delay of 1, values from %v to %v", slices.Min(calm), slices.Max(calm))
	}
	wantPanic(t, "tasks: MackeyGlass: delay 0, 1 values from 0", func() { MackeyGlass(0, 0, 1) })
}
