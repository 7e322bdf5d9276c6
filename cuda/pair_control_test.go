package cuda_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
	"gputrain/model"
)

// branching is a device that looks at what is captured, and may spoil it.
type branching struct {
	cuda.Device
	*branchingState
}

type branchingState struct {
	lost  int    // which wait of a capture is lost, from 1; 0 for none
	alias string // name of parameters that get the value of the first branch in the second one too

	params    map[cuda.Function][]kernels.Param
	capturing bool
	waits     int
	values    []uint64                          // of alias: of the first branch, and of the second
	memory    map[cuda.Stream]map[string]uint64 // the last value of a parameter that is not an operand
	grids     []int                             // of persistent kernels: the last one before each, from 1
	passed    map[any]int                       // the last grid that a stream or event comes after
}

func (d branching) Function(m cuda.Module, name string) (cuda.Function, error) {
	f, err := d.Device.Function(m, name)
	all := kernels.All()
	d.params[f] = all[slices.IndexFunc(all, func(k kernels.Kernel) bool { return k.Name == name })].Params
	return f, err
}

func (d branching) BeginCapture(s cuda.Stream) error {
	d.capturing, d.waits = true, 0
	return d.Device.BeginCapture(s)
}

func (d branching) EndCapture(s cuda.Stream) (cuda.Graph, error) {
	d.capturing = false
	return d.Device.EndCapture(s)
}

func (d branching) StreamWait(s cuda.Stream, e cuda.Event) error {
	if d.capturing {
		if d.waits++; d.waits == d.lost {
			return nil
		}
		d.passed[s] = max(d.passed[s], d.passed[e])
	}
	return d.Device.StreamWait(s, e)
}

func (d branching) Record(e cuda.Event, s cuda.Stream) error {
	d.passed[e] = d.passed[s]
	return d.Device.Record(e, s)
}

func (d branching) note(f cuda.Function, s cuda.Stream, args []uint64) {
	for i, p := range d.params[f] {
		if !slices.Contains([]string{"part", "count", "dh"}, p.Name) || args[i] == 0 {
			continue
		}
		if d.capturing {
			if d.memory[s] == nil {
				d.memory[s] = map[string]uint64{}
			}
			d.memory[s][p.Name] = args[i]
		}
		if p.Name == d.alias && !slices.Contains(d.values, args[i]) {
			d.values = append(d.values, args[i])
		}
	}
	for i, arg := range args {
		if len(d.values) > 1 && arg == d.values[1] {
			args[i] = d.values[0]
		}
	}
}

func (d branching) Launch(f cuda.Function, grid, block cuda.Dim3, shared int, s cuda.Stream, args []uint64) error {
	d.note(f, s, args)
	return d.Device.Launch(f, grid, block, shared, s, args)
}

func (d branching) LaunchCooperative(f cuda.Function, grid, block cuda.Dim3, shared int, s cuda.Stream, args []uint64) error {
	d.note(f, s, args)
	if d.capturing {
		d.grids = append(d.grids, d.passed[s])
		d.passed[s] = len(d.grids)
	}
	return d.Device.LaunchCooperative(f, grid, block, shared, s, args)
}

// runBranches runs two directions of a layer in a graph and returns the error.
func runBranches(t *testing.T, seed uint64, state *branchingState, layer model.Layer, device string) error {
	t.Helper()
	state.params, state.memory = map[cuda.Function][]kernels.Param{}, map[cuda.Stream]map[string]uint64{}
	state.passed = map[any]int{}
	driver, err := emulator.New(emulator.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	b, err := cuda.Open(wrapping{driver, func(d cuda.Device) cuda.Device {
		return branching{devices[device](d), state}
	}}, 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	in := model.Shape{Steps: 3, Batch: 3, Width: 2}
	net, err := model.New(b, model.Spec{{Name: "layer", Layer: layer}}, in, model.Options{InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	x, _ := b.New(in.Rows(), in.Width)
	dy, _ := b.New(in.Rows(), net.Output().Width)
	for range 2 {
		b.Replay(func() {
			net.Forward(x, in.Steps, model.Training)
			net.Backward(dy)
		})
	}
	return b.Sync()
}

// A wait that is missing, and memory that both directions use, are reported by name in every
// order in which the branches are done.
func TestBrokenBranchesAreFound(t *testing.T) {
	layer := model.LSTM{Hidden: 5, Bidirectional: true}
	for _, c := range []struct {
		name, device string
		state        branchingState
		want         []string
	}{
		{"nothing is missing", "a step in a launch", branchingState{}, nil},
		{"nothing is missing, and one launch for both", "two directions in a launch", branchingState{}, nil},
		{"the second does not wait at its beginning", "a step in a launch", branchingState{lost: 1}, []string{"CUDA_ERROR_STREAM_CAPTURE_ISOLATION"}},
		{"nothing waits for the second", "a step in a launch", branchingState{lost: 2}, []string{"race in global memory", "gather_rows", "copy_cols"}},
		{"the second does not wait backward", "a step in a launch", branchingState{lost: 3}, []string{"race in global memory", "gather_rows", "copy_cols"}},
		{"nothing waits for the second at the end", "a step in a launch", branchingState{lost: 4}, []string{"CUDA_ERROR_STREAM_CAPTURE_UNJOINED"}},
		{"the launch for both does not wait for the second", "two directions in a launch", branchingState{lost: 2}, []string{"race in global memory", "lstm_forward", "fill"}},
		{"the second does not wait for the launch for both", "two directions in a launch", branchingState{lost: 3}, []string{"race in global memory", "lstm_forward", "gather_rows"}},
		{"one workspace", "a step in a launch", branchingState{alias: "dh"}, []string{"race in global memory", "gemm_nn_32x32", "in another branch of the graph; nothing orders the two", "the other: "}},
	} {
		for seed := range uint64(2) {
			state := c.state
			err := runBranches(t, seed, &state, layer, c.device)
			if (err != nil) != (c.want != nil) {
				t.Errorf("%s, seed %d: got %v", c.name, seed, err)
			}
			for _, part := range c.want {
				if !strings.Contains(fmt.Sprint(err), part) {
					t.Errorf("%s, seed %d: the report lacks %q: %v", c.name, seed, part, err)
				}
			}
		}
	}
}

// Counters are updated by atomic operations, which do not race. So it is their addresses that
// are compared.
func TestBranchesHaveWorkspacesAndCountersOfTheirOwn(t *testing.T) {
	for device := range devices {
		for _, layer := range []model.Layer{
			model.LSTM{Hidden: 5, Bidirectional: true},
			model.GRU{Hidden: 5, Bidirectional: true},
			model.RNN{Hidden: 5, Bidirectional: true},
		} {
			var state branchingState
			if err := runBranches(t, 1, &state, layer, device); err != nil {
				t.Error(err)
			}
			var seen []uint64
			for _, values := range state.memory {
				for name, value := range values {
					if slices.Contains(seen, value) {
						t.Errorf("%s: %T: two branches have %s at 0x%x", device, layer, name, value)
					}
					seen = append(seen, value)
				}
			}
			if streams := len(state.memory); device != "two directions in a launch" && streams != 2 {
				t.Errorf("%s: %T: %d branches have a workspace, want 2", device, layer, streams)
			}
		}
	}
}

// Two grids that wait for their blocks, and that a device does not hold at once, are ordered.
func TestPersistentKernelsOfBranchesComeOneAfterTheOther(t *testing.T) {
	for _, c := range []struct {
		device string
		lost   int
		want   []int // the last grid before each
	}{
		{"a direction in a launch", 0, []int{0, 1, 2, 3}},
		{"a direction in a launch", 2, []int{0, 0, 2, 3}}, // the wait of the second grid is lost
		{"a step in a launch", 0, nil},
	} {
		state := branchingState{lost: c.lost}
		if err := runBranches(t, 1, &state, model.LSTM{Hidden: 5, Bidirectional: true}, c.device); err != nil {
			t.Error(err)
		}
		if !slices.Equal(state.grids, c.want) {
			t.Errorf("%s, wait %d is lost: before each grid comes the grid %v, want %v", c.device, c.lost, state.grids, c.want)
		}
	}
}

// pairOf calls two networks of memory blocks, each with a pair of its own within, in branches.
func pairOf(t *testing.T, b backend.Backend, pair func(b backend.Backend, first, second func())) [][]float32 {
	t.Helper()
	in := model.Shape{Steps: 3, Batch: 2, Width: 2}
	var all []backend.Tensor
	passes := func(layer model.Layer, seed uint64) func() {
		net, err := model.New(b, model.Spec{{Name: "layer", Layer: layer}}, in, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		net.Init(seed)
		x, _ := b.New(in.Rows(), in.Width)
		dy, _ := b.New(in.Rows(), net.Output().Width)
		b.Fill(x, 0.5)
		b.Fill(dy, 0.25)
		for _, p := range net.Parameters() {
			all = append(all, p.Grad)
		}
		return func() {
			net.Forward(x, in.Steps, model.Training)
			net.BackwardAnew(dy)
		}
	}
	blocks := model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, Peepholes: true}
	series := []func(){passes(blocks, 1), passes(blocks, 2), passes(model.LSTM{Hidden: 3, Bidirectional: true}, 3), passes(model.GRU{Hidden: 3}, 4)}
	for range 3 {
		backend.Replay(b, func() {
			pair(b, func() {
				pair(b, series[0], series[2])
			}, func() {
				series[1]()
				series[3]()
			})
		})
	}
	var results [][]float32
	for _, tensor := range all {
		values := make([]float32, tensor.Size())
		if err := b.Download(values, tensor); err != nil {
			t.Fatal(err)
		}
		results = append(results, values)
	}
	return results
}

func TestPairsOfMemoryBlocksAndPairsWithinPairs(t *testing.T) {
	want := pairOf(t, newBench(t, newDriver(t, emulator.Options{}), cuda.Options{}).Backend, func(_ backend.Backend, first, second func()) { first(); second() })
	for seed := range uint64(2) {
		driver, err := emulator.New(emulator.Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		got := pairOf(t, newBench(t, driver, cuda.Options{}).Backend, backend.Pair)
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("seed %d: gradient %d: got %v in branches, %v apart", seed, i, got[i], want[i])
			}
		}
	}
}

// Whatever fails within a pair is the error of the backend, which then can be closed.
func TestFailuresWithinBranches(t *testing.T) {
	injected := errors.New("injected")
	for _, c := range []struct {
		operation emulator.Operation
		round     int // that fails: 0 is queued directly, 1 is captured
		err       error
	}{
		{emulator.AllocOperation, 0, cuda.ErrOutOfMemory},
		{emulator.LaunchOperation, 0, injected},
		{emulator.LaunchOperation, 1, injected},
	} {
		failed := 0
		for n := 1; ; n += 1 + n/3 {
			var device *emulator.Device
			opened := &tap{Driver: newDriver(t, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}
			b, err := cuda.Open(wrapping{opened, func(d cuda.Device) cuda.Device { return stepwise{d} }}, 0, cuda.Options{})
			if err != nil {
				t.Fatal(err)
			}
			in := model.Shape{Steps: 2, Batch: 2, Width: 2}
			net, err := model.New(b, model.Spec{{Name: "layer", Layer: model.GRU{Hidden: 3, Bidirectional: true}}}, in, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			x, _ := b.New(in.Rows(), in.Width)
			dy, _ := b.New(in.Rows(), net.Output().Width)
			for round := range 3 {
				if round == c.round {
					device.Fail(c.operation, n, c.err)
					device.Fail(c.operation, n, c.err) // and the next: it is tried again
				}
				b.Replay(func() {
					net.Forward(x, in.Steps, model.Training)
					net.Backward(dy)
				})
				if round == c.round {
					break
				}
			}
			launched := b.Err() == nil
			err = b.Close() // while the second stream may have work
			if !launched && !errors.Is(err, c.err) && !(c.err == cuda.ErrOutOfMemory && errors.Is(err, backend.ErrOutOfMemory)) {
				t.Errorf("failure %d of operation %d in round %d: Close gives %v", n, c.operation, c.round, err)
			}
			if opened.closed != nil {
				t.Errorf("failure %d of operation %d in round %d: the device's Close gives %v", n, c.operation, c.round, opened.closed)
			}
			if launched {
				if err != nil {
					t.Errorf("without a failure Close gives %v", err)
				}
				break
			}
			failed++
		}
		if failed < 2 {
			t.Errorf("operation %d in round %d failed %d times, want more", c.operation, c.round, failed)
		}
	}
}
