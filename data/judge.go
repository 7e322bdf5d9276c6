package data

import (
	"fmt"
	"math"
)

// Score says how well outputs answer a sequence. Add sums up several. A step
// with a NaN among its outputs is wrong.
type Score struct {
	Steps          int     // steps that asked for an answer
	Values         int     // outputs of these steps
	MaxError       float64 // max |y − target|; NaN where an output is NaN
	AbsoluteErrors float64 // Σ |y − target|
	SquaredErrors  float64 // Σ (y − target)²

	// Of the steps whose answer is a class, or one of several:
	Right        int // the most active output is one of a right class
	Separated    int // the outputs of right classes are more active than all others
	Distant      int // the answer needs what was seen before the last few steps
	DistantRight int // of these, the most active output is one of a right class
}

// Judge compares y, [Steps, Outputs], with the answers that s asks for. It
// panics if y has another length.
func (s *Sequence) Judge(y []float32) Score {
	if len(y) != s.Steps*s.Outputs {
		panic(fmt.Sprintf("data: Judge: y has length %d, want %d steps of %d outputs", len(y), s.Steps, s.Outputs))
	}
	var score Score
	for t := range s.Steps {
		if s.Mask[t] == 0 {
			continue
		}
		outputs := y[t*s.Outputs : (t+1)*s.Outputs]
		score.Steps++
		score.Values += s.Outputs
		score.addErrors(outputs, s.Target(t))
		if s.Labels[t] >= 0 {
			score.addClasses(outputs, s.Target(t), s.Distant[t])
		}
	}
	return score
}

func (s *Score) addErrors(y, target []float32) {
	for i, value := range target {
		difference := math.Abs(float64(y[i]) - float64(value))
		s.MaxError = math.Max(s.MaxError, difference) // math.Max keeps a NaN
		s.AbsoluteErrors += difference
		s.SquaredErrors += difference * difference
	}
}

func (s *Score) addClasses(y, target []float32, distant bool) {
	weakest, strongest := math.Inf(1), math.Inf(-1) // of the right outputs
	other := math.Inf(-1)                           // the strongest of the others
	for i, value := range target {
		output := float64(y[i])
		if value == 1 {
			weakest = math.Min(weakest, output)
			strongest = math.Max(strongest, output)
		} else {
			other = math.Max(other, output)
		}
	}
	right := strongest > other
	if right {
		s.Right++
	}
	if weakest > other {
		s.Separated++
	}
	if distant {
		s.Distant++
	}
	if distant && right {
		s.DistantRight++
	}
}

// Add returns the score of both sequences together.
func (s Score) Add(other Score) Score {
	return Score{
		Steps:          s.Steps + other.Steps,
		Values:         s.Values + other.Values,
		MaxError:       math.Max(s.MaxError, other.MaxError),
		AbsoluteErrors: s.AbsoluteErrors + other.AbsoluteErrors,
		SquaredErrors:  s.SquaredErrors + other.SquaredErrors,
		Right:          s.Right + other.Right,
		Separated:      s.Separated + other.Separated,
		Distant:        s.Distant + other.Distant,
		DistantRight:   s.DistantRight + other.DistantRight,
	}
}

// MeanError returns the mean of |y − target| over all values.
func (s Score) MeanError() float64 { return s.AbsoluteErrors / float64(s.Values) }

// RMSE returns √(mean of (y − target)²) over all values.
func (s Score) RMSE() float64 { return math.Sqrt(s.SquaredErrors / float64(s.Values)) }

// Solves says whether a score meets the criterion of the task: all errors
// below f.Tolerance, or all steps separated if f has no Tolerance.
func (f Format) Solves(score Score) bool {
	if f.Tolerance > 0 {
		return score.MaxError < f.Tolerance
	}
	return score.Separated == score.Steps
}

// NRMSE returns √(Σ (y − target)² / Σ (target − mean)²), the root mean square
// error in units of the standard deviation of the targets: predicting the mean
// gives 1. It panics if the lengths differ.
func NRMSE(y, target []float32) float64 {
	if len(y) != len(target) {
		panic(fmt.Sprintf("data: NRMSE: %d outputs for %d targets", len(y), len(target)))
	}
	mean := 0.0
	for _, value := range target {
		mean += float64(value) / float64(len(target))
	}
	errors, variance := 0.0, 0.0
	for i, value := range target {
		difference := float64(y[i]) - float64(value)
		deviation := float64(value) - mean
		errors += difference * difference
		variance += deviation * deviation
	}
	return math.Sqrt(errors / variance)
}

// Recent remembers whether the last answers were right, for criteria such as
// those of Hochreiter and Schmidhuber (1997): training stops when all, or all
// but a few, of the last 2,000 sequences were right.
type Recent struct {
	wrong []bool // a ring
	next  int
	seen  int
	count int
}

// NewRecent returns a memory of the last n answers. It panics if n is less than
// 1.
func NewRecent(n int) *Recent {
	if n < 1 {
		panic(fmt.Sprintf("data: NewRecent: the last %d answers", n))
	}
	return &Recent{wrong: make([]bool, n)}
}

// Add remembers one more answer. It forgets the oldest if there are too many.
func (r *Recent) Add(right bool) {
	if r.wrong[r.next] {
		r.count--
	}
	if !right {
		r.count++
	}
	r.wrong[r.next] = !right
	r.next = (r.next + 1) % len(r.wrong)
	r.seen = min(r.seen+1, len(r.wrong))
}

// Full reports whether r has as many answers as it can remember.
func (r *Recent) Full() bool { return r.seen == len(r.wrong) }

// Wrong returns how many of the remembered answers were wrong.
func (r *Recent) Wrong() int { return r.count }
