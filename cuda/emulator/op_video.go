package emulator

import (
	"math"
	"strings"
)

// The video instructions take parts of registers: bytes (.b0) or halves (.h1). PTX ISA
// 9.0, "Video Instructions".
var videoDecoders = map[string]decoding{
	"vadd": video(videoAdd), "vsub": video(videoSub), "vabsdiff": video(videoAbsDiff), "vmin": video(videoMin), "vmax": video(videoMax),
	"vshl": videoShift(true), "vshr": videoShift(false), "vset": videoSet, "vmad": videoMultiplyAdd,

	"vadd2": videoLanes(2, videoAdd), "vsub2": videoLanes(2, videoSub), "vabsdiff2": videoLanes(2, videoAbsDiff),
	"vmin2": videoLanes(2, videoMin), "vmax2": videoLanes(2, videoMax), "vavrg2": videoLanes(2, videoAverage), "vset2": videoLanes(2, nil),
	"vadd4": videoLanes(4, videoAdd), "vsub4": videoLanes(4, videoSub), "vabsdiff4": videoLanes(4, videoAbsDiff),
	"vmin4": videoLanes(4, videoMin), "vmax4": videoLanes(4, videoMax), "vavrg4": videoLanes(4, videoAverage), "vset4": videoLanes(4, nil),
}

func videoAdd(a, b int64) int64 { return a + b }
func videoSub(a, b int64) int64 { return a - b }
func videoMin(a, b int64) int64 { return min(a, b) }
func videoMax(a, b int64) int64 { return max(a, b) }

func videoAbsDiff(a, b int64) int64 { return max(a-b, b-a) }

// videoAverage rounds halves away from zero.
func videoAverage(a, b int64) int64 {
	if a+b >= 0 {
		return (a + b + 1) >> 1
	}
	return (a + b) >> 1
}

// selector takes the part of the register that operand i names, or "". It is of letter
// b or h, and each of its digits, at most that many, is below limit.
func (d *decoder) selector(i int, letter string, digits, limit int) string {
	name := d.raw.args[i].name
	if d.raw.args[i].kind != operandRegister || name == "" {
		return ""
	}
	rest, ok := strings.CutPrefix(name, letter)
	for _, c := range []byte(rest) {
		ok = ok && int(c-'0') < limit
	}
	if !ok || rest == "" || len(rest) > digits {
		d.fail("part .%s of a register is not known here", name)
	}
	return rest
}

// A videoPart is a part of a register: bits first to first+width-1.
type videoPart struct{ first, width int }

// videoPart returns the part that operand i names.
func (d *decoder) videoPart(i int) videoPart {
	switch name := d.raw.args[i].name; {
	case name == "" || d.raw.args[i].kind != operandRegister:
		return videoPart{0, 32}
	case name[0] == 'h':
		return videoPart{16 * int(d.selector(i, "h", 1, 2)[0]-'0'), 16}
	}
	return videoPart{8 * int(d.selector(i, "b", 1, 4)[0]-'0'), 8}
}

// clampTo limits v to what width bits hold.
func clampTo(v int64, width int, signed bool) int64 {
	if signed {
		return min(max(v, -1<<(width-1)), 1<<(width-1)-1)
	}
	return min(max(v, 0), 1<<width-1)
}

// videoResult decodes what follows a scalar operation: saturation, a second operation
// with c, or insertion into c.
func (d *decoder) videoResult(result kind) func(tmp int64, c uint64) uint64 {
	sat, second := d.mod("sat"), d.option("add", "min", "max")
	to := d.videoPart(0)
	insert := to.width < 32
	want := 3
	if second != "" || insert {
		want = 4
	}
	if second != "" && insert {
		d.fail(".%s goes without a part of the result", second)
	}
	d.count(want)
	signed := result == s32
	return func(tmp int64, c uint64) uint64 {
		if sat {
			tmp = clampTo(tmp, to.width, signed)
		}
		value := extend(truncate(uint64(tmp), 4), result)
		other := extend(truncate(c, 4), result)
		switch {
		case insert:
			mask := uint64(1)<<to.width - 1
			return c&^(mask<<to.first) | uint64(tmp)&mask<<to.first
		case second == "add":
			value += other
		case second == "min":
			value = min(value, other)
		case second == "max":
			value = max(value, other)
		}
		return truncate(uint64(value), 4)
	}
}

// third returns the operand c, or a zero if there is none.
func (d *decoder) videoThird() int32 {
	if len(d.raw.args) < 4 {
		return d.program.constant(0)
	}
	return d.src(3, b32)
}

// video decodes an operation on parts of a and b.
func video(op func(a, b int64) int64) decoding {
	return func(d *decoder) runner {
		result, ka, kb := d.kind(u32, s32), d.kind(u32, s32), d.kind(u32, s32)
		finish := d.videoResult(result)
		pa, pb := d.videoPart(1), d.videoPart(2)
		return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.videoThird(), func(a, b, c uint64) uint64 {
			return finish(op(part(a, pa.first, pa.width, ka), part(b, pb.first, pb.width, kb)), c)
		})
	}
}

// videoShift decodes vshl and vshr. Too long a shift is cut to 32, or to its low bits.
func videoShift(left bool) decoding {
	return func(d *decoder) runner {
		wrap := d.choice("clamp", "wrap") == "wrap"
		result, ka, kb := d.kind(u32, s32), d.kind(u32, s32), d.kind(u32)
		finish := d.videoResult(result)
		pa, pb := d.videoPart(1), d.videoPart(2)
		return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.videoThird(), func(a, b, c uint64) uint64 {
			v, by := part(a, pa.first, pa.width, ka), part(b, pb.first, pb.width, kb)
			if wrap {
				by &= 31
			}
			if by = min(by, 32); left {
				return finish(v<<by, c)
			}
			return finish(v>>by, c)
		})
	}
}

// videoComparison reads a comparison of integers.
func (d *decoder) videoComparison() func(a, b int64) int64 {
	accepts := comparisons[d.choice("eq", "ne", "lt", "le", "gt", "ge")]
	return func(a, b int64) int64 {
		if accepts[order(a, b)] {
			return 1
		}
		return 0
	}
}

func videoSet(d *decoder) runner {
	ka, kb := d.kind(u32, s32), d.kind(u32, s32)
	holds := d.videoComparison()
	finish := d.videoResult(u32)
	pa, pb := d.videoPart(1), d.videoPart(2)
	return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.videoThird(), func(a, b, c uint64) uint64 {
		return finish(holds(part(a, pa.first, pa.width, ka), part(b, pb.first, pb.width, kb)), c)
	})
}

// videoMultiplyAdd is vmad: a·b + c, or with .po one more, shifted right and saturated.
// A minus before a or b negates the product, one before c negates c.
func videoMultiplyAdd(d *decoder) runner {
	result, ka, kb := d.kind(u32, s32), d.kind(u32, s32), d.kind(u32, s32)
	sat, po := d.mod("sat"), d.mod("po")
	shift := map[string]int{"": 0, "shr7": 7, "shr15": 15}[d.option("shr7", "shr15")]
	d.count(4)
	var minus [4]bool
	for i := range minus {
		if o := &d.raw.args[i]; o.kind == operandRegister && o.negated {
			minus[i] = true
		}
	}
	if minus[0] || po && (minus[1] || minus[2] || minus[3]) {
		d.fail("a minus is not known here")
	}
	pa, pb := d.videoPart(1), d.videoPart(2)
	src := func(i int) int32 {
		o := d.raw.args[i]
		o.negated = false
		return d.srcOperand(o, b32, false)
	}
	return lanes3(d.dst(0, b32), src(1), src(2), src(3), func(a, b, c uint64) uint64 {
		product := part(a, pa.first, pa.width, ka) * part(b, pb.first, pb.width, kb)
		third := extend(truncate(c, 4), result)
		switch {
		case po:
			product++
		case minus[1] != minus[2]:
			product = -product
		case minus[3]:
			third = -third
		}
		v := (product + third) >> shift
		if sat {
			v = clampTo(v, 32, result == s32)
		}
		return truncate(uint64(v), 4)
	})
}

// videoLanes decodes an operation on the two halves or four bytes of registers; op is
// nil for a comparison. The parts of a and b may be any of those of both. A result
// without .add takes from c the parts that it does not compute; with .add it is the sum
// of c and the parts.
func videoLanes(n int, op func(a, b int64) int64) decoding {
	width, letter := 32/n, map[int]string{2: "h", 4: "b"}[n]
	return func(d *decoder) runner {
		result, compare := u32, op == nil
		if !compare {
			result = d.kind(u32, s32)
		}
		ka, kb := d.kind(u32, s32), d.kind(u32, s32)
		f := op
		if compare {
			f = d.videoComparison()
		}
		add, sat := d.mod("add"), !compare && d.mod("sat")
		if add && sat {
			d.fail(".add and .sat exclude each other")
		}
		d.count(4)
		computed := d.selector(0, letter, n, n)
		if computed == "" {
			computed = "3210"[4-n:]
		}
		choose := func(i, first int) (from [4]int) {
			text := d.selector(i, letter, n, 2*n)
			for lane := range n {
				from[lane] = first + lane
				if text != "" {
					if len(text) != n {
						d.fail("part .%s of a register needs %d digits", d.raw.args[i].name, n)
					}
					from[lane] = int(text[n-1-lane] - '0')
				}
			}
			return from
		}
		fromA, fromB := choose(1, 0), choose(2, n)
		return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.src(3, b32), func(a, b, c uint64) uint64 {
			both := b<<32 | truncate(a, 4)
			get := func(at int, k kind) int64 { return part(both>>(width*at), 0, width, k) }
			merged, sum := c, int64(c)
			for lane := range n {
				if !strings.ContainsRune(computed, rune('0'+lane)) {
					continue
				}
				v := f(get(fromA[lane], ka), get(fromB[lane], kb))
				if sat {
					v = clampTo(v, width, result == s32)
				}
				mask := uint64(math.MaxUint32) >> (32 - width) << (width * lane)
				merged = merged&^mask | uint64(v)<<(width*lane)&mask
				sum += v
			}
			if add {
				return truncate(uint64(sum), 4)
			}
			return merged
		})
	}
}
