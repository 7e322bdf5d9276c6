package collective

import (
	"fmt"
	"math"
	"time"
)

// Watched returns g with a limit on the time that a call may wait for the other ranks: it
// then aborts g. So a rank that hangs does not let all others wait for ever. Close has no
// limit.
func Watched(g Group, limit time.Duration) Group {
	w := &watched{Group: g, limit: limit}
	w.timer = time.AfterFunc(math.MaxInt64, func() {
		g.Abort(Stalled(limit))
	})
	if adder, ok := g.(Adder); ok {
		return &watchedAdder{w, adder}
	}
	return w
}

// Stalled is the reason of an Abort by a rank that has waited too long.
func Stalled(limit time.Duration) error {
	return fmt.Errorf("it has waited %v for the others, one of which hangs or needs longer than that", limit)
}

type watched struct {
	Group
	limit time.Duration
	timer *time.Timer
}

func (w *watched) Exchange(dst, src []byte) error {
	w.timer.Reset(w.limit)
	defer w.timer.Stop()
	return w.Group.Exchange(dst, src)
}

func (w *watched) Gather(dst, src []byte) error {
	w.timer.Reset(w.limit)
	defer w.timer.Stop()
	return w.Group.Gather(dst, src)
}

func (w *watched) Broadcast(data []byte) error {
	w.timer.Reset(w.limit)
	defer w.timer.Stop()
	return w.Group.Broadcast(data)
}

// watchedAdder is watched for a group that adds by itself.
type watchedAdder struct {
	*watched
	adder Adder
}

func (w *watchedAdder) Add(x []float32) error {
	w.timer.Reset(w.limit)
	defer w.timer.Stop()
	return w.adder.Add(x)
}
