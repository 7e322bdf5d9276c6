package main

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"
)

var (
	flips    = flag.Int("flips", 100, "how many bits TestNoFlippedBitIsUsed flips, one at a time; make soak takes 1,000")
	flipSeed = flag.Uint64("flipseed", 1, "seed of the bits")
)

// TestNoFlippedBitIsUsed flips a bit of a model, of the best model, or of a
// checkpoint, wherever in the file.
func TestNoFlippedBitIsUsed(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	gputrain(quick("--quiet", "--model", "mlp", "--out", "run")...).want(t, 0)
	t.Logf("-args -flips %d -flipseed %d", *flips, *flipSeed)
	rng := rand.New(rand.NewPCG(*flipSeed, 0))
	paths := []string{"run/" + modelName, "run/" + bestName, newestCheckpoint(t, "run")}
	whole := map[string][]byte{}
	for _, path := range paths {
		if _, _, err := readModel(path); err != nil {
			t.Fatalf("%s as it was written: %v", path, err)
		}
		whole[path] = []byte(readFile(t, path))
	}
	for range *flips {
		path := paths[rng.IntN(len(paths))]
		content := whole[path]
		at := rng.IntN(len(content))
		if rng.IntN(2) == 0 {
			at = rng.IntN(min(len(content), 2000)) // in the header or about its end
		}
		bit := byte(1) << rng.IntN(8)
		content[at] ^= bit
		if err := os.WriteFile("flipped.safetensors", content, 0o666); err != nil {
			t.Fatal(err)
		}
		content[at] ^= bit
		if _, _, err := readModel("flipped.safetensors"); err == nil {
			t.Errorf("%s with bit %#02x of byte %d flipped is read as if nothing had happened", path, bit, at)
		}
	}
}
