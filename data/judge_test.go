package data

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestJudge(t *testing.T) {
	nan := float32(math.NaN())
	// Step 0 asks for nothing, step 1 allows classes 0 and 2, step 2 wants 1 and
	// is distant.
	sequence := func() *Sequence {
		var s Sequence
		s.Reset(3, 1, 3)
		s.AnswerClass(1, 0)
		s.Target(1)[2] = 1
		s.AnswerClass(2, 1)
		s.Distant[2] = true
		return &s
	}
	tests := []struct {
		name                          string
		y                             []float32
		right, separated, distant     int
		max, absoluteErrors, squareds float64
	}{
		{"the targets", []float32{9, 9, 9, 1, 0, 1, 0, 1, 0}, 2, 2, 1, 0, 0, 0},
		{"one of two allowed classes is weak", []float32{0, 0, 0, 1, 0.5, 0.25, 0, 1, 0}, 2, 1, 1, 0.75, 1.25, 0.8125},
		{"a forbidden class wins", []float32{0, 0, 0, 0.5, 0.75, 0.5, 0, 1, 0}, 1, 1, 1, 0.75, 1.75, 1.0625},
		{"a tie is wrong", []float32{0, 0, 0, 1, 0, 1, 1, 1, 0}, 1, 1, 0, 1, 1, 1},
		{"only the order counts for classes", []float32{0, 0, 0, -4, -5, -4, -2, -1, -2}, 2, 2, 1, 5, 21, 87},
		{"NaN among the right", []float32{0, 0, 0, 1, 0, nan, 0, 1, 0}, 1, 1, 1, math.NaN(), math.NaN(), math.NaN()},
		{"NaN among the wrong", []float32{0, 0, 0, 1, 0, 1, 0, 1, nan}, 1, 1, 0, math.NaN(), math.NaN(), math.NaN()},
		{"NaN where nothing is asked for", []float32{nan, 0, 0, 1, 0, 1, 0, 1, 0}, 2, 2, 1, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := sequence().Judge(test.y)
			if got.Steps != 2 || got.Values != 6 || got.Distant != 1 {
				t.Errorf("%d steps, %d values, %d distant, want 2, 6, 1", got.Steps, got.Values, got.Distant)
			}
			if got.Right != test.right || got.Separated != test.separated || got.DistantRight != test.distant {
				t.Errorf("right %d, separated %d, distant and right %d, want %d, %d, %d",
					got.Right, got.Separated, got.DistantRight, test.right, test.separated, test.distant)
			}
			wantSame(t, "MaxError", got.MaxError, test.max)
			wantSame(t, "AbsoluteErrors", got.AbsoluteErrors, test.absoluteErrors)
			wantSame(t, "SquaredErrors", got.SquaredErrors, test.squareds)
			wantSame(t, "MeanError", got.MeanError(), test.absoluteErrors/6)
			wantSame(t, "RMSE", got.RMSE(), math.Sqrt(test.squareds/6))
		})
	}
	wantPanic(t, "data: Judge: y has length 8, want 3 steps of 3 outputs", func() { sequence().Judge(make([]float32, 8)) })
}

// wantSame is for numbers that are exact, or NaN.
func wantSame(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestRegressionHasNoRightClasses(t *testing.T) {
	var s Sequence
	s.Reset(1, 1, 1)
	s.AnswerValue(0, 1)
	if got := s.Judge([]float32{1}); got.Right != 0 || got.Separated != 0 {
		t.Errorf("%d right and %d separated, want none", got.Right, got.Separated)
	}
}

func TestScoresAdd(t *testing.T) {
	a := Score{1, 2, 0.5, 3, 4, 5, 6, 7, 8}
	b := Score{10, 20, 0.25, 30, 40, 50, 60, 70, 80}
	if got, want := a.Add(b), (Score{11, 22, 0.5, 33, 44, 55, 66, 77, 88}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := a.Add(Score{MaxError: math.NaN()}).MaxError; !math.IsNaN(got) {
		t.Errorf("with a NaN the largest error is %v, want NaN", got)
	}
}

func TestToleranceIsExclusive(t *testing.T) {
	f := Format{Tolerance: 0.25}
	for _, test := range []struct {
		worst float64
		want  bool
	}{{0.2499, true}, {0.25, false}, {math.NaN(), false}} {
		if got := f.Solves(Score{MaxError: test.worst}); got != test.want {
			t.Errorf("a largest error of %v solves: %v, want %v", test.worst, got, test.want)
		}
	}
}

func TestNRMSE(t *testing.T) {
	target := []float32{1, 2, 3, 6} // mean 3, Σ deviation² = 14
	tests := []struct {
		name string
		y    []float32
		want float64
	}{
		{"exact", target, 0},
		{"the mean", []float32{3, 3, 3, 3}, 1},
		{"off by one", []float32{2, 1, 4, 5}, math.Sqrt(4.0 / 14)},
	}
	for _, test := range tests {
		if got := NRMSE(test.y, target); math.Abs(got-test.want) > 1e-15 {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	wantPanic(t, "data: NRMSE: 1 outputs for 4 targets", func() { NRMSE(target[:1], target) })
}

func TestRecentForgetsTheOldest(t *testing.T) {
	wantPanic(t, "data: NewRecent: the last 0 answers", func() { NewRecent(0) })
	const n = 7
	r, rng := NewRecent(n), rand.New(rand.NewPCG(1, 1))
	var all []bool
	for i := range 100 {
		right := rng.IntN(3) > 0
		r.Add(right)
		all = append(all, right)
		want := 0
		for _, right := range all[max(0, len(all)-n):] {
			if !right {
				want++
			}
		}
		if r.Wrong() != want || r.Full() != (i+1 >= n) {
			t.Fatalf("after %d answers: %d wrong, full %v, want %d, %v", i+1, r.Wrong(), r.Full(), want, i+1 >= n)
		}
	}
}
