package kernels_test

import (
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// A time step of a persistent LSTM moves no weights, and at most 10 MB forward at 512
// units and a batch of 64. What a step moves is the difference between launches of
// several lengths.
func TestPersistentForwardReadsWeightsOnce(t *testing.T) {
	const megabyte = 1e6
	l := lstm{batch: 64, hidden: 512}
	units, rows := 16, 16
	if !*uncapped {
		l.batch, l.hidden, rows = 8, 64, 4 // 2 groups of 4 blocks
	}
	two, three := l.bytes(t, 2, units, rows), l.bytes(t, 3, units, rows)
	step := three - two
	cells, weights := l.batch*l.hidden, 4*4*l.hidden*l.hidden
	across, groups := l.hidden/units, l.batch/rows
	least := 4 * (across*cells + 11*cells)
	// A block arrives at a barrier and looks some times whether all others have.
	barrier := 32 * across * groups * 64
	if step < least || step > least+barrier {
		t.Errorf("%v: a time step moves %d bytes, want %d and up to %d for the barrier", l, step, least, barrier)
	}
	if first := two - 2*step; first > groups*weights || first < groups*weights-2*barrier {
		t.Errorf("%v: beside the time steps %d bytes are moved, want the weights once in each of %d groups of blocks, %d", l, first, groups, groups*weights)
	}
	p, err := kernels.PlanPersistent("lstm_forward", 1, 25, 64, 512, 132)
	if err != nil {
		t.Fatal(err)
	}
	if blocks := p.Launch.Grid.X * p.Launch.Grid.Y; blocks != 128 || p.Units != units || p.Rows != 16 {
		t.Errorf("an H100 gets %d blocks of %d units and %d rows, want 128 of 16 and 16", blocks, p.Units, p.Rows)
	}
	if bytes := 4 * 64 * 512 * (512/p.Units + 11); float64(bytes) > 10*megabyte {
		t.Errorf("a time step of 64x512 moves %d bytes", bytes)
	}
}

// bytes returns what a launch of lstm_forward_512 moves.
func (l lstm) bytes(t *testing.T, steps, units, rows int) int {
	d := open(t, "lstm_forward")
	d.offset = 0
	l = newLSTM(1, steps, l.batch, l.hidden, false)
	g, c, h, whh, count := put(d, l.gates), put(d, l.c), put(d, l.h), put(d, l.whh), put(d, make([]uint32, l.batch))
	emulated := d.Device.(*emulator.Device)
	emulated.ResetProfile()
	none := cuda.Pointer(0)
	d.runLayer("lstm_forward_512", l.persistent(units, rows), []any{g, c, h, whh, none, none, none}, count, steps, l.batch, l.hidden, rows)
	return 32 * int(emulated.Profile()[0].GlobalSectors)
}

// A time step of a large LSTM reads each weight once, and moves at most 200 MB at 2048
// units and a batch of 128. All of its tiles move the same, so one of them is counted, or all
// with -uncapped.
func TestStepOfLargeLayerReadsWeightsOnce(t *testing.T) {
	const batch, hidden, megabyte = 128, 2048, 1e6
	p := kernels.ChooseStep(kernels.Maths()[:1], "lstm", 25, batch, hidden, h100)
	if p.Rows < batch || p.Launch.Grid.X < h100.Multiprocessors*9/10 {
		t.Fatalf("%d blocks of %s, in tiles of %d rows", p.Launch.Grid.X, p.Kernel, p.Rows)
	}
	counted, units := p, hidden
	if !*uncapped {
		counted.Tiles, counted.Part, units = 1, p.Part/p.Tiles, p.Units
		counted.Launch.Grid.X /= p.Tiles
	}
	d := open(t, "lstm")
	d.offset = 0
	cells := make([]float32, batch*hidden)
	whh := room[float32](d, 4*hidden*hidden)
	for gate := range 4 {
		if err := d.Fill32(window(whh, gate*hidden*hidden), 0, int64(units*hidden), 0); err != nil {
			t.Fatal(err)
		}
	}
	emulated := d.Device.(*emulator.Device)
	emulated.ResetProfile()
	none := cuda.Pointer(0)
	layerStep{device: d, batch: batch, hidden: hidden}.step(counted, put(d, make([]float32, 4*len(cells))), put(d, cells), put(d, cells),
		put(d, cells), put(d, cells), whh, none, none, none)
	bytes := 32 * int64(emulated.Profile()[0].GlobalSectors) * int64(p.Tiles/counted.Tiles)
	t.Logf("%d of %d tiles of %s: a step moves %d bytes", counted.Tiles, p.Tiles, p.Kernel, bytes)
	if bytes < p.Bytes || bytes > p.Bytes+p.Bytes/1000 {
		t.Errorf("a step moves %d bytes, planned are %d", bytes, p.Bytes)
	}
	if bytes > 200*megabyte {
		t.Errorf("a step moves %d bytes", bytes)
	}
}
