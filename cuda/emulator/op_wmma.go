package emulator

import (
	"math"
)

var wmmaDecoders = map[string]decoding{"wmma": wmma}

// A wmmaMatrix is one of the matrices of a wmma instruction, spread over a warp. The ISA
// leaves it open which lane holds which element. Here lane l holds as its element i
// element 32i + l of the matrix, counted by rows, and again from the first where lanes
// have room for more than there are.
type wmmaMatrix struct {
	rows, columns int
	kind          kind
	registers     []int32
}

// perRegister returns the elements that a register holds.
func (m *wmmaMatrix) perRegister() int {
	if m.kind == tf32 {
		return 1
	}
	return max(1, 4/m.kind.size())
}

// at returns which element of the matrix a lane holds as its element i.
func (m *wmmaMatrix) at(lane, i int) (row, column int) {
	n := (32*i + lane) % (m.rows * m.columns)
	return n / m.columns, n % m.columns
}

// perLane returns how many elements a lane holds.
func (m *wmmaMatrix) perLane() int { return len(m.registers) * m.perRegister() }

// bits returns element i of a lane.
func (m *wmmaMatrix) bits(w *warp, lane, i int) uint64 {
	size := m.kind.size()
	v := w.source(m.registers[i/m.perRegister()])[lane]
	return v >> (8 * size * (i % m.perRegister())) & (math.MaxUint64 >> (64 - 8*size))
}

// setBits sets element i of a lane. The elements of a register must be set in order.
func (m *wmmaMatrix) setBits(w *warp, lane, i int, v uint64) {
	r := &w.registers[m.registers[i/m.perRegister()]][lane]
	if i%m.perRegister() == 0 {
		*r = 0
	}
	*r |= v << (8 * m.kind.size() * (i % m.perRegister()))
}

// number returns the value of an element.
func (k kind) number(v uint64) float64 {
	switch k {
	case f16, bf16:
		return formatOf(k).decode(v)
	case tf32:
		return part16(tf32, v, 0)
	case f32:
		return float64(fromFloat32(v))
	case f64:
		return math.Float64frombits(v)
	case s8, s32:
		return float64(extend(v, k))
	}
	return float64(v)
}

// wmma is wmma.load, wmma.store and wmma.mma.
func wmma(d *decoder) runner {
	what := d.choice("load", "store", "mma")
	if what == "mma" {
		return wmmaMultiply(d)
	}
	part := d.choice("a", "b", "c", "d")
	if (what == "store") != (part == "d") {
		d.fail("wmma.%s.%s does not exist", what, part)
	}
	d.choice("sync")
	d.choice("aligned")
	shape := d.wmmaShape()
	byColumns := d.choice("row", "col") == "col"
	a := &access{count: 1, write: part == "d"}
	if a.space = d.space(); a.space != generic && a.space != global && a.space != shared {
		d.fail("wmma.%s reaches global and shared memory only", what)
	}
	k := d.kind(f16, bf16, tf32, f32, f64, s8, u8, s32)
	a.size = k.size()
	d.countBetween(2, 3)
	address, values := 1, 0
	if a.write {
		address, values = 0, 1
	}
	m := d.wmmaMatrix(values, part, shape, k)
	d.address(address, a)
	least := m.columns
	if byColumns {
		least = m.rows
	}
	stride := d.program.constant(uint64(least))
	if len(d.raw.args) == 3 {
		stride = d.src(2, u32)
	}
	return func(w *warp, mask uint32) {
		if !w.requireWholeWarp(mask, "wmma."+what) {
			return
		}
		base, step := *w.source(a.base), *w.source(stride)
		w.storing = nil
		for i := range m.perLane() {
			var addresses lanes
			for lane := range addresses {
				along, across := m.at(lane, i)
				if byColumns {
					along, across = across, along
				}
				addresses[lane] = base[lane] + uint64(a.size)*(uint64(along)*uint64(uint32(step[lane]))+uint64(across))
			}
			w.measure(a, &addresses, mask, nil)
			for lane, address := range addresses {
				memory, at := w.reach(a, lane, a.at(address))
				switch {
				case memory == nil && w.block.fault != nil:
					return
				case memory == nil:
				case a.write:
					putLittle(memory.data[at:], a.size, m.bits(w, lane, i))
				default:
					m.setBits(w, lane, i, little(memory.data[at:], a.size))
				}
			}
		}
	}
}

// wmmaMultiply is wmma.mma: d = a·b + c. As with mma, the sum is taken in float64 and
// rounded once, or exactly if the elements are integers.
func wmmaMultiply(d *decoder) runner {
	for _, other := range []string{"xor", "and"} {
		if d.mod(other) {
			d.fail("wmma on single bits is not supported")
		}
	}
	d.choice("sync")
	d.choice("aligned")
	for range 2 { // the layouts of a and b make no difference here
		if !d.mod("row") && !d.mod("col") {
			d.fail("the layouts of a and b are missing")
		}
	}
	shape := d.wmmaShape()
	d.option("rn")
	saturate := d.mod("satfinite")
	result := d.kind(f16, f32, f64, s32)
	element, sum := f16, none
	if sum = d.kind(f16, f32, f64, bf16, tf32, s8, u8); len(d.mods) > 0 {
		element = sum
		if d.kind() != element {
			d.fail("a and b must have the same type")
		}
		sum = d.kind(result)
	}
	if result == s32 != (element == s8 || element == u8) || (result == f64) != (element == f64) || element != f16 && result == f16 {
		d.fail("wmma does not exist for these types")
	}
	d.count(4)
	d.class = Matrix
	d.flops, d.tensor = uint32(2*shape[0]*shape[1]*shape[2]), tensorOf(element)
	to := d.wmmaMatrix(0, "d", shape, result)
	a, b, c := d.wmmaMatrix(1, "a", shape, element), d.wmmaMatrix(2, "b", shape, element), d.wmmaMatrix(3, "c", shape, sum)
	return func(w *warp, mask uint32) {
		if !w.requireWholeWarp(mask, "wmma.mma") {
			return
		}
		left, right, sums := a.gather(w), b.gather(w), c.gather(w)
		for i := range shape[0] {
			for j := range shape[1] {
				for n := range shape[2] {
					sums[i][j] = math.FMA(left[i][n], right[n][j], sums[i][j])
				}
			}
		}
		for lane := range 32 {
			for i := range to.perLane() {
				row, column := to.at(lane, i)
				to.setBits(w, lane, i, roundTo(result, sums[row][column], saturate))
			}
		}
	}
}

// roundTo returns the bits of a sum. Sums of bytes are exact in float64; as numbers of
// 32 bits they saturate or wrap around.
func roundTo(k kind, v float64, saturate bool) uint64 {
	switch k {
	case f16:
		return float16.round(v, nearest)
	case f32:
		return toFloat32(float32(v))
	case f64:
		return toFloat64(v)
	}
	if saturate {
		v = min(max(v, math.MinInt32), math.MaxInt32)
	}
	return uint64(uint32(int64(v)))
}

// gather returns the whole matrix.
func (m *wmmaMatrix) gather(w *warp) (all [32][32]float64) {
	for lane := range 32 {
		for i := range m.perLane() {
			row, column := m.at(lane, i)
			all[row][column] = m.kind.number(m.bits(w, lane, i))
		}
	}
	return all
}

// wmmaShape reads M, N and K.
func (d *decoder) wmmaShape() [3]int {
	switch d.choice("m16n16k16", "m8n32k16", "m32n8k16", "m16n16k8", "m8n8k4", "m8n8k32", "m8n8k128") {
	case "m16n16k16":
		return [3]int{16, 16, 16}
	case "m8n32k16":
		return [3]int{8, 32, 16}
	case "m32n8k16":
		return [3]int{32, 8, 16}
	case "m16n16k8":
		return [3]int{16, 16, 8}
	case "m8n8k4":
		return [3]int{8, 8, 4}
	}
	d.fail("wmma on numbers of less than 8 bits is not supported")
	return [3]int{}
}

// wmmaMatrix reads operand i, the registers of a matrix.
func (d *decoder) wmmaMatrix(i int, part string, shape [3]int, k kind) *wmmaMatrix {
	m := &wmmaMatrix{rows: shape[0], columns: shape[1], kind: k}
	factor := part == "a" || part == "b"
	switch part {
	case "a":
		m.columns = shape[2]
	case "b":
		m.rows = shape[2]
	}
	is8, isF64, isTF32 := k == s8 || k == u8, k == f64, k == tf32
	switch {
	case isF64 != (shape[2] == 4), isTF32 && shape[2] != 8, shape[2] == 8 && factor && !isTF32,
		factor && (k == f32 || k == s32), !factor && (is8 || isTF32 || k == bf16):
		d.fail("wmma with k = %d does not exist for a matrix %s of type %v", shape[2], part, k)
	}
	count := m.rows * m.columns / 32 / m.perRegister()
	if factor && k == f16 {
		count = 8 // whatever the shape
	}
	o := d.raw.args[i]
	if o.kind != operandVector || len(o.parts) != count {
		d.fail("operand %d must be %d registers", i+1, count)
	}
	want := k
	if k != f32 && k != f64 {
		want = b32
	}
	for _, register := range o.parts {
		if d.raw.mods[0] == "load" || d.raw.mods[0] == "mma" && i == 0 {
			m.registers = append(m.registers, d.dstOperand(register, want, false))
		} else {
			m.registers = append(m.registers, d.srcOperand(register, want, false))
		}
	}
	return m
}
