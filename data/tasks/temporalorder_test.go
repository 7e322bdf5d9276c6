package tasks

import (
	"math/rand/v2"
	"testing"

	"gputrain/data"
)

func TestTemporalOrder(t *testing.T) {
	const letters = "EBabcdXY"
	tests := []struct {
		name    string
		task    TemporalOrder
		from    []int
		classes map[string]string
	}{
		{"two", TemporalOrder{}, []int{10, 50}, map[string]string{"XX": "Q", "XY": "R", "YX": "S", "YY": "U"}},
		{"three", TemporalOrder{Three: true}, []int{10, 33, 66}, map[string]string{
			"XXX": "Q", "XXY": "R", "XYX": "S", "XYY": "U", "YXX": "V", "YXY": "A", "YYX": "B", "YYY": "C",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := test.task.Format()
			lengths, distractors, classes := map[int]int{}, map[int]int{}, map[int]int{}
			steps := make([]map[int]int, len(test.from))
			for i := range steps {
				steps[i] = map[int]int{}
			}
			rng := rand.New(rand.NewPCG(1, 1))
			var s data.Sequence
			for i := range 10000 {
				test.task.Next(&s, rng)
				order := ""
				for step := range s.Steps {
					letter := letters[symbol(&s, step)]
					switch letter {
					case 'X', 'Y':
						if len(order) == len(test.from) {
							t.Fatalf("sequence %d: an %c too many at step %d", i, letter, step)
						}
						steps[len(order)][step]++
						order += string(letter)
					case 'E', 'B':
						if (letter == 'E') != (step == 0) || (letter == 'B') != (step == s.Steps-1) {
							t.Fatalf("sequence %d: %c at step %d of %d", i, letter, step, s.Steps)
						}
					default:
						distractors[symbol(&s, step)]++
					}
				}
				class := int(s.Labels[s.Steps-1])
				if got := f.Classes[class]; got != test.classes[order] {
					t.Fatalf("sequence %d: %s is class %s, want %s", i, order, got, test.classes[order])
				}
				lengths[s.Steps]++
				classes[class]++
			}
			wantUniform(t, "length", lengths, 100, 110)
			wantUniform(t, "distractor", distractors, 2, 5)
			wantUniform(t, "class", classes, 0, len(test.classes)-1)
			for i, from := range test.from {
				wantUniform(t, "step", steps[i], from, from+10)
			}
		})
	}
}
