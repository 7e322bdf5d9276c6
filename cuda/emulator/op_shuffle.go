package emulator

import "math/bits"

var shuffleDecoders = map[string]decoding{
	"shfl":  shuffle,
	"vote":  vote,
	"match": match,
	"redux": redux,
}

func lowest(mask uint32) int { return bits.TrailingZeros32(mask) & 31 }

// shuffle is shfl.sync: d|p = a of lane j. c holds a clamp in its low byte and a
// segment mask in its second byte.
func shuffle(d *decoder) runner {
	d.class = Shuffle
	d.choice("sync")
	mode := d.choice("up", "down", "bfly", "idx")
	d.kind(b32)
	d.count(5)
	to, inRange := d.raw.args[0], operand{kind: operandSink}
	if to.kind == operandPair {
		to, inRange = to.parts[0], to.parts[1]
	}
	dst := int32(absent)
	if to.kind != operandSink {
		dst = d.dstOperand(to, b32, false)
	}
	p := d.predicateDst(inRange)
	a, b, c, members := d.src(1, b32), d.src(2, b32), d.src(3, b32), d.src(4, b32)
	exchanges, usual := newExchanges(mode)
	constant := b < 0 && c < 0 && members < 0
	return func(w *warp, mask uint32) {
		delta, control, named := w.source(b), w.source(c), w.source(members)
		if mask == allLanes && (constant || uniform(delta) && uniform(control) && uniform(named)) && control[0] == usual && uint32(named[0]) == allLanes {
			exchange, values := &exchanges[delta[0]&31], *w.source(a)
			if dst != absent {
				vector.pick(&w.registers[dst], &values, &exchange.from)
			}
			w.setPredicate(p, allLanes, exchange.valid)
			return
		}
		if !w.members(mask, members, "shfl.sync") {
			return
		}
		values := *w.source(a)
		var result lanes
		valid := uint32(0)
		w.eachLane(mask, func(lane int) {
			from, ok := shuffleSource(mode, lane, int(delta[lane]&31), uint32(control[lane]))
			if ok {
				valid |= 1 << lane
			}
			switch {
			case w.exited>>from&1 != 0:
				w.fail(InactiveLane, lane, 0, "lane %d reads with shfl.sync from lane %d, which has ended", lane, from)
			case mask>>from&1 == 0:
				w.fail(InactiveLane, lane, 0, "lane %d reads from lane %d, which does not take part in shfl.sync", lane, from)
			}
			result[lane] = values[from]
		})
		if dst != absent {
			w.eachLane(mask, func(lane int) { w.registers[dst][lane] = result[lane] })
		}
		w.setPredicate(p, mask, valid)
	}
}

// An exchange is what shfl.sync does in a warp whose lanes all take part, and all ask for
// the same: the lane that each reads from, and where p is true.
type exchange struct {
	from  [32]uint8
	valid uint32
}

// newExchanges returns the exchanges for b from 0 to 31, and for the c that CUDA has for
// shuffles that do not divide the warp.
func newExchanges(mode string) (all [32]exchange, control uint64) {
	if mode != "up" {
		control = 31
	}
	for delta := range all {
		e := &all[delta]
		for lane := range e.from {
			from, ok := shuffleSource(mode, lane, delta, uint32(control))
			e.from[lane] = uint8(from)
			if ok {
				e.valid |= 1 << lane
			}
		}
	}
	return all, control
}

// shuffleSource returns the lane to read from. It follows the pseudo code of the ISA.
func shuffleSource(mode string, lane, delta int, control uint32) (from int, ok bool) {
	clamp, segment := int(control&31), int(control>>8&31)
	highest := lane&segment | clamp&^segment
	lowest := lane & segment
	switch mode {
	case "up":
		from = lane - delta
		ok = from >= highest
	case "down":
		from = lane + delta
		ok = from <= highest
	case "bfly":
		from = lane ^ delta
		ok = from <= highest
	default:
		from = lowest | delta&^segment
		ok = from <= highest
	}
	if !ok {
		from = lane
	}
	return from, ok
}

func vote(d *decoder) runner {
	d.class = Shuffle
	d.choice("sync")
	mode := d.choice("all", "any", "uni", "ballot")
	d.count(3)
	members := d.src(2, b32)
	a := d.predicateSrc(d.raw.args[1])
	if mode == "ballot" {
		d.kind(b32)
		dst := d.dst(0, b32)
		return func(w *warp, mask uint32) {
			if w.members(mask, members, "vote.sync") {
				w.eachGroup(mask, members, func(lane int, group uint32) {
					w.registers[dst][lane] = uint64(a.value(w) & group)
				})
			}
		}
	}
	d.kind(pred)
	dst := d.predicateDst(d.raw.args[0])
	return func(w *warp, mask uint32) {
		if !w.members(mask, members, "vote.sync") {
			return
		}
		value, result := a.value(w), uint32(0)
		w.eachGroup(mask, members, func(lane int, group uint32) {
			all, some := value&group == group, value&group != 0
			if mode == "all" && all || mode == "any" && some || mode == "uni" && (all || !some) {
				result |= 1 << lane
			}
		})
		w.setPredicate(dst, mask, result)
	}
}

// eachGroup calls do for each lane, with the group of lanes that its mask names.
func (w *warp) eachGroup(mask uint32, members int32, do func(lane int, group uint32)) {
	masks := *w.source(members)
	w.eachLane(mask, func(lane int) { do(lane, w.group(lane, mask, &masks)) })
}

// match is match.any.sync and match.all.sync.
func match(d *decoder) runner {
	d.class = Shuffle
	mode := d.choice("any", "all")
	d.choice("sync")
	k := d.kind(b32, b64)
	d.count(3)
	to, agree := d.raw.args[0], operand{kind: operandSink}
	if to.kind == operandPair && mode == "all" {
		to, agree = to.parts[0], to.parts[1]
	}
	dst, p := d.dstOperand(to, b32, false), d.predicateDst(agree)
	a, members := d.src(1, k), d.src(2, b32)
	return func(w *warp, mask uint32) {
		if !w.members(mask, members, "match.sync") {
			return
		}
		values, unanimous := *w.source(a), uint32(0)
		w.eachGroup(mask, members, func(lane int, group uint32) {
			same := uint32(0)
			w.eachLane(group, func(other int) {
				if values[other] == values[lane] {
					same |= 1 << other
				}
			})
			switch {
			case mode == "any":
			case same == group:
				unanimous |= 1 << lane
			default:
				same = 0
			}
			w.registers[dst][lane] = uint64(same)
		})
		w.setPredicate(p, mask, unanimous)
	}
}

// redux is redux.sync: a reduction over the lanes of the mask.
func redux(d *decoder) runner {
	d.class = Shuffle
	d.choice("sync")
	name := d.choice("add", "min", "max", "and", "or", "xor")
	var k kind
	if name == "and" || name == "or" || name == "xor" {
		k = d.kind(b32)
	} else {
		k = d.kind(u32, s32)
	}
	d.count(3)
	dst, a, members := d.dst(0, k), d.src(1, k), d.src(2, b32)
	op := atomicOperation(name, k)
	return func(w *warp, mask uint32) {
		if !w.members(mask, members, "redux.sync") {
			return
		}
		values := *w.source(a)
		w.eachGroup(mask, members, func(lane int, group uint32) {
			result := values[lowest(group)]
			w.eachLane(group&(group-1), func(other int) { result = op(result, values[other], 0) })
			w.registers[dst][lane] = result
		})
	}
}
