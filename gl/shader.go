package gl

import (
	"fmt"
	"math"
	"strings"

	"gputrain/backend"
	"gputrain/kernels"
)

// shader is a shader with its program, which is compiled when it is first needed.
type shader struct {
	kernels.Shader
	program Program // of the thread; none until then
}

// variant names a shader: a kernel, and its tile, team or group if it comes in several.
type variant struct {
	kernel string
	number int
}

func newShaders() map[variant]*shader {
	shaders := map[variant]*shader{}
	for _, s := range kernels.Shaders() {
		shaders[variant{s.Kernel, s.Variant}] = &shader{Shader: s}
	}
	return shaders
}

// compile compiles the program unless it is compiled already. It runs on the thread.
func (s *shader) compile(device Device) error {
	if s.program != 0 {
		return nil
	}
	text, files := s.Source()
	program, err := device.Compile(text)
	if err != nil {
		return fmt.Errorf("shader %s: the driver's compiler refuses kernels/%s (file 0 of %s): %w",
			s.Name(), s.File, strings.Join(files, ", "), err)
	}
	s.program = program
	return nil
}

// window is an operand of a shader: a buffer and the element where it begins.
type window struct {
	buffer Buffer
	at     uint32
}

// of returns the operand for t, absent if t is.
func of(t backend.Tensor) window {
	if !t.Present() {
		return window{at: kernels.Absent}
	}
	return window{t.Buf.(*buffer).name, uint32(t.Off)}
}

// ofInts returns the operand for t.
func ofInts(t backend.Ints) window { return window{t.Buf.(*buffer).name, uint32(t.Off)} }

// beyond returns the window that begins so many elements further.
func (w window) beyond(elements int) window { return window{w.buffer, w.at + uint32(elements)} }

// offset returns where the window begins, in bytes.
func (w window) offset() int { return int(w.at) * elementBytes }

const maxGroups = 1<<16 - 1 // along an axis, that every driver has

// run queues a shader in x times y groups on behalf of op.
func (d *Backend) run(op string, v variant, x, y int, operands []window, scalars ...uint32) {
	s := d.shaders[v]
	if len(operands) != len(s.Operands) || len(scalars) != len(s.Scalars) {
		panic(fmt.Sprintf("gl: %s: shader %s takes %d operands and %d scalars, got %d and %d",
			op, s.Name(), len(s.Operands), len(s.Scalars), len(operands), len(scalars)))
	}
	if d.Err() != nil {
		return
	}
	c := command{op: op, shader: s, x: min(max(x, 1), maxGroups), y: max(y, 1)}
	for i, w := range operands {
		c.buffers[i], c.args[i] = w.buffer, w.at
		if w.buffer == 0 {
			c.buffers[i] = d.lookups.fault.buffer // absent or empty, but something must be bound
		}
	}
	c.argCount = len(operands) + copy(c.args[len(operands):], scalars)
	d.thread.queue <- c
}

// each runs a shader over n elements, if there are any.
func (d *Backend) each(op, kernel string, n int, operands []window, scalars ...uint32) {
	if n > 0 {
		d.run(op, variant{kernel, 0}, ceil(n, groupSize), 1, operands, scalars...)
	}
}

// rows returns the variant of a shader, and its number of groups, that has a group for
// each row of cols elements. Short rows get small groups, very long ones large groups.
// Rows that are too long for its loops are an error of op, and then ok is false.
func (d *Backend) rows(op, kernel string, rows, cols int) (v variant, groups int, ok bool) {
	v, groups = variant{kernel, groupSize}, min(rows, maxGroups)
	switch {
	case cols <= shortRow:
		v.number = smallGroup
	case cols > maxColumns:
		d.keep(op, fmt.Errorf("rows of %d elements: the shader takes %d at most", cols, maxColumns))
		return v, groups, false
	case cols > longRow:
		v.number = largeGroup
	}
	return v, groups, rows > 0
}

const (
	groupSize  = 256
	smallGroup = 32
	largeGroup = 1024
	turns      = 4 // of a large group: TURNS of common.glsl

	// llvmpipe ends the loops of an invocation, in silence, after 65,535 iterations in
	// all. So no loop runs for longer than maxLoop, and a shader goes through a row
	// three times.
	maxLoop    = 1 << 14
	shortRow   = 128
	longRow    = maxLoop * groupSize
	maxColumns = maxLoop * largeGroup * turns // twice what a buffer of llvmpipe holds
)

func ceil(n, size int) int { return (n + size - 1) / size }

// word returns the argument for a size, which fits because a buffer has fewer elements.
func word(n int) uint32 { return uint32(n) }

// size returns the argument for a number of elements.
func size(t backend.Tensor) uint32 { return word(t.Size()) }

// float returns the argument for a scalar, as float32.
func float(x float64) uint32 { return math.Float32bits(float32(x)) }

// flag returns the argument for a choice.
func flag(x bool) uint32 {
	if x {
		return 1
	}
	return 0
}
