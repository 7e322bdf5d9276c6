package backendtest

import (
	"errors"
	"time"

	"gputrain/backend"
)

var brokenReplay = []control{
	{check: "Replay", mistake: func(b backend.Backend) backend.Backend { return &replaysFirst{fused: b.(fused)} }},
	{check: "Replay", mistake: func(b backend.Backend) backend.Backend { return &replaysByCount{fused: b.(fused)} }},
	{check: "Replay", mistake: func(b backend.Backend) backend.Backend { return &runsThePlan{fused: b.(fused)} }},
	{check: "Replay", mistake: func(b backend.Backend) backend.Backend { return &forgetsThird{fused: b.(fused)} }},
	{check: "Replay", mistake: func(b backend.Backend) backend.Backend { return &neverReplaysAgain{fused: b.(fused)} }},
	{check: "Time", mistake: func(b backend.Backend) backend.Backend { return timesTwice{b.(fused)} }},
	{check: "Time", mistake: func(b backend.Backend) backend.Backend { return timesNothing{b.(fused)} }},
	{check: "Time", mistake: func(b backend.Backend) backend.Backend { return timesBackwards{b.(fused)} }},
	{check: "Time", mistake: func(b backend.Backend) backend.Backend { return timeHidesError{b.(fused)} }},
}

// replaysFirst replays what it was given first.
type replaysFirst struct {
	fused
	first func()
}

func (b *replaysFirst) Replay(ops func()) {
	if b.first == nil {
		b.first = ops
	}
	b.first()
}

// replaysByCount takes operations for the same because the one before the last
// were.
type replaysByCount struct {
	fused
	given []func()
}

func (b *replaysByCount) Replay(ops func()) {
	b.given = append(b.given, ops)
	if n := len(b.given); n > 2 {
		ops = b.given[n-3]
	}
	ops()
}

// runsThePlan queues what it should only look at.
type runsThePlan struct{ fused }

func (b *runsThePlan) Replay(ops func()) {
	ops()
	ops()
}

// forgetsThird does not launch what it has captured.
type forgetsThird struct {
	fused
	count int
}

func (b *forgetsThird) Replay(ops func()) {
	if b.count++; b.count != 3 {
		ops()
	}
}

// neverReplaysAgain is of no use after a panic.
type neverReplaysAgain struct {
	fused
	within bool
}

func (b *neverReplaysAgain) Replay(ops func()) {
	if b.within {
		return
	}
	b.within = true
	ops()
	b.within = false
}

type timesTwice struct{ fused }

func (b timesTwice) Time(ops func()) (time.Duration, error) {
	ops()
	ops()
	return 1, b.Sync()
}

type timesNothing struct{ fused }

func (timesNothing) Time(func()) (time.Duration, error) { return 1, nil }

type timesBackwards struct{ fused }

func (b timesBackwards) Time(ops func()) (time.Duration, error) {
	ops()
	return -1, b.Sync()
}

type timeHidesError struct{ fused }

func (b timeHidesError) Time(ops func()) (time.Duration, error) {
	ops()
	if b.Err() != nil {
		return 0, errors.New("cannot tell")
	}
	return 1, nil
}
