package backend_test

import (
	"testing"

	"gputrain/backend"
)

func TestDropoutKeepsIsSplitMix64(t *testing.T) {
	// The first outputs of the generator's published C code for two seeds.
	for seed, outputs := range map[uint64][]uint64{
		0:       {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f},
		1234567: {6457827717110365317, 3203168211198807973, 9817491932198370423},
	} {
		for index, output := range outputs {
			// The element is kept up to the rate that its upper 24 bits are.
			at := float64(output>>40) / (1 << 24)
			above := float64(output>>40+1) / (1 << 24)
			if !backend.DropoutKeeps(seed, uint64(index), at) || backend.DropoutKeeps(seed, uint64(index), above) {
				t.Errorf("seed %d, index %d: not kept at rate %v, or kept at %v", seed, index, at, above)
			}
		}
	}
}
