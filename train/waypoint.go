package train

import (
	"context"
	"fmt"

	"gputrain/data"
)

// waypointEvery is how many steps are made at least between two waypoints. To
// copy the state out of a device takes as long as some steps of a large network;
// to make so many steps again takes minutes where all of training takes days.
const waypointEvery = 1000

// waypoint is a state of training, from which a later one is reached again by the
// same steps. It is in the memory of the host.
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

// toWaypoint makes the waypoint the present state. The best parameters stay, because
// the way from there to finite makes steps and evaluates nothing.
func (t *Trainer) toWaypoint() {
	for i, x := range t.changing {
		t.b.Upload(x, t.waypoint.values[i])
	}
	t.progress = t.waypoint.progress
}

// goBack makes the state again in which all was finite last, from the waypoint,
// where it stays when ctx is cancelled.
func (t *Trainer) goBack(ctx context.Context, batches *data.Batches) error {
	t.toWaypoint()
	for s := &t.progress; ; t.nextEpoch() {
		batches.Shuffle(t.options.Seed, uint64(s.epoch))
		for ; s.step < t.finite.step && s.batch < batches.Count(); s.batch++ {
			if ctx.Err() != nil {
				t.toWaypoint()
				if t.best.Present() {
					t.b.Upload(t.best, t.waypoint.best)
				}
				return fmt.Errorf("stopped on the way back, the state is that after step %d: %w", s.step, context.Cause(ctx))
			}
			t.stepFromZero(batches.Batch(s.batch))
		}
		if s.epoch == t.finite.epoch {
			break
		}
	}
	t.progress = t.finite
	return t.b.Sync()
}
