package emulator

import (
	_ "embed"
	"testing"
)

//go:embed testdata/tensor.ptx
var tensorPTX string

func TestTensorCores(t *testing.T) {
	half := func(v float32) uint16 { return uint16(encodeHalf(float64(v))) }
	brain := func(v float32) uint16 { return uint16(bits32(v) >> 16) }
	for _, m := range []struct {
		kernel string
		k      int
		encode func(float32) uint16
	}{{"mma_tf32", 8, nil}, {"mma_tf32_k4", 4, nil}, {"mma_bf16", 8, brain}, {"mma_f16", 16, half}} {
		a, bm, c := make([]float32, 16*m.k), make([]float32, m.k*8), make([]float32, 16*8)
		for i := range a {
			a[i] = float32(i*7%23 - 11)
		}
		for i := range bm {
			bm[i] = float32(i*5%19 - 9)
		}
		want := make([]float32, len(c))
		for i := range c {
			c[i] = float32(i)
			want[i] = c[i]
			for j := range m.k {
				want[i] += a[i/8*m.k+j] * bm[j*8+i%8]
			}
		}
		b := newBench(t, tensorPTX, Options{})
		pc := upload(b, c)
		if m.encode == nil {
			b.must(b.launch(m.kernel, dim(1), dim(32), 0, pc, upload(b, a), upload(b, bm)))
		} else {
			ha, hb := make([]uint16, len(a)), make([]uint16, len(bm))
			for i, v := range a {
				ha[i] = m.encode(v)
			}
			for i, v := range bm {
				hb[i] = m.encode(v)
			}
			b.must(b.launch(m.kernel, dim(1), dim(32), 0, pc, upload(b, ha), upload(b, hb)))
		}
		compareExactly(t, m.kernel, download[float32](b, pc, len(c)), want)
	}
}
