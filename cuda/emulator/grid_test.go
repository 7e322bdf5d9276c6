package emulator

import (
	_ "embed"
	"errors"
	"strings"
	"testing"

	"gputrain/cuda"
)

//go:embed testdata/grid.ptx
var gridPTX string

const launches = 2 // of a cooperative kernel, one after the other

// cooperate launches rotate, or the broken one, and returns y. Each round has two barriers.
func cooperate(t testing.TB, kernel string, blocks, threads, rounds int, o Options) ([]int32, error) {
	b := newBench(t, gridPTX, o)
	f, err := b.device.Function(b.module, kernel)
	b.must(err)
	n := blocks * threads
	y, z := b.alloc(4*n), b.alloc(4*n)
	args := []uint64{uint64(y), uint64(z), uint64(rounds)}
	for range launches { // the counter of the barrier begins anew
		if err := b.device.LaunchCooperative(f, dim(blocks), dim(threads), 0, 0, args); err != nil {
			return nil, err
		}
		if err := b.device.SyncStream(0); err != nil {
			return nil, err
		}
	}
	return download[int32](b, y, n), nil
}

func TestBlocksOfACooperativeGridWait(t *testing.T) {
	const blocks, threads, rounds = 40, 32, 5 // more blocks than run side by side at first
	for seed := range uint64(3) {
		y, err := cooperate(t, "rotate", blocks, threads, rounds, Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range y {
			if want := int32((i+rounds*threads)%(blocks*threads) + rounds); v != want {
				t.Fatalf("seed %d: element %d is %d, want %d", seed, i, v, want)
			}
		}
		_, err = cooperate(t, "rotate_broken", 6, threads, rounds, Options{Seed: seed})
		checkReport(t, err, GlobalRace, "nothing orders the two")
		if !strings.Contains(err.Error(), "grid.cu:") {
			t.Errorf("the report does not name the source: %v", err)
		}
	}
}

func TestCooperativeLaunchesAreRefused(t *testing.T) {
	for _, c := range []struct {
		blocks, registers int
		want              string
	}{
		{4 * 40, 0, "a cooperative grid of 161 blocks, but the device holds 160 of them at once: its multiprocessors run out of threads (a block takes 256 threads, and 0 bytes of shared memory)"},
		{3 * 40, 80, "a cooperative grid of 121 blocks, but the device holds 120 of them at once: its multiprocessors run out of registers (a block takes 256 threads with 80 registers each, and 0 bytes of shared memory)"},
	} {
		o := Options{GPU: "T4", Registers: map[string]int{"rotate": c.registers}}
		_, err := cooperate(t, "rotate", c.blocks+1, 256, 1, o)
		if _, ok := errors.AsType[*cuda.GridTooLarge](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("too large a grid: %v", err)
		}
		if _, err := cooperate(t, "rotate", c.blocks, 256, 1, o); err != nil {
			t.Errorf("%d blocks: %v", c.blocks, err)
		}
	}
	// In a launch that is not cooperative there is no grid to wait for.
	b := newBench(t, gridPTX, Options{})
	y := b.alloc(4 * 64)
	checkReport(t, b.launch("rotate", dim(2), dim(32), 0, y, y, 1), Trap, "trap")
	if err := b.device.LaunchCooperative(cuda.Function(99), dim(1), dim(1), 0, 0, nil); err == nil {
		t.Error("a function that does not exist is launched")
	}
}

// BenchmarkGridBarrier lets as many blocks as an H100 has multiprocessors wait for each
// other 100 times.
func BenchmarkGridBarrier(b *testing.B) {
	for b.Loop() {
		if _, err := cooperate(b, "rotate", 132, 256, 100/2/launches, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
