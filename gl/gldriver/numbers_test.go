//go:build gl && cgo && linux

package gldriver

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"gputrain/gl"
	"gputrain/kernels"
)

// The functions that the shaders share, over float32 numbers of all sizes, in units in
// the last place.
func TestNonlinearFunctions(t *testing.T) {
	list(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	device, err := New().Open(*ordinal)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for _, f := range []struct {
		name     string
		exact    func(float64) float64
		from, to float32 // magnitudes; above 0 for log, below for exp
		sign     float32
	}{
		{"exp_of", math.Exp, 0, 110, -1},
		{"exp_of", math.Exp, 0, 0.1, -1},
		{"log_of", math.Log, 0x1p-126, math.MaxFloat32, 1},
		{"log_of", math.Log, 0.5, 2, 1},
		{"log_of", math.Log, 0.999, 1.001, 1},
		{"sigmoid_of", sigmoid, 0, 110, 1},
		{"sigmoid_of", sigmoid, 0, 87, -1},
		{"tanh_of", math.Tanh, 0x1p-126, 100, 1},
		{"tanh_of", math.Tanh, 0x1p-10, 1, -1},
	} {
		const limit, count = 4, 1 << 18
		from, to := math.Float32bits(f.from), math.Float32bits(f.to)
		x := make([]float32, count)
		for k := range x {
			x[k] = f.sign * math.Float32frombits(from+uint32(uint64(to-from)*uint64(k)/(count-1)))
		}
		y := evaluate(t, device, f.name, x)
		worst, at := 0.0, float32(0)
		for k := range x {
			if off := units(y[k], f.exact(float64(x[k]))); !(off <= worst) {
				worst, at = off, x[k]
			}
		}
		t.Logf("%s from %g to %g: %.2f units at %g", f.name, x[0], x[count-1], worst, at)
		if !(worst <= limit) {
			t.Errorf("%s(%g) is off by %.3g units, more than %d", f.name, at, worst, limit)
		}
	}
	infinity, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, want := range map[string][]float32{
		"exp_of":     {-infinity, 0, 0, 1, nan, nan},
		"log_of":     {infinity, infinity, 1, 0, nan, nan},
		"sigmoid_of": {infinity, 1, -infinity, 0, nan, nan},
		"tanh_of":    {infinity, 1, -infinity, -1, nan, nan},
		"relu_of":    {infinity, infinity, -infinity, 0, nan, nan},
	} {
		var x []float32
		for k := 0; k < len(want); k += 2 {
			x = append(x, want[k])
		}
		for k, got := range evaluate(t, device, name, x) {
			if want := want[2*k+1]; got != want && !(got != got && want != want) {
				t.Errorf("%s(%g) is %g, want %g", name, x[k], got, want)
			}
		}
	}
}

// units returns how far got is from want, in units in the last place.
func units(got float32, want float64) float64 {
	_, exponent := math.Frexp(want)
	return math.Abs(float64(got)-want) / max(math.Ldexp(1, exponent-24), math.SmallestNonzeroFloat32)
}

// evaluate applies a function of nonlinear.glsl to each number: as the sigmoid shader,
// with that function in place of sigmoid_of.
func evaluate(t *testing.T, device gl.Device, function string, x []float32) []float32 {
	t.Helper()
	all := kernels.Shaders()
	shader := all[slices.IndexFunc(all, func(s kernels.Shader) bool { return s.Kernel == "sigmoid" })]
	text, _ := shader.Source()
	const call = "= sigmoid_of(x_data"
	if strings.Count(text, call) != 1 {
		t.Fatalf("the sigmoid shader is not what this test was made for")
	}
	program, err := device.Compile(strings.Replace(text, call, "= "+function+"(x_data", 1))
	must(t, err)
	size := 4 * len(x)
	of, to := newBuffer(t, device, size), newBuffer(t, device, size)
	y := make([]float32, len(x))
	must(t, device.Upload(of, 0, bytesOf(x)))
	must(t, device.Dispatch(program, 64, 1, []gl.Buffer{to, of}, []uint32{0, 0, uint32(len(x))}))
	must(t, device.Barrier())
	must(t, device.Download(bytesOf(y), to, 0))
	must(t, device.DeleteBuffer(of))
	must(t, device.DeleteBuffer(to))
	return y
}

func newBuffer(t *testing.T, device gl.Device, bytes int) gl.Buffer {
	t.Helper()
	b, err := device.NewBuffer(bytes)
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}
