package cuda_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// sentences returns sentences of a small grammar, of so many bytes at least.
func sentences(bytes int) string {
	r := rand.New(rand.NewPCG(1, 1))
	one := func(words string) string {
		all := strings.Fields(words)
		return all[r.IntN(len(all))]
	}
	var text strings.Builder
	for text.Len() < bytes {
		subject, verb := one("king queen miller baker sailor shepherd"), one("sees hears follows greets forgets")
		text.WriteString("the " + one("old young tired merry") + " " + subject + " " + verb + " the " + one("king queen miller baker sailor shepherd"))
		if r.IntN(2) == 0 {
			text.WriteString(" " + one("in by near") + " the " + one("harbour forest mill castle"))
		}
		text.WriteString(one(". , ; ?") + "\n")
	}
	return text.String()
}

// reader is a network of two LSTM layers that reads a text.
type reader struct {
	hidden, streams, steps, updates int
	lr                              float64
}

// losses returns the loss of each update.
func (r reader) losses(t *testing.T, b backend.Backend) []float64 {
	t.Helper()
	bytes := r.streams*r.steps*r.updates + 1
	text, err := data.ReadText(strings.NewReader(sentences(bytes)), "sentences", data.TextOptions{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := data.Streams(text.IDs[:bytes], r.streams, r.steps)
	if err != nil {
		t.Fatal(err)
	}
	ids := text.Vocabulary.Len()
	net, err := model.New(b, model.Spec{
		{Name: "embedding", Layer: model.Embedding{IDs: ids, Out: 64}},
		{Name: "lstm", Layer: model.LSTM{Hidden: r.hidden, Layers: 2, Stateful: true}},
		{Name: "head", Layer: model.Dense{Out: ids}},
	}, model.Shape{Steps: r.steps, Batch: r.streams, Width: 1}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Free()
	net.Init(1)
	return lossOfEachStep(t, net, train.Options{Optimizer: train.Adam{}, LR: r.lr, Batch: r.streams, Streams: true}, set)
}

// furthest returns by how much the means of so many losses in a row differ, at most, as a
// share of those in want.
func furthest(got, want []float64, mean int) float64 {
	most := 0.0
	for end := mean; end <= len(want); end++ {
		sum, off := 0.0, 0.0
		for i := end - mean; i < end; i++ {
			sum += want[i]
			off += got[i] - want[i]
		}
		most = max(most, math.Abs(off)/sum)
	}
	return most
}

// curveTolerance is by how much losses may differ from those of float32.
const curveTolerance = 0.01

// The emulated GPU reads a text in each math as in float32: the loss of each update is within
// 1 %, as it comes, without a mean over several. Products with operands of few bits are not.
func TestTextInEachMath(t *testing.T) {
	r, tooFew := reader{16, 3, 4, 5, 0.02}, uint(2)
	if *accuracy {
		r, tooFew = reader{256, 8, 16, 40, 0.004}, 4
	}
	driver := newDriver(t, emulator.Options{Off: []emulator.Check{emulator.SharedRace, emulator.GlobalRace}}) // which take half of the time
	var want []float64
	for _, name := range cuda.Maths() {
		got := r.losses(t, newBench(t, driver, cuda.Options{Math: name, Always: true}))
		if name == "float32" {
			want = got
			t.Logf("float32: the loss goes from %.4f to %.4f", want[0], want[len(want)-1])
			continue
		}
		most := furthest(got, want, 1)
		t.Logf("%s: off by up to %.2g", name, most)
		if !(most <= curveTolerance) || most == 0 {
			t.Errorf("%s: the losses are %v, in float32 %v, off by up to %.2g, want up to %v and above 0", name, got, want, most, curveTolerance)
		}
	}
	exact, rough := r.losses(t, openCPU(t, 24)), r.losses(t, openCPU(t, tooFew))
	most := furthest(rough, exact, 1)
	t.Logf("with operands of %d bits, on a CPU: off by up to %.2g", tooFew, most)
	if most <= curveTolerance {
		t.Errorf("with operands of %d bits the losses are off by up to %.2g, want more than %v", tooFew, most, curveTolerance)
	}
}

// On a CPU that rounds the operands of all products, hundreds of updates are within 1 %, as
// means of 20. While the loss falls steeply, that of a single update is not.
func TestTextForLongInEachMath(t *testing.T) {
	if !*accuracy {
		t.Skip("takes a minute; -args -accuracy runs it")
	}
	r := reader{256, 8, 16, 300, 0.002}
	want := r.losses(t, openCPU(t, 24))
	for _, c := range []struct {
		name   string
		bits   uint
		within bool
	}{{"tf32", significant["tf32"], true}, {"bf16", significant["bf16"], true}, {"4 bits", 4, false}} {
		got := r.losses(t, openCPU(t, c.bits))
		most := furthest(got, want, 20)
		t.Logf("%s: means of 20 losses are off by up to %.2g, single ones by up to %.2g; the loss goes from %.4f to %.4f",
			c.name, most, furthest(got, want, 1), got[0], got[len(got)-1])
		if (most <= curveTolerance) != c.within {
			t.Errorf("%s: off by up to %.2g, want within %v: %t", c.name, most, curveTolerance, c.within)
		}
	}
}
