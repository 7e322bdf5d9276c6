package cpu

import (
	"sync"
	"sync/atomic"

	"gputrain/cpu/internal/simd"
)

// pool runs jobs on goroutines that live as long as the pool. The caller of run
// works too. It takes all parts itself if the helpers don't get to run.
type pool struct {
	job       job
	remaining atomic.Int64 // parts of job that nobody has taken
	pending   atomic.Int64 // parts of job that are not finished

	helpers  int
	sleeping atomic.Int64  // helpers that wait for wake
	wake     chan struct{} // a token sends a helper to look for work
	waiting  atomic.Bool   // the caller of run waits for done, or is about to
	done     chan struct{} // a token: a helper finished a job and saw the caller waiting
	ended    sync.WaitGroup
}

// job is work in parts that are independent of each other. Two parts that run at
// once have different workers, which are numbered from 0.
type job interface{ part(worker, index int) }

// spins is how often a helper looks for work before it sleeps, and how often the
// caller looks for the end of the job, with a pause after each look. It takes some
// 50 µs: longer than what a training step does on one worker between two jobs, so
// that the next job need not wake anybody, which takes longer than many a job.
const spins = 1 << 10

// newPool starts workers − 1 helpers.
func newPool(workers int) *pool {
	p := &pool{
		helpers: workers - 1,
		wake:    make(chan struct{}, workers),
		done:    make(chan struct{}, 1),
	}
	for i := range p.helpers {
		p.ended.Go(func() { p.help(i + 1) })
	}
	return p
}

// close ends the helpers and waits until they have ended.
func (p *pool) close() {
	close(p.wake)
	p.ended.Wait()
}

// run runs parts 0..parts−1 of j and returns when all are finished.
func (p *pool) run(j job, parts int) {
	if p.helpers == 0 || parts <= 1 {
		for i := range parts {
			j.part(0, i)
		}
		return
	}
	p.job = j
	p.pending.Store(int64(parts))
	p.remaining.Store(int64(parts))
	for range min(int64(parts-1), p.sleeping.Load()) {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	p.work(0)
	for range spins {
		if p.pending.Load() == 0 {
			return
		}
		simd.Pause(1)
	}
	for p.pending.Load() != 0 {
		p.waiting.Store(true)
		// A helper that finished the job before it could see this sends no token. One
		// that has seen it sends a token, which may be one of the job before, too.
		if p.pending.Load() != 0 || !p.waiting.CompareAndSwap(true, false) {
			<-p.done
		}
	}
}

// help looks for work until the pool is closed.
func (p *pool) help(worker int) {
	for {
		if p.look() {
			if p.work(worker) && p.waiting.CompareAndSwap(true, false) {
				p.done <- struct{}{}
			}
			continue
		}
		p.sleeping.Add(1)
		// Work that came while this goroutine did not count as sleeping sent it no
		// token.
		if p.remaining.Load() == 0 {
			if _, open := <-p.wake; !open {
				return
			}
		}
		p.sleeping.Add(-1)
	}
}

// look reports whether there is work, or soon is.
func (p *pool) look() bool {
	for range spins {
		if p.remaining.Load() > 0 {
			return true
		}
		simd.Pause(1)
	}
	return false
}

// work takes parts until none remain. It reports whether it finished the last
// part of the job.
func (p *pool) work(worker int) bool {
	for {
		left := p.remaining.Load()
		if left == 0 {
			return false
		}
		// The swap succeeds only for a part of the current job. The job stays until
		// that part is finished.
		if p.remaining.CompareAndSwap(left, left-1) {
			p.job.part(worker, int(left-1))
			if p.pending.Add(-1) == 0 {
				return true
			}
		}
	}
}
