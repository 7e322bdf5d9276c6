package bench

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cpu"
)

// Each product of a layer counts twice its sizes. By hand, in multiplications:
// forward, gradients of the weights, gradients of the inputs.
func TestFlopsOfStepsAreThoseCountedByHand(t *testing.T) {
	for number, want := range map[string]float64{
		"i":   2 * (6400*2048*(128+512+128+512+512) + 3*64*512*10),
		"ii":  2 * (1600*1024*(64+256+64+256+256) + 1600*1024*(256+256)*3 + 3*32*256*10),
		"iii": 2 * (3584*512*(28+128+28+128+128) + 3*128*128*10),
		"iv":  2 * (6400*256*(64+256+64+256+256) + 3*64*256*10),
		"v":   2 * 256 * (2*784*1024 + 3*1024*1024 + 3*1024*10),
		"vi":  2 * (100*128*(8+32+8+32+32) + 3*1*32*10),
	} {
		i := slices.IndexFunc(Steps(), func(s Step) bool { return s.Number == number })
		if got := Steps()[i].Flops(); got != want {
			t.Errorf("step %s: %.0f operations, want %.0f", number, got, want)
		}
	}
	if got := (Product{M: 64, N: 4096, K: 1024}).Flops(); got != 536870912 {
		t.Errorf("64×4096×1024: %.0f operations, want 536870912", got)
	}
}

func TestNames(t *testing.T) {
	var got []string
	for _, s := range Steps() {
		got = append(got, s.Name()+": "+s.About())
	}
	for _, p := range Products() {
		got = append(got, p.Name())
	}
	for _, want := range []string{
		"i: LSTM 128→512, batch 64, 100 steps", "ii: LSTM 64→256, 2 layers, batch 32, 50 steps",
		"iv: RNN 64→256, batch 64, 100 steps", "v: MLP 784→1024→1024→10 ReLU, batch 256",
		"NN 64×4096×1024", "NT 64×4096×1024", "TN 2048×512×6400",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
}

func TestProductsOfAllTransposesCanBePrepared(t *testing.T) {
	for _, transA := range []backend.Transpose{backend.NoTrans, backend.Trans} {
		for _, transB := range []backend.Transpose{backend.NoTrans, backend.Trans} {
			b := openCPU(t)
			call, err := Product{transA, transB, 2, 3, 4}.Prepare(b)
			if err != nil {
				t.Fatal(err)
			}
			call()
		}
	}
}

// What is asked of pytorch.py is what its functions take.
func TestRequestsFitThePythonFunctions(t *testing.T) {
	for _, w := range []Work{Steps()[0], Products()[0]} {
		text, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		var request map[string]map[string]any
		if err := json.Unmarshal(text, &request); err != nil {
			t.Fatal(err)
		}
		for function, arguments := range request {
			match := regexp.MustCompile(`(?m)^def ` + function + `\(device, (.*)\):$`).FindStringSubmatch(torchScript)
			if match == nil {
				t.Fatalf("pytorch.py has no function %s", function)
			}
			want := slices.Sorted(slices.Values(strings.Split(match[1], ", ")))
			if got := slices.Sorted(maps.Keys(arguments)); !slices.Equal(got, want) {
				t.Errorf("%s gets %q, takes %q", function, got, want)
			}
		}
	}
}

func openCPU(t testing.TB) backend.Backend {
	t.Helper()
	b, err := cpu.Open(cpu.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}
