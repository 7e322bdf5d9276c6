package cuda_test

import (
	"flag"
	"math"
	"testing"

	"gonum.org/v1/gonum/blas"

	"gputrain/backend"
	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

var accuracy = flag.Bool("accuracy", false, "train on the digits and on a text with the operands of all products rounded as the tensor cores take them")

// rounded rounds the operands of products.
type rounded struct {
	blas.Float32Level3
	bits uint // significant, of the 24
}

func (r rounded) round(x []float32) []float32 {
	y := make([]float32, len(x))
	cut := 24 - r.bits
	for i, v := range x {
		y[i] = math.Float32frombits((math.Float32bits(v) + 1<<(cut-1)) &^ (1<<cut - 1))
	}
	return y
}

func (r rounded) Sgemm(transA, transB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	r.Float32Level3.Sgemm(transA, transB, m, n, k, alpha, r.round(a), lda, r.round(b), ldb, beta, c, ldc)
}

// significant has the bits of the formats that lose some.
var significant = map[string]uint{"tf32": 11, "bf16": 8}

// openCPU opens a CPU whose products are of numbers with so many bits: 24 are all.
func openCPU(t *testing.T, bits uint) backend.Backend {
	t.Helper()
	o := cpu.Options{Workers: 1}
	if bits < 24 {
		o.BLAS = rounded{cpu.BLAS(), bits}
	}
	b, err := cpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// The main job's network keeps its accuracy.
func TestAccuracyInEachMath(t *testing.T) {
	if !*accuracy {
		t.Skip("takes 40 s; -args -accuracy runs it")
	}
	mean := func(bits uint) float64 {
		sum := 0.0
		for seed := uint64(1); seed <= 5; seed++ {
			sum += digitsAccuracy(t, openCPU(t, bits), seed) / 5
		}
		return sum
	}
	exact := mean(24)
	for name, bits := range significant {
		got := mean(bits)
		t.Logf("%s: mean accuracy of the seeds 1 to 5 %.4f, in float32 %.4f", name, got, exact)
		if !(math.Abs(got-exact) <= 0.005) {
			t.Errorf("%s: the mean accuracy is %.4f, in float32 %.4f, want within 0.005", name, got, exact)
		}
	}
}

// digitsAccuracy trains as gputrain train does and returns the accuracy of the test.
func digitsAccuracy(t *testing.T, b backend.Backend, seed uint64) float64 {
	t.Helper()
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 64}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 8, Batch: 32, Width: 8}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Free()
	net.Init(seed)
	digits, err := data.Range(0, 16).Apply(data.Digits())
	if err != nil {
		t.Fatal(err)
	}
	parts := digits.Split(seed, 0.8, 0.2)
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 30, Batch: 32, Seed: seed,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := trainer.Fit(t.Context(), parts[0], nil); err != nil {
		t.Fatal(err)
	}
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return metrics.Accuracy
}
