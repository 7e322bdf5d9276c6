package backend

import "time"

// Replayer is a backend that records queued operations and can queue them
// again all at once. The function Replay looks for it.
type Replayer interface {
	Replay(ops func())
}

// Timer is a backend that measures time where the work is done. The function Time
// looks for it.
type Timer interface {
	Time(ops func()) (time.Duration, error)
}

// Pairer is a backend that can run two series of operations at the same time. The
// function Pair looks for it.
type Pairer interface {
	Pair(first, second func())
}
