package recorder_test

import (
	"errors"
	"slices"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/cuda/recorder"
)

const ptx = `.version 7.8
.target sm_70
.address_size 64
.visible .entry k() { ret; }`

// Cooperative launches are recorded like others. A grid that the described GPU could not
// hold at once is refused: it may have fewer multiprocessors than the emulated one.
func TestCooperativeLaunchesAreRecorded(t *testing.T) {
	emulated, err := emulator.New(emulator.Options{GPU: "A100", Registers: map[string]int{"k": 128}})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder.Driver{Driver: emulated, GPU: cuda.DeviceInfo{Multiprocessors: 10}}
	d, err := r.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Load(ptx)
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Function(m, "k")
	if err != nil {
		t.Fatal(err)
	}
	block := cuda.Dim3{X: 256, Y: 1, Z: 1} // two in a multiprocessor
	launch := func(blocks int) error {
		return d.LaunchCooperative(f, cuda.Dim3{X: blocks, Y: 1, Z: 1}, block, 0, 0, nil)
	}
	if err := launch(20); err != nil {
		t.Error(err)
	}
	tooLarge, ok := errors.AsType[*cuda.GridTooLarge](launch(21))
	if !ok || tooLarge.Blocks != 20 || tooLarge.Limit != "registers" {
		t.Errorf("a grid of 21 blocks: %v", tooLarge)
	}
	if want := []recorder.Launch{{Kernel: "k", Grid: cuda.Dim3{X: 20, Y: 1, Z: 1}, Block: block}}; !slices.Equal(r.Launches, want) {
		t.Errorf("recorded %v, want %v", r.Launches, want)
	}
}

// Of the branches of a graph the longest counts for the path.
func TestThePathThroughAGraph(t *testing.T) {
	emulated, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder.Driver{Driver: emulated}
	d, err := r.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Load(ptx)
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Function(m, "k")
	if err != nil {
		t.Fatal(err)
	}
	const s, branch, e = cuda.Stream(1), cuda.Stream(2), cuda.Event(3)
	one := cuda.Dim3{X: 1, Y: 1, Z: 1}
	launch := func(n int, s cuda.Stream) error {
		var err error
		for range n {
			err = errors.Join(err, d.Launch(f, one, one, 0, s, nil))
		}
		return err
	}
	order := func(before, after cuda.Stream) error { return errors.Join(d.Record(e, before), d.StreamWait(after, e)) }
	for _, beside := range []int{2, 7} {
		r.Reset()
		err := errors.Join(launch(1, s), d.BeginCapture(s), launch(3, s), order(s, branch), launch(4, s), launch(beside, branch), order(branch, s), launch(1, s))
		g, end := d.EndCapture(s)
		if err := errors.Join(err, end, d.LaunchGraph(g, s)); err != nil {
			t.Fatal(err)
		}
		if want := 1 + 3 + max(4, beside) + 1; r.Path != want || len(r.Launches) != 1+3+4+beside+1 {
			t.Errorf("%d launches beside 4: the path has %d of %d, want %d", beside, r.Path, len(r.Launches), want)
		}
	}
}
