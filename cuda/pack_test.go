package cuda_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/operands"
	"gputrain/kernels"
)

// launched opens a device without cooperative launches and returns a count of its launches by
// kernel.
func launched(t *testing.T, open func(cuda.Driver) (*cuda.Backend, error)) (*bench, func() map[string]int) {
	t.Helper()
	var device *emulator.Device
	driver := &tap{Driver: newDriver(t, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}
	b, err := open(wrapping{driver, func(d cuda.Device) cuda.Device { return stepwise{d} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	count := func() map[string]int {
		if err := b.Sync(); err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, s := range device.Profile() {
			counts[s.Kernel] += s.Launches
		}
		device.ResetProfile()
		return counts
	}
	return &bench{b, operands.Maker{On: b, T: t}}, count
}

// lone is a device of one multiprocessor.
type lone struct{ cuda.Device }

func (d lone) Info() cuda.DeviceInfo {
	info := d.Device.Info()
	info.Multiprocessors = 1
	return info
}

// A small product is computed in float32, in one launch. One that is large for the device is
// not, and neither is a small one where it must.
func TestSmallProductsAreFloat32(t *testing.T) {
	for _, math := range []string{"tf32", "bf16"} {
		b, count := launched(t, func(d cuda.Driver) (*cuda.Backend, error) {
			return cuda.Open(wrapping{d, func(d cuda.Device) cuda.Device { return lone{d} }}, 0, cuda.Options{Math: math})
		})
		forced, countForced := launched(t, func(d cuda.Driver) (*cuda.Backend, error) {
			return cuda.Open(d, 0, cuda.Options{Math: math, Always: true})
		})
		product := func(b *bench, m, n, k int) {
			b.Gemm(b.Zeros(m, n), backend.NoTrans, backend.Trans, 1, b.Zeros(m, k), b.Zeros(n, k), 0)
		}
		for _, c := range []struct {
			m, n, k int
			of      *bench
			count   func() map[string]int
			tensor  bool
		}{{20, 30, 40, b, count, false}, {20, 30, 40, forced, countForced, true}, {384, 384, 64, b, count, true}} {
			c.count()
			product(c.of, c.m, c.n, c.k)
			names := slices.Sorted(maps.Keys(c.count()))
			names = slices.DeleteFunc(names, func(name string) bool { return name == "fill" })
			if tensor := strings.Contains(strings.Join(names, " "), "gemm_"+math); tensor != c.tensor || !tensor && len(names) != 1 {
				t.Errorf("%dx%dx%d in %s: launches of %v, want tensor cores: %t", c.m, c.n, c.k, math, names, c.tensor)
			}
		}
	}
}

// A layer's backward pass packs its weights once for all time steps, and the gradient of its
// pre-activations once for two products. What it launches is what Layers says.
func TestBackwardPassPacksOnce(t *testing.T) {
	for _, math := range cuda.Maths() {
		for who, open := range map[string]func(cuda.Driver) (*cuda.Backend, error){
			"chosen": func(d cuda.Driver) (*cuda.Backend, error) { return cuda.Open(d, 0, cuda.Options{Math: math}) },
			"forced": func(d cuda.Driver) (*cuda.Backend, error) {
				return cuda.Open(d, 0, cuda.Options{Math: math, Always: true})
			},
		} {
			const steps = 4
			b, count := launched(t, open)
			a := newLSTM(b, steps, 3, 5, 32)
			b.LSTMBackward(a) // which finds that it needs more workspace, and packs again
			count()
			b.LSTMBackward(a)
			counts := count()
			packs := 0
			for name, n := range counts {
				if strings.HasPrefix(name, "pack_") {
					packs += n
				}
			}
			want := 0
			if who == "forced" && math != "float32" {
				// The weights; dz of the steps but the first; dz, X and H for the gradients of the
				// weights; dz and W for that of X.
				want = 1 + steps - 1 + 3 + 2
			}
			if packs != want {
				t.Errorf("%s, %s: operands are packed %d times, want %d: %v", math, who, packs, want, counts)
			}
			_, text, _ := strings.Cut(strings.Join(b.Layers(), "\n"), "launches of ")
			if kernel, _, _ := strings.Cut(text, ","); counts[kernel] < steps-1 {
				t.Errorf("%s, %s: Layers names %q for the steps, launched are %v", math, who, kernel, counts)
			}
		}
	}
}

// Packed operands take memory for one product and what is kept, however many time steps there are.
func TestPackedOperandsOfManySteps(t *testing.T) {
	taken := func(steps int) int64 {
		var device *emulator.Device
		driver := &tap{Driver: newDriver(t, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}
		b, err := cuda.Open(wrapping{driver, func(d cuda.Device) cuda.Device { return stepwise{d} }}, 0, cuda.Options{Math: "bf16", Always: true})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		a := newLSTM(&bench{b, operands.Maker{On: b, T: t}}, steps, 3, 5, 64)
		free := func() int64 {
			if err := b.Sync(); err != nil {
				t.Fatal(err)
			}
			free, _, err := device.MemInfo()
			if err != nil {
				t.Fatal(err)
			}
			return free
		}
		before := free()
		b.LSTMBackward(a)
		return before - free()
	}
	if few, many := taken(4), taken(20); many > 2*few { // 60 rows are packed as 12 are
		t.Errorf("4 steps take %d bytes, 20 take %d", few, many)
	}
}

// With tensor cores, a forward pass whose time steps are launches packs its weights and the
// first h once, that into the place of each other h too. Then a step is one launch, as it is in
// float32 where that is faster.
func TestForwardStepsOnTensorCores(t *testing.T) {
	const steps = 3
	for _, math := range []string{"tf32x3", "tf32", "bf16"} {
		for _, c := range []struct {
			layer string
			call  operation
		}{{"lstm", lstmForward}, {"rnn", rnnForward}, {"gru", gruForward}} {
			for _, always := range []bool{true, false} {
				b, count := launched(t, func(d cuda.Driver) (*cuda.Backend, error) {
					return cuda.Open(d, 0, cuda.Options{Math: math, Always: always})
				})
				const hidden = 8
				gates := kernels.Gates(c.layer) * hidden
				run := func() map[string]int {
					c.call(b, b.Zeros((steps+1)*sequenceBatch, hidden), b.Zeros(gates, hidden), b.Zeros(steps*sequenceBatch, hidden))
					return count()
				}
				run() // which finds how much workspace it needs
				counts := run()
				step, packs, all, wantPacks, wantAll := c.layer+"_step_32", 0, 0, 0, 1+steps
				says := "; its recurrent products are float32, which is estimated to be faster here"
				if always {
					// The input's product packs both operands.
					step, wantPacks = c.layer+"_step_"+math+"_64", 2+1+2
					wantAll += wantPacks
					says = "a launch of " + step
				}
				steppings := 0
				for name, n := range counts {
					switch {
					case strings.HasPrefix(name, step):
						steppings += n
					case strings.HasPrefix(name, "pack_"):
						packs += n
					}
					if name != "fill" {
						all += n
					}
				}
				if steppings != steps || packs != wantPacks || all != wantAll {
					t.Errorf("%s in %s, always %t: %v, want %d steps, %d operands packed, and %d launches", c.layer, math, always, counts, steps, wantPacks, wantAll)
				}
				if text := strings.Join(b.Layers(), "\n"); !strings.Contains(text, says) {
					t.Errorf("%s in %s, always %t: Layers does not say %q:\n%s", c.layer, math, always, says, text)
				}
			}
		}
	}
}

// Where a product with larger tiles is faster, as on one multiprocessor, a step is a product on
// tensor cores and a launch of the cell. What it makes is what the steps of float32 make.
func TestForwardStepsAsProducts(t *testing.T) {
	const steps = 2
	for _, c := range []struct {
		layer, cell   string
		batch, hidden int
		call          operation
	}{{"lstm", "lstm_cell", 1, 120, lstmForward}, {"rnn", "tanh_forward", 129, 136, rnnForward}, {"gru", "gru_cell", 1, 168, gruForward}} {
		var states [2][]float32
		for i, of := range []string{"float32", "tf32"} {
			b, count := launched(t, func(d cuda.Driver) (*cuda.Backend, error) {
				return cuda.Open(wrapping{d, func(d cuda.Device) cuda.Device { return lone{d} }}, 0, cuda.Options{Math: of, Always: true})
			})
			b.Maker.Rand = rand.New(rand.NewPCG(1, 2))
			h := b.Uniform((steps+1)*c.batch, c.hidden)
			c.call(b, h, b.Uniform(kernels.Gates(c.layer)*c.hidden, c.hidden), b.Uniform(steps*c.batch, c.hidden))
			counts := count()
			states[i] = make([]float32, h.Size())
			if err := b.Download(states[i], h); err != nil {
				t.Fatal(err)
			}
			products := 0
			for name, n := range counts {
				if strings.HasPrefix(name, "gemm_tf32_") {
					products += n
				}
			}
			text, says := strings.Join(b.Layers(), "\n"), "and of the cell for each step"
			if of == "tf32" && (products < steps || counts[c.cell] != steps || !strings.Contains(text, says)) {
				t.Errorf("%s: launches of %v, want %d of a product and of %s; Layers: %s", c.layer, counts, steps, c.cell, text)
			}
		}
		for i, want := range states[0] {
			if got := states[1][i]; !(math.Abs(float64(got-want)) < 0.02) {
				t.Fatalf("%s: h[%d] is %v, want %v", c.layer, i, got, want)
			}
		}
		if slices.Equal(states[0], states[1]) {
			t.Errorf("%s: nothing has been rounded", c.layer)
		}
	}
}
