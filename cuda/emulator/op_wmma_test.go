package emulator

import (
	_ "embed"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

//go:embed testdata/wmma.ptx
var wmmaPTX string

// Small integers are exact in every type, so the products are too.
func TestWMMA(t *testing.T) {
	for _, c := range []struct {
		kernel               string
		m, n, k              int
		element, sum         kind
		aColumns, bColumns   bool // the matrix is stored by columns
		cColumns             bool
		smallest, magnitudes int // of the elements
	}{
		{"f16_16", 16, 16, 16, f16, f32, false, true, false, -8, 17},
		{"f16_8", 8, 32, 16, f16, f32, true, false, true, -8, 17},
		{"f16_32", 32, 8, 16, f16, f32, false, false, false, -8, 17},
		{"half_16", 16, 16, 16, f16, f16, false, false, false, -3, 7},
		{"bf16_16", 16, 16, 16, bf16, f32, false, true, false, -8, 17},
		{"bf16_8", 8, 32, 16, bf16, f32, false, false, false, -8, 17},
		{"tf32_16", 16, 16, 8, tf32, f32, false, false, false, -8, 17},
		{"s8_16", 16, 16, 16, s8, s32, false, true, false, -128, 256},
		{"u8_32", 32, 8, 16, u8, s32, false, false, true, 0, 256},
		{"f64_8", 8, 8, 4, f64, f64, false, true, false, -1000, 2001},
	} {
		const padding = 8 // a row in memory is longer than that of the matrix
		draw := uint64(1)
		element := func() int {
			draw = mix(draw)
			return c.smallest + int(draw%uint64(c.magnitudes))
		}
		fill := func(rows, columns int, byColumns bool) (values [][]float64, data []byte, stride int) {
			stride, lines := columns+padding, rows
			if byColumns {
				stride, lines = rows+padding, columns
			}
			data = make([]byte, stride*lines*c.element.size())
			for i := range rows {
				values = append(values, make([]float64, columns))
				for j := range columns {
					v := element()
					values[i][j] = float64(v)
					at := i*stride + j
					if byColumns {
						at = j*stride + i
					}
					putLittle(data[at*c.element.size():], c.element.size(), encodeElement(c.element, v))
				}
			}
			return values, data, stride
		}
		a, dataA, lda := fill(c.m, c.k, c.aColumns)
		bm, dataB, ldb := fill(c.k, c.n, c.bColumns)
		sums, want := make([]byte, c.m*c.n*c.sum.size()), make([]byte, c.m*c.n*c.sum.size())
		for i := range c.m {
			for j := range c.n {
				at := i*c.n + j
				if c.cColumns {
					at = j*c.m + i
				}
				v := i - 2*j
				putLittle(sums[at*c.sum.size():], c.sum.size(), encodeElement(c.sum, v))
				for n := range c.k {
					v += int(a[i][n] * bm[n][j])
				}
				putLittle(want[at*c.sum.size():], c.sum.size(), encodeElement(c.sum, v))
			}
		}
		b := newBench(t, wmmaPTX, Options{})
		p := upload(b, sums)
		b.must(b.launch(c.kernel, dim(1), dim(32), 0, p, upload(b, dataA), upload(b, dataB), lda, ldb))
		compareExactly(t, c.kernel, download[byte](b, p, len(sums)), want)
		checkReport(t, b.launch(c.kernel, dim(1), dim(16), 0, p, p, p, lda, ldb), InactiveLane, "needs all lanes")
	}
}

// The elements of accumulators of different types are in the same places.
func TestWMMAFragmentsOfOneShapeAgree(t *testing.T) {
	b := newBench(t, wmmaPTX, Options{})
	one := make([]byte, 2*256)
	for i := range 256 {
		binary.LittleEndian.PutUint16(one[2*i:], uint16(encodeHalf(float64(i%16-8))))
	}
	out := upload(b, make([]byte, 2*256))
	b.must(b.launch("scaled", dim(1), dim(32), 0, out, upload(b, one), upload(b, one)))
	// a[i][k] = k-8 and b[k][j] = j-8: the sum over k is -8·(j-8), one and a half times.
	for i, v := range download[uint16](b, out, 256) {
		if want := uint16(encodeHalf(float64(-12 * (i%16 - 8)))); v != want {
			t.Fatalf("element %d is 0x%x, want 0x%x", i, v, want)
		}
	}
}

func encodeElement(k kind, v int) uint64 {
	switch k {
	case f16:
		return encodeHalf(float64(v))
	case bf16:
		return bits32(float32(v)) >> 16
	case tf32, f32:
		return bits32(float32(v))
	case f64:
		return bits64(float64(v))
	}
	return truncate(uint64(v), k.size())
}

func TestWMMASaturates(t *testing.T) {
	if got := roundTo(s32, math.MaxInt32+5, true); got != math.MaxInt32 {
		t.Errorf("saturated to %d", got)
	}
	if got := roundTo(s32, math.MaxInt32+5, false); got != 1<<31+4 {
		t.Errorf("wrapped to %d", got)
	}
}

func TestWMMARefuses(t *testing.T) {
	const eight = "{%r0,%r1,%r2,%r3,%r0,%r1,%r2,%r3}"
	for _, c := range []struct{ body, why string }{
		{"wmma.load.d.sync.aligned.row.m16n16k16.global.f32 " + eight + ", [%rd1];", "wmma.load.d does not exist"},
		{"wmma.load.a.sync.aligned.row.m16n16k16.global.f32 " + eight + ", [%rd1];", "does not exist for a matrix a of type .f32"},
		{"wmma.load.a.sync.aligned.row.m8n8k4.global.f16 " + eight + ", [%rd1];", "with k = 4 does not exist"},
		{"wmma.load.a.sync.aligned.row.m16n16k16.global.f16 {%r0}, [%rd1];", "operand 1 must be 8 registers"},
		{"wmma.load.a.sync.aligned.row.m8n8k32.global.s4 {%r0}, [%rd1];", "less than 8 bits is not supported"},
		{"wmma.mma.sync.aligned.row.col.m16n16k16.f32.s8.s8.f32 " + eight + ", {%r0,%r1}, {%r0,%r1}, " + eight + ";", "does not exist for these types"},
	} {
		_, err := newBench(t, wrap(""), Options{}).device.Load(wrap(c.body))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.body, err, c.why)
		}
	}
}
