package cpu

import (
	"sync"
	"sync/atomic"
)

// pool is a fork/join over goroutines that live as long as the pool. The
// caller of run works too, and takes all parts of a job itself if the helpers
// don't get to run.
type pool struct {
	job       job
	remaining atomic.Int64 // parts of job that nobody has taken
	pending   atomic.Int64 // parts of job that are not finished

	helpers  int
	sleeping atomic.Int64  // helpers that wait for wake
	wake     chan struct{} // a token sends a helper to look for work
	done     chan struct{} // a token: a helper finished the last part of job
	ended    sync.WaitGroup
}

// job is work in parts that are independent of each other. worker, from 0 to
// the number of workers − 1, is not in use by two parts at once.
type job interface{ part(worker, index int) }

// spins is how often a helper looks for work before it sleeps, and the caller
// for the end of the job: some 10 µs, about what it takes to wake a sleeper.
const spins = 1 << 13

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

// close ends the helpers and waits for it.
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
	if p.work(0) {
		return
	}
	for range spins {
		select {
		case <-p.done:
			return
		default:
		}
	}
	<-p.done
}

// help looks for work until the pool is closed.
func (p *pool) help(worker int) {
	for {
		for range spins {
			if p.remaining.Load() > 0 {
				break
			}
		}
		if p.work(worker) {
			p.done <- struct{}{}
		}
		p.sleeping.Add(1)
		// Work that came before this goroutine counted as sleeping brought no
		// token for it.
		if p.remaining.Load() == 0 {
			if _, open := <-p.wake; !open {
				return
			}
		}
		p.sleeping.Add(-1)
	}
}

// work takes parts until none remain, and reports whether it finished the last
// one of the job.
func (p *pool) work(worker int) bool {
	for {
		left := p.remaining.Load()
		if left == 0 {
			return false
		}
		// The swap succeeds only for a part of the job that is now published,
		// and this part keeps the job there until it is finished.
		if p.remaining.CompareAndSwap(left, left-1) {
			p.job.part(worker, int(left-1))
			if p.pending.Add(-1) == 0 {
				return true
			}
		}
	}
}
