package cuda_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/operands"
	"gputrain/kernels"
)

// slicedSteps are layers backward, whose products are cut into slices at each time step.
var slicedSteps = []larger{
	{"LSTM", 0, [2]int{6, 640}, [2]int{640, 160}, [2]int{6, 160}, lstmBackward},
	{"RNN", 0, [2]int{6, 320}, [2]int{320, 320}, [2]int{6, 320}, rnnBackward},
	{"GRU", 0, [2]int{6, 480}, [2]int{480, 160}, [2]int{6, 160}, gruBackward},
}

func TestSlicedSteps(t *testing.T) {
	for _, c := range slicedSteps {
		shape := kernels.GemmShape{M: sequenceBatch, N: c.y[1], K: c.x[0]}
		if p := kernels.ChooseGemm([]string{"float32"}, shape, kernels.Device{Multiprocessors: emulator.DefaultGPU().Multiprocessors, Lanes: 128}); p.Slices == 1 {
			t.Errorf("%s: the product %+v has one slice, want more", c.name, shape)
		}
		if err := oneByOne(one(slicedSteps, c.name)).failure(newDriver(t, emulator.Options{})); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A time step takes one launch forward and two backward, in every layer. So a GRU takes as
// many as an LSTM.
func TestLaunchesOfSteps(t *testing.T) {
	for _, c := range append(slicedSteps[:1:1], sequences...) {
		var launches [2]int
		for i, steps := range []int{2, 3} {
			counted := &calls{}
			b := newBench(t, counting(t, counted, func(d cuda.Device) cuda.Device { return stepwise{d} }), cuda.Options{})
			rows := steps * sequenceBatch
			c.call(b, b.Zeros(c.dst[0]-c.y[0]+rows, c.dst[1]), b.Zeros(c.x[0], c.x[1]), b.Zeros(rows, c.y[1]))
			if err := b.Sync(); err != nil {
				t.Fatal(err)
			}
			launches[i] = counted.launches
		}
		want := 1
		if c.dst[0] == c.y[0] { // backward, after a forward pass
			want += 2
		}
		if got := launches[1] - launches[0]; got != want {
			t.Errorf("%s: a time step takes %d launches, want %d", c.name, got, want)
		}
	}
}

// stepOf is a trial of a kernel for a time step. Its results must have the bits of the layer's
// smallest tile, and its counters must be 0 again.
func stepOf(kernel string, batch, hidden int) trial {
	return trial{fmt.Sprintf("%s on %dx%d", kernel, batch, hidden), 0, func(driver cuda.Driver) error {
		layer, _, _ := strings.Cut(kernel, "_")
		plans := kernels.StepPlans("float32", layer, 1, batch, hidden, kernels.Device{Multiprocessors: 1 << 20, Lanes: 128})
		i := slices.IndexFunc(plans, func(p kernels.StepPlan) bool { return p.Kernel == kernel })
		want, err := runStep(driver, layer, plans[0], batch, hidden)
		if err != nil {
			return err
		}
		got, err := runStep(driver, layer, plans[i], batch, hidden)
		if err != nil {
			return err
		}
		for k := range want {
			if got[k] != want[k] {
				return fmt.Errorf("seed 1,1: word %d of the results: got %x, want %x", k, got[k], want[k])
			}
		}
		return nil
	}}
}

// runStep runs a step on random numbers. It returns what there is after it, apart from the
// workspace, and the sum of the counters.
func runStep(driver cuda.Driver, layer string, p kernels.StepPlan, batch, hidden int) ([]uint32, error) {
	d, err := driver.Open(0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	module, err := d.Load(kernels.PTX(layer))
	if err != nil {
		return nil, err
	}
	function, err := d.Function(module, p.Kernel)
	if err != nil {
		return nil, err
	}
	all := kernels.All()
	k := all[slices.IndexFunc(all, func(k kernels.Kernel) bool { return k.Name == p.Kernel })]
	r, gates := rand.New(rand.NewPCG(1, 1)), kernels.Gates(layer)
	sizes := map[string]int{"gates": gates * batch * hidden, "u": gates * batch * hidden, "whh": gates * hidden * hidden,
		"bih": gates * hidden, "bhh": gates * hidden, "peep": 3 * hidden, "part": p.Part, "count": p.Tiles}
	values := map[string]uint64{"batch": uint64(batch), "hidden": uint64(hidden)}
	slots := make([]uint64, len(k.Params))
	for i, param := range k.Params {
		if slots[i] = values[param.Name]; param.Kind != kernels.Pointer {
			continue
		}
		n, known := sizes[param.Name]
		if !known {
			n = batch * hidden // c, h and those before
		}
		pointer, err := d.Alloc(int64(max(4*n, 4)))
		if err != nil {
			return nil, err
		}
		slots[i], sizes[param.Name] = uint64(pointer), n
		switch param.Name {
		case "part":
		case "count":
			err = d.Fill32(pointer, 0, int64(n), 0)
		default:
			var host []byte
			if host, err = d.AllocHost(4 * n); err == nil {
				_, err = binary.Encode(host, binary.LittleEndian, operands.Uniform(r, n))
				err = cmp.Or(err, d.CopyToDevice(pointer, host, 0))
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if err := d.Launch(function, cuda.Dim3(p.Launch.Grid), cuda.Dim3(p.Launch.Block), p.Launch.Shared, 0, slots); err != nil {
		return nil, err
	}
	if err := d.SyncStream(0); err != nil {
		return nil, err
	}
	var results []uint32
	var counters uint32
	for i, param := range k.Params {
		if param.Kind != kernels.Pointer || param.Name == "part" {
			continue
		}
		words := make([]uint32, sizes[param.Name])
		host, err := d.AllocHost(4 * len(words))
		if err == nil {
			err = d.CopyToHost(host, cuda.Pointer(slots[i]), 0)
		}
		if err != nil {
			return nil, err
		}
		if _, err := binary.Decode(host, binary.LittleEndian, words); err != nil {
			return nil, err
		}
		if param.Name != "count" {
			results = append(results, words...)
			continue
		}
		for _, word := range words {
			counters += word
		}
	}
	return append(results, counters), nil
}
