package simd

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
)

var all = flag.Bool("all", false, "try functions of one argument on all 2³² arguments")

// functions are those of one argument. bound is the largest error that is allowed,
// in ulp.
var functions = []struct {
	name  string
	of    func(v *Vector) func(y, x []float32)
	exact func(x float64) float64
	bound float64
}{
	{"Sigmoid", func(v *Vector) func(y, x []float32) { return v.Sigmoid }, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 2.41},
	{"Tanh", func(v *Vector) func(y, x []float32) { return v.Tanh }, math.Tanh, 2.61},
	{"Exp", func(v *Vector) func(y, x []float32) { return v.Exp }, math.Exp, 1.08},
	{"Log", func(v *Vector) func(y, x []float32) { return v.Log }, math.Log, 0.9},
	{"ReLU", func(v *Vector) func(y, x []float32) { return v.ReLU }, func(x float64) float64 { return math.Max(x, 0) }, 0},
}

// TestFunctionsAreAccurate tries every 4099th float32, and those around powers of
// two: both signs, subnormals, infinities and NaN are among them.
func TestFunctionsAreAccurate(t *testing.T) {
	const chunk = 1 << 16
	for _, f := range functions {
		t.Run(f.name, func(t *testing.T) {
			var lock sync.Mutex
			worst, levels := map[Level]misfit{}, Levels()
			if *all {
				levels = assemblyLevels() // Generic rounds float64s, and is slow
			}
			try := func(x []float32) {
				y, exact := make([]float32, len(x)), make([]float64, len(x))
				for i, v := range x {
					exact[i] = f.exact(float64(v))
				}
				for _, level := range levels {
					f.of(level.Vector())(y, x)
					w := misfit{x: x[0], y: y[0], expected: exact[0]}
					for i := range y {
						if y[i] == float32(exact[i]) && y[i] != 0 {
							continue // the nearest float32, with an error of at most ½
						}
						if e := ulps(y[i], exact[i]); e > w.ulps {
							w = misfit{e, x[i], y[i], exact[i]}
						}
					}
					lock.Lock()
					if w.ulps >= worst[level].ulps {
						worst[level] = w
					}
					lock.Unlock()
				}
			}
			if *all {
				var workers sync.WaitGroup
				for worker := range runtime.GOMAXPROCS(0) {
					workers.Go(func() {
						x := make([]float32, chunk)
						for from := worker * chunk; from <= math.MaxUint32; from += runtime.GOMAXPROCS(0) * chunk {
							for i := range x {
								x[i] = math.Float32frombits(uint32(from + i))
							}
							try(x)
						}
					})
				}
				workers.Wait()
			} else {
				try(manyFloats(4099))
			}
			for _, level := range levels {
				t.Logf("%v: %v", level, worst[level])
				if worst[level].ulps > f.bound {
					t.Errorf("%v: %v, allowed are %v", level, worst[level], f.bound)
				}
			}
		})
	}
}

// misfit is a result with an error.
type misfit struct {
	ulps     float64
	x, y     float32
	expected float64
}

func (m misfit) String() string {
	return fmt.Sprintf("%.3f ulp at %v (%#x): got %v, want %v", m.ulps, m.x, math.Float32bits(m.x), m.y, m.expected)
}

// manyFloats returns every stride-th float32, and those around powers of two.
func manyFloats(stride uint64) []float32 {
	var all []float32
	for bits := uint64(0); bits <= math.MaxUint32; bits += stride {
		all = append(all, math.Float32frombits(uint32(bits)))
	}
	for exponent := uint32(0); exponent <= 255; exponent++ {
		for _, sign := range []uint32{0, 1 << 31} {
			bits := sign | exponent<<23
			all = append(all, math.Float32frombits(bits), math.Float32frombits(bits+1), math.Float32frombits(bits|1<<23-1))
		}
	}
	return all
}

// ulps returns the error of got, in units of the last place of want. It is 0 for
// what is exactly right, NaN included, and infinite for a wrong sign, NaN,
// infinity.
func ulps(got float32, want float64) float64 {
	nearest := float32(want)
	if got != got || want != want || math.IsInf(float64(got), 0) || math.IsInf(float64(nearest), 0) {
		if got == nearest || got != got && want != want {
			return 0
		}
		return math.Inf(1)
	}
	if got == nearest && math.Signbit(float64(got)) != math.Signbit(want) {
		return math.Inf(1)
	}
	// The unit is 2⁻²³ times the power of two below, at least 2⁻¹⁴⁹.
	exponent := math.Float64bits(want) &^ (1<<63 | 1<<52 - 1)
	unit := math.Float64frombits(max(exponent, (1023-126)<<52) - 23<<52)
	return math.Abs(float64(got)-want) / unit
}

// The control of the tests.
func TestUlpsMeasuresErrors(t *testing.T) {
	inf := math.Inf(1)
	nan := math.NaN()
	for _, c := range []struct{ got, want, ulps float64 }{
		{1, 1, 0}, {1, 1 + 0x1p-23, 1}, {1, 1 + 0x1p-25, 0.25}, {0x1p-149, 0, 1}, {0, 0x1p-150, 0.5}, {nan, nan, 0}, {nan, 1, inf}, {1, nan, inf},
		{math.Copysign(0, -1), 0, inf}, {inf, inf, 0}, {inf, 1e39, 0}, {inf, 3e38, inf}, {-inf, inf, inf}, {math.MaxFloat32, inf, inf}, {-1, 1, 2 * 0x1p23},
	} {
		if got := ulps(float32(c.got), c.want); got != c.ulps {
			t.Errorf("ulps(%v, %v) = %v, want %v", c.got, c.want, got, c.ulps)
		}
	}
}
