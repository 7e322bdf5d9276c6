package tasks

import (
	"fmt"
	"math"
)

// MackeyGlass returns x(from), x(from+1), ..., n values of the solution of
//
//	dx/dt = 0.2·x(t−τ) / (1 + x(t−τ)¹⁰) − 0.1·x(t),  τ = delay
//
// with x(0) = 1.2 and x(t) = 0 for t < 0. At τ = 17 it is chaotic, but only
// just. It is computed by the Runge-Kutta method of order 4 with steps of 1/10.
// It panics if delay is less than 1, or from or n negative.
//
// Source: M. C. Mackey, L. Glass, Oscillation and Chaos in Physiological
// Control Systems, 1977; as a task F. A. Gers, D. Eck, J. Schmidhuber, Applying
// LSTM to Time Series Predictable through Time-Window Approaches, 2001.
func MackeyGlass(delay, from, n int) []float32 {
	if delay < 1 || from < 0 || n < 0 {
		panic(fmt.Sprintf("tasks: MackeyGlass: delay %d, %d values from %d", delay, n, from))
	}
	const perUnit, h = 10, 0.1
	lag := delay * perUnit
	x := make([]float64, 1, 1+(from+n)*perUnit)
	x[0] = 1.2
	for i := range (from + n) * perUnit {
		var delayed, between, next float64 // x(t−τ) at the start, the middle and the end of the step
		if k := i - lag; k >= 0 {
			delayed, next = x[k], x[k+1]
			between = (delayed + next) / 2
			if k >= 1 {
				between = (9*(delayed+next) - x[k-1] - x[k+2]) / 16
			}
		}
		k1 := mackeyGlassSlope(x[i], delayed)
		k2 := mackeyGlassSlope(x[i]+h/2*k1, between)
		k3 := mackeyGlassSlope(x[i]+h/2*k2, between)
		k4 := mackeyGlassSlope(x[i]+h*k3, next)
		x = append(x, x[i]+h/6*(k1+2*k2+2*k3+k4))
	}
	series := make([]float32, n)
	for i := range series {
		series[i] = float32(x[(from+i)*perUnit])
	}
	return series
}

// mackeyGlassSlope returns dx/dt.
func mackeyGlassSlope(x, delayed float64) float64 {
	return 0.2*delayed/(1+math.Pow(delayed, 10)) - 0.1*x
}
