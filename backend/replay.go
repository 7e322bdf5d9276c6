package backend

import "time"

// Replayer is a backend that records queued operations and can queue them
// again all at once. Found by Replay.
type Replayer interface {
	Replay(ops func())
}

// Timer is a backend that measures time where the work is done. Found by Time.
type Timer interface {
	Time(ops func()) (time.Duration, error)
}
