package train

import (
	"fmt"
	"math"
)

// Schedule changes the learning rate in the course of training.
type Schedule interface {
	// Factor returns what the learning rate is multiplied by at optimizer step
	// 0, 1, 2, ...
	Factor(step int) float64

	// Check returns an error that names a setting that makes no sense.
	Check() error
}

// Constant keeps the learning rate.
type Constant struct{}

// Factor returns 1.
func (Constant) Factor(int) float64 { return 1 }

// Check returns nil.
func (Constant) Check() error { return nil }

// StepDecay multiplies the learning rate by Gamma every Every steps.
type StepDecay struct {
	Every int
	Gamma float64 // 0 < Gamma ≤ 1
}

// Factor returns Gamma^⌊step/Every⌋.
func (s StepDecay) Factor(step int) float64 { return math.Pow(s.Gamma, float64(step/s.Every)) }

// Check implements Schedule.
func (s StepDecay) Check() error {
	if s.Every <= 0 {
		return fmt.Errorf("schedule StepDecay: Every is %d, want at least 1", s.Every)
	}
	if !(s.Gamma > 0 && s.Gamma <= 1) {
		return fmt.Errorf("schedule StepDecay: Gamma is %v, want above 0 and at most 1", s.Gamma)
	}
	return nil
}

// Cosine rises in a straight line during the first Warmup steps, falls from 1
// to Floor along half a cosine until step Total, and stays there (Loshchilov,
// Hutter 2017, without restarts).
type Cosine struct {
	Warmup, Total int     // in steps; Total includes Warmup
	Floor         float64 // 0 ≤ Floor ≤ 1
}

// Factor returns
//
//	(step+1)/Warmup                                   for step < Warmup
//	Floor + (1−Floor)·½·(1 + cos(π·progress))         for step < Total
//	Floor                                             from then on
//
// with progress = (step−Warmup)/(Total−Warmup).
func (s Cosine) Factor(step int) float64 {
	switch {
	case step < s.Warmup:
		return float64(step+1) / float64(s.Warmup)
	case step < s.Total:
		progress := float64(step-s.Warmup) / float64(s.Total-s.Warmup)
		return s.Floor + (1-s.Floor)*(1+math.Cos(math.Pi*progress))/2
	}
	return s.Floor
}

// Check implements Schedule.
func (s Cosine) Check() error {
	if s.Warmup < 0 {
		return fmt.Errorf("schedule Cosine: Warmup is %d, want at least 0", s.Warmup)
	}
	if s.Total <= s.Warmup {
		return fmt.Errorf("schedule Cosine: Total is %d, want more than Warmup, %d", s.Total, s.Warmup)
	}
	if !(s.Floor >= 0 && s.Floor <= 1) {
		return fmt.Errorf("schedule Cosine: Floor is %v, want from 0 to 1", s.Floor)
	}
	return nil
}
