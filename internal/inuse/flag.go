// Package inuse makes misuse readable: two calls at once on a value that only one
// may use at a time.
package inuse

import "sync/atomic"

// Flag belongs to such a value. Each call on it enters and leaves. The zero Flag is
// free.
type Flag struct{ state atomic.Int32 }

const (
	free int32 = iota
	busy
	paused // the call that entered waits for a callback
)

// Enter panics with op and what is wrong if another call has entered. op names the
// call, such as "train: Step".
func (f *Flag) Enter(op string) {
	if !f.state.CompareAndSwap(free, busy) {
		panic(op + inUse)
	}
}

// inUse is what the panics end with.
const inUse = ": it is in use by another call, in another goroutine or around this callback"

// Leave ends what Enter began.
func (f *Flag) Leave() { f.state.Store(free) }

// Pause lets the calls in that may be made from a callback, until Resume.
func (f *Flag) Pause() { f.state.Store(paused) }

// Resume ends what Pause began. It panics if one of these calls has not left.
func (f *Flag) Resume(op string) {
	if !f.state.CompareAndSwap(paused, busy) {
		panic(op + inUse)
	}
}

// Visit is Enter for a call that may be made from a callback. The function that it
// returns ends it.
func (f *Flag) Visit(op string) (leave func()) {
	before := free
	if f.state.CompareAndSwap(paused, busy) {
		before = paused
	} else {
		f.Enter(op)
	}
	return func() { f.state.Store(before) }
}
