//go:build gl && cgo && linux

package gldriver

import (
	"fmt"
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
	for _, wrong := range wrongFunctions(t, "", "") {
		t.Error(wrong)
	}
}

// The control: a mistake in a function is found in it.
func TestMistakesInNonlinearFunctionsAreFound(t *testing.T) {
	for _, c := range []struct{ function, mistake, old, new string }{
		{"exp_of", "the lower part of ln 2 is left out", "fma(-ln2_lower, whole, fma(-ln2_upper, whole, x))", "fma(-ln2_upper, whole, x)"},
		{"exp_of", "a coefficient with few digits", "0.166665435", "0.16665"},
		{"exp_of", "subnormal results are 0", "zero_from = -104.0", "zero_from = -87.0"},
		{"exp_of", "NaN is a number", "  if (is_nan(x)) return x;\n  const float zero_from", "  x = max(x, -1000.0);\n  const float zero_from"},
		{"log_of", "the lower part of ln 2 is left out", "fma(float(n), -2.12194440e-4, f * square * p)", "f * square * p"},
		{"log_of", "a coefficient with few digits", "3.3333331174e-1", "3.333e-1"},
		{"log_of", "infinity is a number", "is_nan(x) || x == infinity", "is_nan(x)"},
		{"sigmoid_of", "1 less what is near 1", "(x < 0.0 ? e : 1.0) / (1.0 + e)", "x < 0.0 ? 1.0 - 1.0 / (1.0 + e) : 1.0 / (1.0 + e)"},
		{"sigmoid_of", "a power of 2 whose exponent is rounded", "exp_of(-abs(x))", "exp2(-1.44269504 * abs(x))"},
		{"tanh_of", "1 less what is near 1", "fma(scale, e.rest, scale - 1.0)", "fma(scale, e.rest, scale) - 1.0"},
		{"tanh_of", "1 from too early on", "one_from = -20.0", "one_from = -14.0"},
		{"relu_of", "NaN is 0", "x > 0.0 || is_nan(x) ? x : 0.0", "x > 0.0 ? x : 0.0"},
	} {
		wrong := wrongFunctions(t, c.old, c.new)
		if !slices.ContainsFunc(wrong, func(text string) bool { return strings.HasPrefix(text, c.function+"(") }) {
			t.Errorf("%s, %s: found %q", c.function, c.mistake, wrong)
		}
	}
}

// wrongFunctions returns what is wrong with the functions of nonlinear.glsl, where new
// stands in place of old.
func wrongFunctions(t *testing.T, old, new string) (wrong []string) {
	list(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	device, err := New().Open(*ordinal)
	must(t, err)
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
		y := evaluate(t, device, f.name, old, new, x)
		worst, at := 0.0, float32(0)
		for k := range x {
			if off := units(y[k], f.exact(float64(x[k]))); !(off <= worst) {
				worst, at = off, x[k]
			}
		}
		if old == "" {
			t.Logf("%s from %g to %g: %.2f units at %g", f.name, x[0], x[count-1], worst, at)
		}
		if !(worst <= limit) {
			wrong = append(wrong, fmt.Sprintf("%s(%g) is off by %.3g units, more than %d", f.name, at, worst, limit))
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
		for k, got := range evaluate(t, device, name, old, new, x) {
			if want := want[2*k+1]; got != want && !(got != got && want != want) {
				wrong = append(wrong, fmt.Sprintf("%s(%g) is %g, want %g", name, x[k], got, want))
			}
		}
	}
	return wrong
}

// units returns how far got is from want, in units in the last place.
func units(got float32, want float64) float64 {
	_, exponent := math.Frexp(want)
	return math.Abs(float64(got)-want) / max(math.Ldexp(1, exponent-24), math.SmallestNonzeroFloat32)
}

// evaluate applies a function of nonlinear.glsl to each number: as the sigmoid shader,
// with that function in place of sigmoid_of, and new in place of old.
func evaluate(t *testing.T, device gl.Device, function, old, new string, x []float32) []float32 {
	t.Helper()
	all := kernels.Shaders()
	shader := all[slices.IndexFunc(all, func(s kernels.Shader) bool { return s.Kernel == "sigmoid" })]
	text, _ := shader.Source()
	const call = "= sigmoid_of(x_data"
	if strings.Count(text, call) != 1 || old != "" && strings.Count(text, old) != 1 {
		t.Fatalf("the sigmoid shader is not what this test was made for: %q", old)
	}
	text = strings.Replace(text, call, "= "+function+"(x_data", 1)
	if old != "" {
		text = strings.Replace(text, old, new, 1)
	}
	program, err := device.Compile(text)
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
