package model

import (
	"fmt"

	"gputrain/backend"
)

// windowed is a recurrence whose errors go back window time steps, their own
// included, and no further (Williams, Peng 1990). For each time step it runs the
// backward pass of that window, with the error of that step alone. No error leaves
// the sequence.
type windowed struct {
	recurrence
	backend backend.Backend
	window  int
	batch   int            // of the last forward
	dy      backend.Tensor // zero except in the rows of one time step
	dx      backend.Tensor // storage for the gradient of x from one window; absent unless wanted
}

// windowed returns r, of one direction, with a window.
func (w *workspace) windowed(b *Builder, in Shape, r recurrence, window, direction int) *windowed {
	if window > in.Steps {
		b.Fail(fmt.Errorf("the Window is %d, but sequences have at most %d time steps", window, in.Steps))
	}
	for _, h := range r.histories() {
		h.closed = true
	}
	return &windowed{recurrence: r, backend: b.Backend(), window: window, dy: w.windowDY[direction], dx: w.windowDX[direction]}
}

func (w *windowed) forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	w.batch = in.Batch
	return w.recurrence.forward(x, in, mode)
}

func (w *windowed) backward(dy, dx backend.Tensor, part span) {
	if w.batch == 0 {
		return
	}
	b, windowDX := w.backend, backend.Tensor{}
	if dx.Present() {
		windowDX, _ = w.dx.Take(dx.Rows, dx.Cols)
		b.Fill(part.slice(dx), 0)
	}
	errors := w.dy.Slice(0, dy.Rows)
	for t := part.from / w.batch; t < part.to/w.batch; t++ {
		now := timeStep(t, w.batch)
		window := span{max(part.from, now.to-w.window*w.batch), now.to}
		b.Copy(now.slice(errors), now.slice(dy))
		w.recurrence.backward(errors, windowDX, window)
		b.Fill(now.slice(errors), 0)
		if dx.Present() {
			b.Add(window.slice(dx), window.slice(dx), window.slice(windowDX))
		}
	}
}
