package emulator

import (
	_ "embed"
	"encoding/binary"
	"strings"
	"testing"

	"gputrain/cuda"
)

//go:embed testdata/grid.ptx
var gridPTX string

// cooperate launches rotate, or the broken one, and returns y.
func cooperate(t *testing.T, kernel string, blocks, threads, rounds int, o Options) ([]int32, error) {
	b := newBench(t, gridPTX, o)
	f, err := b.device.Function(b.module, kernel)
	b.must(err)
	n := blocks * threads
	y, z := b.alloc(4*n), b.alloc(4*n)
	var args [][]byte
	for _, v := range []uint64{uint64(y), uint64(z), uint64(rounds)} {
		args = append(args, binary.LittleEndian.AppendUint64(nil, v))
	}
	for range 2 { // the counter of the barrier begins anew
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
	_, err := cooperate(t, "rotate", 4*40+1, 256, 1, Options{GPU: "T4"})
	if err == nil || !strings.Contains(err.Error(), "a cooperative grid of too many blocks: 161, but the T4 holds 160 of them at once") {
		t.Errorf("too large a grid: %v", err)
	}
	// In a launch that is not cooperative there is no grid to wait for.
	b := newBench(t, gridPTX, Options{})
	y := b.alloc(4 * 64)
	checkReport(t, b.launch("rotate", dim(2), dim(32), 0, y, y, 1), Trap, "trap")
	if err := b.device.LaunchCooperative(cuda.Function(99), dim(1), dim(1), 0, 0, nil); err == nil {
		t.Error("a function that does not exist is launched")
	}
}
