package emulator

import "math"

var matrixDecoders = map[string]decoding{"ldmatrix": loadMatrix, "mma": multiplyMatrix}

// requireWholeWarp reports a fault unless all 32 lanes take part.
func (w *warp) requireWholeWarp(mask uint32, what string) bool {
	if mask == allLanes {
		return true
	}
	w.fail(InactiveLane, lowest(mask), 0, "%s needs all lanes of the warp, but lane %d does not take part", what, lowest(^mask))
	return false
}

// loadMatrix is ldmatrix. A matrix has 8 rows of 8 elements of 16 bits. Lanes 8i to
// 8i+7 point to the rows of matrix i. Each lane gets two neighbours of a row, or of
// a column if transposed.
func loadMatrix(d *decoder) runner {
	d.choice("sync")
	d.choice("aligned")
	d.choice("m8n8")
	count := map[string]int{"x1": 1, "x2": 2, "x4": 4}[d.choice("x1", "x2", "x4")]
	transposed := d.mod("trans")
	a := &access{size: 16, count: 1}
	if a.space = d.space(); a.space != shared && a.space != generic {
		d.fail("ldmatrix reads shared memory")
	}
	d.kind(b16)
	d.count(2)
	d.address(1, a)
	d.class = LoadShared
	o := d.raw.args[0]
	parts := o.parts
	if count == 1 && o.kind == operandRegister {
		parts = []operand{o}
	}
	if len(parts) != count {
		d.fail("%d registers, expected %d", len(parts), count)
	}
	dst := make([]int32, count)
	for i, part := range parts {
		dst[i] = d.dstOperand(part, b32, false)
	}
	return func(w *warp, mask uint32) {
		if !w.requireWholeWarp(mask, "ldmatrix") {
			return
		}
		base := *w.source(a.base)
		for i, r := range dst {
			w.measure(a, &base, 0xff<<(8*i), nil)
			var rows [8][]byte
			for row := range rows {
				lane := 8*i + row
				m, at := w.reach(a, lane, a.at(base[lane]))
				if m == nil {
					return
				}
				rows[row] = m.data[at : at+16]
			}
			for lane := range 32 {
				major, minor := lane/4, 2*(lane%4)
				low, high := little(rows[major][2*minor:], 2), little(rows[major][2*minor+2:], 2)
				if transposed {
					low, high = little(rows[minor][2*major:], 2), little(rows[minor+1][2*major:], 2)
				}
				w.registers[r][lane] = high<<16 | low
			}
		}
	}
}

// multiplyMatrix is mma.sync: d = a·b + c with a [16,k] by rows, b [k,8] by columns.
// The ISA leaves the order and the rounding of the sum open. Here the sum is taken
// in float64 and rounded once.
func multiplyMatrix(d *decoder) runner {
	d.choice("sync")
	d.choice("aligned")
	k := map[string]int{"m16n8k4": 4, "m16n8k8": 8, "m16n8k16": 16}[d.choice("m16n8k4", "m16n8k8", "m16n8k16")]
	d.choice("row")
	d.choice("col")
	result := d.kind(f16, f32)
	element := d.kind(f16, bf16, tf32)
	if d.kind() != element || d.kind() != result {
		d.fail("a and b must have the same type, and so must c and d")
	}
	if element != f16 && result == f16 || element == tf32 && k == 16 || element != tf32 && k == 4 {
		d.fail("mma with k = %d does not exist for these types", k)
	}
	d.count(4)
	d.class = Matrix
	d.flops, d.tensor = uint32(2*16*8*k), tensorOf(element)
	perRegister := 2
	if element == tf32 {
		perRegister = 1
	}
	sums := 4
	if result == f16 {
		sums = 2
	}
	p := &matrixProduct{element: element, result: result, k: k, perRegister: perRegister}
	p.d, p.c = d.fragment(0, sums, result, true), d.fragment(3, sums, result, false)
	p.a, p.b = d.fragment(1, 16*k/32/perRegister, element, false), d.fragment(2, 8*k/32/perRegister, element, false)
	return func(w *warp, mask uint32) {
		if w.requireWholeWarp(mask, "mma.sync") {
			p.run(w)
		}
	}
}

// A matrixProduct holds the types and the registers of an mma.sync.
type matrixProduct struct {
	element, result kind // of a and b; of c and d
	k               int
	perRegister     int // elements of a or b
	a, b, c, d      []int32
}

func (p *matrixProduct) run(w *warp) {
	var left, right [16][16]float64 // left[row][k], right[k][column]
	var sum [16][8]float64
	for lane := range 32 {
		row, quad := lane/4, lane%4
		for i := range len(p.a) * p.perRegister {
			// The registers first go down by 8 rows, then along by half of k.
			r := i / p.perRegister
			at := (quad+r/2*4)*p.perRegister + i%p.perRegister
			left[row+r%2*8][at] = part16(p.element, w.source(p.a[r])[lane], i%p.perRegister)
		}
		for i := range len(p.b) * p.perRegister {
			r := i / p.perRegister
			at := (quad+r*4)*p.perRegister + i%p.perRegister
			right[at][row] = part16(p.element, w.source(p.b[r])[lane], i%p.perRegister)
		}
		for i := range 4 {
			sum[row+i/2*8][2*quad+i%2] = accumulator(w, p.c, p.result, lane, i)
		}
	}
	for i := range sum {
		for j := range sum[i] {
			for n := range p.k {
				sum[i][j] += float64(left[i][n] * right[n][j])
			}
		}
	}
	for lane := range 32 {
		row, quad := lane/4, lane%4
		for i := range 4 {
			v := sum[row+i/2*8][2*quad+i%2]
			switch {
			case p.result == f32:
				w.registers[p.d[i]][lane] = toFloat32(float32(v))
			case i%2 == 0:
				w.registers[p.d[i/2]][lane] = float16.round(v, nearest)
			default:
				w.registers[p.d[i/2]][lane] |= float16.round(v, nearest) << 16
			}
		}
	}
}

// fragment returns the registers that hold a lane's part of a matrix.
func (d *decoder) fragment(i, count int, k kind, write bool) []int32 {
	o := d.raw.args[i]
	if o.kind != operandVector || len(o.parts) != count {
		d.fail("operand %d must be %d registers", i+1, count)
	}
	want := b32
	if k == f32 {
		want = f32
	}
	var all []int32
	for _, part := range o.parts {
		if write {
			all = append(all, d.dstOperand(part, want, false))
		} else {
			all = append(all, d.srcOperand(part, want, false))
		}
	}
	return all
}

// part16 returns an element of a or b. It is the low or high half of a register. For
// tf32 it is the whole register, whose low 13 bits are ignored.
func part16(k kind, v uint64, half int) float64 {
	if k == tf32 {
		return float64(math.Float32frombits(uint32(v) &^ (1<<13 - 1)))
	}
	return formatOf(k).decode(v >> (16 * half) & 0xffff)
}

func accumulator(w *warp, c []int32, k kind, lane, i int) float64 {
	if k == f32 {
		return float64(fromFloat32(w.source(c[i])[lane]))
	}
	return float16.decode(w.source(c[i/2])[lane] >> (16 * (i % 2)) & 0xffff)
}
