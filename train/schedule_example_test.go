package train_test

import (
	"errors"
	"fmt"

	"gputrain/train"
)

// inverse is the learning rate of Robbins and Monro (1951): it falls like one over
// the number of the step.
type inverse struct{ half int } // the step at which half of it is left

// Factor implements train.Schedule.
func (s inverse) Factor(step int) float64 { return float64(s.half) / float64(s.half+step) }

// Check implements train.Schedule.
func (s inverse) Check() error {
	if s.half < 1 {
		return errors.New("inverse: half is less than 1")
	}
	return nil
}

// A schedule of your own, for train.Options.Schedule.
func ExampleSchedule() {
	var schedule train.Schedule = inverse{half: 1000}
	for _, step := range []int{0, 1000, 3000} {
		fmt.Println(step, schedule.Factor(step))
	}
	// Output:
	// 0 1
	// 1000 0.5
	// 3000 0.25
}
