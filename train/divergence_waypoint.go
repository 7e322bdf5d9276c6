package train

import (
	"context"
	"fmt"

	"gputrain/data"
)

// waypointEvery is the least number of steps between two waypoints. Copying the
// state out of a device takes as long as some steps of a large network. Repeating a
// thousand steps takes minutes where all of training takes days.
const waypointEvery = 1000

// waypoint is a state of training in the memory of the host. From there the same
// steps lead to a later state again.
type waypoint struct {
	values   [][]float32 // of Trainer.changing; nil before the first mark
	best     []float32   // of Trainer.best
	progress progress
}

// mark makes the present state the waypoint.
func (t *Trainer) mark() error {
	if t.waypoint.values == nil {
		for _, x := range t.changing {
			t.waypoint.values = append(t.waypoint.values, make([]float32, x.Size()))
		}
		if t.best.Present() {
			t.waypoint.best = make([]float32, t.best.Size())
		}
	}
	for i, x := range t.changing {
		if err := t.b.Download(t.waypoint.values[i], x); err != nil {
			return err
		}
	}
	if t.best.Present() {
		if err := t.b.Download(t.waypoint.best, t.best); err != nil {
			return err
		}
	}
	t.waypoint.progress = t.progress
	return nil
}

// toWaypoint goes back to the waypoint. The best parameters stay: the way from there
// to finite makes steps and evaluates nothing.
func (t *Trainer) toWaypoint() {
	for i, x := range t.changing {
		t.b.Upload(x, t.waypoint.values[i])
	}
	t.progress = t.waypoint.progress
}

// goBack goes to the state in which all was finite last, by repeating the steps
// after the waypoint. If ctx is cancelled it stays at the waypoint.
func (t *Trainer) goBack(ctx context.Context, batches *data.Batches) error {
	t.toWaypoint()
	for s := &t.progress; ; t.nextEpoch() {
		t.order(batches)
		for s.step < t.finite.step && s.batch < batches.Count() {
			if err := t.stopped(ctx); err != nil {
				t.toWaypoint()
				if t.best.Present() {
					t.b.Upload(t.best, t.waypoint.best)
				}
				return fmt.Errorf("stopped on the way back, in the state after step %d: %w", s.step, err)
			}
			if err := t.learnNext(batches); err != nil {
				return err
			}
		}
		if s.epoch == t.finite.epoch {
			break
		}
	}
	if t.finite.step > t.waypoint.progress.step {
		t.b.Fill(t.lossSum, 0) // the loss had just been read
	}
	t.progress = t.finite
	return t.b.Sync()
}
