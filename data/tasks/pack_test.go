package tasks

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/data"
)

func TestEveryTaskCanBePacked(t *testing.T) {
	forEachTask(t, func(t *testing.T, task data.Task, rng *rand.Rand) {
		f, drawn := task.Format(), data.Draw(task, rng, 20)
		d := data.Pack(f, drawn)
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		answers := 1
		if d.PerStep {
			answers = d.Steps
		}
		for i, s := range drawn {
			from := i * d.Steps * d.Width
			length := d.Steps
			if d.Lengths != nil {
				length = int(d.Lengths[i])
			}
			if !slices.Equal(d.X[from:from+s.Steps*d.Width], s.X) || length != s.Steps {
				t.Fatalf("sample %d of length %d is not the sequence of %d steps", i, length, s.Steps)
			}
			rows := i * answers
			targets, labels := s.Targets, s.Labels
			if !f.PerStep {
				targets, labels = s.Target(s.Steps-1), s.Labels[s.Steps-1:]
			}
			if !slices.Equal(d.Targets[rows*f.Outputs:rows*f.Outputs+len(targets)], targets) {
				t.Fatalf("sample %d has other targets than its sequence", i)
			}
			for k, mask := range s.Mask[len(s.Mask)-len(labels):] {
				if asked := d.Mask == nil || d.Mask[rows+k] == 1; asked != (mask == 1) {
					t.Fatalf("sample %d, answer %d: asked for is %v, the sequence has the mask %v", i, k, asked, mask)
				}
			}
			if f.Classes != nil && !slices.Equal(d.Labels[rows:rows+len(labels)], labels) {
				t.Fatalf("sample %d has other labels than its sequence", i)
			}
		}
	})
}
