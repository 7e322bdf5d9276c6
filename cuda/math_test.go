package cuda_test

import (
	"strings"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

func TestMathOfADeviceIsRefusedWithTheReason(t *testing.T) {
	turing := newDriver(t, emulator.Options{GPU: "T4"})
	for math, want := range map[string]string{
		"bf16":   "cuda: Open: the option Math: bf16 takes tensor cores of compute capability 8.0 or later, and emulated T4 has 7.5",
		"bf16x6": `cuda: Open: the option Math: no math "bf16x6": want one of ["float32" "tf32x3" "tf32" "bf16"]`,
	} {
		if _, err := cuda.Open(turing, 0, cuda.Options{Math: math}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
	b, err := cuda.Open(turing, 0, cuda.Options{Math: "float32"})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}
