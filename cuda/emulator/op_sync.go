package emulator

import (
	"math"
	"slices"
)

var syncDecoders = map[string]decoding{
	"bar":        barrier,
	"barrier":    barrier,
	"membar":     fence,
	"fence":      fence,
	"activemask": activeMask,
}

// barriers is the number of barriers of a block.
const barriers = 16

// barrier is bar and barrier, with sync, arrive or red, and bar.warp.sync.
func barrier(d *decoder) runner {
	d.class = Barrier
	if d.mod("warp") {
		return warpBarrier(d)
	}
	d.option("cta")
	aligned := d.mod("aligned") || d.raw.name == "bar"
	kind := d.choice("sync", "arrive", "red")
	if kind == "red" {
		return reducingBarrier(d, aligned)
	}
	low := 1
	if kind == "arrive" {
		low = 2
	}
	d.countBetween(low, 2)
	number, threads := d.src(0, u32), d.threadCount(1)
	arrive := kind == "arrive"
	return func(w *warp, mask uint32) {
		w.arrive(mask, number, threads, aligned, !arrive)
	}
}

// threadCount reads the operand that says how many threads take part. 0 means all.
func (d *decoder) threadCount(i int) int32 {
	if i >= len(d.raw.args) {
		return d.program.constant(0)
	}
	return d.src(i, u32)
}

// reducingBarrier is bar.red. All threads learn how many of them brought a true
// predicate, whether all did, or whether at least one did.
func reducingBarrier(d *decoder, aligned bool) runner {
	op := d.choice("popc", "and", "or")
	d.countBetween(3, 4)
	last := len(d.raw.args) - 1
	number := d.src(1, u32)
	threads := d.program.constant(0)
	if last == 3 {
		threads = d.src(2, u32)
	}
	brought := d.predicateSrc(d.raw.args[last])
	var deliver func(w *warp, mask uint32, count, of int)
	if op == "popc" {
		d.kind(u32)
		dst := d.dst(0, u32)
		deliver = func(w *warp, mask uint32, count, _ int) {
			w.eachLane(mask, func(lane int) { w.registers[dst][lane] = uint64(count) })
		}
	} else {
		d.kind(pred)
		dst := d.predicateDst(d.raw.args[0])
		deliver = func(w *warp, mask uint32, count, of int) {
			value := uint32(0)
			if op == "and" && count == of || op == "or" && count > 0 {
				value = math.MaxUint32
			}
			w.setPredicate(dst, mask, value)
		}
	}
	return func(w *warp, mask uint32) {
		w.vote |= brought.value(w) & mask
		w.deliveries = append(w.deliveries, delivery{mask, deliver})
		w.arrive(mask, number, threads, aligned, true)
	}
}

// A delivery hands the result of bar.red to the lanes that executed it.
type delivery struct {
	mask    uint32
	deliver func(w *warp, mask uint32, count, of int)
}

// An arrival says at which barrier a warp arrives, and how.
type arrival struct {
	barrier, threads int
	wait             bool // wait until all of the threads have arrived
}

// arrive brings lanes to a barrier. The warp has arrived when all its lanes have,
// except those that have ended. At an aligned barrier, such as every bar, they must
// arrive in the same instruction. At others they may come on different paths.
func (w *warp) arrive(mask uint32, number, threads int32, aligned, wait bool) {
	lane := lowest(mask)
	n, count := w.source(number)[lane], w.source(threads)[lane]
	a := arrival{int(n), int(count), wait}
	whole := mask == ^w.exited
	switch {
	case n >= barriers:
		w.fail(DivergentBarrier, lane, 0, "barrier %d does not exist: a block has barriers 0 to %d", n, barriers-1)
		return
	case aligned && !whole:
		w.fail(DivergentBarrier, lane, 0, "%s waits at barrier %d without %s of its warp: the warp has diverged",
			w.thread(lane), n, w.thread(lowest(^w.exited&^mask)))
		return
	case w.parked != 0 && a != w.arrival:
		w.fail(DivergentBarrier, lane, 0, "%s arrives at barrier %d for %s, while %s of its warp waits at barrier %d for %s",
			w.thread(lane), n, describeThreads(a.threads), w.thread(lowest(w.parked)), w.arrival.barrier, describeThreads(w.arrival.threads))
		return
	case count%32 != 0 || count > maxThreads || count == 0 && !wait:
		w.fail(DivergentBarrier, lane, 0, "barrier %d is for %d threads; the number must be a positive multiple of 32, at most 1024", n, count)
		return
	case !whole && len(w.calling) > 0:
		w.fail(DivergentBarrier, lane, 0, "%s waits at barrier %d without %s of its warp: inside a called function the emulator cannot suspend part of a warp",
			w.thread(lane), n, w.thread(lowest(^w.exited&^mask)))
		return
	}
	w.arrival = a
	if whole {
		w.arrived()
		return
	}
	w.parked |= mask
	w.stack = append(w.stack, path{w.pc, w.reconverge, mask, 0, false})
	if w.active &^= mask; w.active == 0 {
		w.pop()
	}
}

// arrived is called when the whole warp has arrived.
func (w *warp) arrived() {
	if w.arrival.wait {
		w.state = waiting
	}
	w.block.arrive(w, w.arrival.barrier, w.arrival.threads)
}

func (w *warp) thread(lane int) string {
	return "thread " + index(w.block.launch.threadIndex(w.first+lane))
}

func warpBarrier(d *decoder) runner {
	d.choice("sync")
	d.count(1)
	members := d.src(0, b32)
	return func(w *warp, mask uint32) {
		if !w.members(mask, members, "bar.warp.sync") {
			return
		}
		for rest := mask; rest != 0; {
			group := w.group(lowest(rest), mask, w.source(members))
			w.syncWarp(group)
			rest &^= group
		}
	}
}

// members checks the mask of a warp-wide instruction against the lanes that execute
// it. Nobody waits for lanes that have ended. If lanes are missing that are on another
// path, that path goes first: they may end on it. Then, and after a fault, members
// returns false, and the instruction is not done.
func (w *warp) members(mask uint32, operand int32, what string) bool {
	masks := w.source(operand)
	for m := mask; m != 0; m &= m - 1 {
		lane := lowest(m)
		named := uint32(masks[lane]) &^ w.exited
		missing := named &^ mask
		switch {
		case named>>lane&1 == 0:
			w.fail(InactiveLane, lane, 0, "lane %d executes %s with the mask 0x%08x, which does not name that lane", lane, what, named)
			return w.block.fault == nil
		case missing == 0:
			continue
		case missing&w.active == 0 && w.yieldTo(missing):
			return false
		}
		why := "is on another path"
		if w.active>>lowest(missing)&1 != 0 {
			why = "is switched off by the guard"
		}
		w.fail(InactiveLane, lane, 0, "the mask 0x%08x of %s names lane %d, which %s", named, what, lowest(missing), why)
		return w.block.fault == nil
	}
	return true
}

// group returns the lanes of the mask that a lane names. It is one of them, even if it
// does not name itself and nobody checks that.
func (w *warp) group(lane int, mask uint32, masks *lanes) uint32 {
	return uint32(masks[lane])&mask | 1<<lane
}

func fence(d *decoder) runner {
	d.class = Barrier
	d.option("sc", "acq_rel")
	if len(d.mods) == 0 {
		d.fail("the scope is missing")
	}
	d.mods = slices.DeleteFunc(d.mods, func(m string) bool { return m == "gl" }) // membar.gl is the scope gpu
	s := d.scope(strongDevice)
	d.count(0)
	if s == strongDevice {
		d.program.communicates = true
	}
	return func(w *warp, mask uint32) { w.fence(mask, s) }
}

func activeMask(d *decoder) runner {
	d.kind(b32)
	d.count(1)
	d.class = Shuffle
	dst := d.dst(0, b32)
	return func(w *warp, mask uint32) {
		w.eachLane(mask, func(lane int) { w.registers[dst][lane] = uint64(mask) })
	}
}
