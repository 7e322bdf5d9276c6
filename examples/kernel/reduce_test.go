package kernel

import (
	_ "embed"
	"errors"
	"testing"

	"gputrain/cuda/emulator"
	"gputrain/cuda/emulator/emulatortest"
)

//go:embed reduce.ptx
var ptx string

// sum launches a kernel on the numbers 1 to 1000.
func sum(t *testing.T, kernel string, seed uint64) (float32, error) {
	k := emulatortest.Load(t, ptx, emulator.Options{Seed: seed})
	const n, threads = 1000, 128
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i + 1)
	}
	blocks := (n + threads - 1) / threads
	sums := k.Buffer(4 * blocks)
	if err := k.Launch(kernel, emulatortest.Dim(blocks), emulatortest.Dim(threads), 0, sums, emulatortest.Upload(k, x), n); err != nil {
		return 0, err
	}
	total := float32(0)
	for _, part := range emulatortest.Download[float32](k, sums, blocks) {
		total += part
	}
	return total, nil
}

// A barrier is missing: threads add what others may not have written yet.
func TestTheBrokenKernelRaces(t *testing.T) {
	_, err := sum(t, "reduce_broken", 1)
	var report *emulator.Report
	if !errors.As(err, &report) || report.Check != emulator.SharedRace {
		t.Fatalf("got %v, want a race", err)
	}
	t.Log(err)
}

// The mended kernel is right, in whatever order blocks and warps run.
func TestTheMendedKernelSums(t *testing.T) {
	for seed := range uint64(20) {
		got, err := sum(t, "reduce_mended", seed)
		if err != nil {
			t.Fatal(err)
		}
		if want := float32(1000 * 1001 / 2); got != want {
			t.Errorf("seed %d: the sum is %v, want %v", seed, got, want)
		}
	}
}
