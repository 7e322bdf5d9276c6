package data

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBatchesAreTimeMajor(t *testing.T) {
	b := NewBatches(counting(3, 2, 2, false), 2)
	if b.Count() != 2 {
		t.Fatalf("Count = %d, want 2", b.Count())
	}
	tests := []struct {
		size    int
		x       []float32
		labels  []int32
		targets []float32
	}{
		{2, []float32{0, 1, 4, 5, 2, 3, 6, 7}, []int32{0, 1}, []float32{0, 0, 1, -1}},
		{1, []float32{8, 9, 10, 11}, []int32{2}, []float32{2, -2}},
	}
	for i, want := range tests {
		got := b.Batch(i)
		if got.Size != want.size || got.Steps != 2 {
			t.Errorf("batch %d: Size %d, Steps %d, want %d, 2", i, got.Size, got.Steps, want.size)
		}
		if !slices.Equal(got.X, want.x) || !slices.Equal(got.Labels, want.labels) || !slices.Equal(got.Targets, want.targets) {
			t.Errorf("batch %d: X %v, Labels %v, Targets %v, want %v, %v, %v", i, got.X, got.Labels, got.Targets, want.x, want.labels, want.targets)
		}
	}
}

func TestBatchesPackOutputsPerStepTimeMajor(t *testing.T) {
	got := NewBatches(counting(2, 3, 1, true), 2).Batch(0)
	if want := []int32{0, 0, 1, 1, 2, 2}; !slices.Equal(got.Labels, want) {
		t.Errorf("Labels %v, want %v", got.Labels, want)
	}
	if want := []float32{0, 0, 3, -3, 1, -1, 4, -4, 2, -2, 5, -5}; !slices.Equal(got.Targets, want) {
		t.Errorf("Targets %v, want %v", got.Targets, want)
	}
}

func TestBatchesWithoutOutputsHaveNone(t *testing.T) {
	got := NewBatches(&Dataset{Steps: 1, Width: 1, X: []float32{1}}, 5).Batch(0)
	if got.Size != 1 || got.Labels != nil || got.Targets != nil {
		t.Errorf("got %+v, want one sample without labels and targets", got)
	}
}

// drawn returns the samples of a dataset of n in the order of its batches.
func drawn(n, size int, prepare func(*Batches)) []float32 {
	b := NewBatches(marked(make([]int32, n)), size)
	prepare(b)
	var order []float32
	for i := range b.Count() {
		order = append(order, b.Batch(i).X...)
	}
	return order
}

func TestBatchesDrawEverySampleOnce(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 100} {
		for _, size := range []int{1, 3, 8, 1000} {
			want := drawn(n, 1, func(*Batches) {})
			if !slices.IsSorted(want) || len(want) != n {
				t.Fatalf("n = %d: in order %v", n, want)
			}
			got := drawn(n, size, func(b *Batches) { b.Shuffle(1, 2) })
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("n = %d, size %d: drew %v", n, size, got)
			}
		}
	}
}

func TestShuffleDependsOnSeedAndEpochAlone(t *testing.T) {
	order := func(prepare func(*Batches)) string { return fmt.Sprint(drawn(100, 10, prepare)) }
	want := order(func(b *Batches) { b.Shuffle(5, 3) })
	if got := order(func(b *Batches) { b.Shuffle(5, 1); b.Shuffle(9, 9); b.Shuffle(5, 3) }); got != want {
		t.Error("earlier shuffles change the order")
	}
	for name, other := range map[string]string{
		"seed":    order(func(b *Batches) { b.Shuffle(6, 3) }),
		"epoch":   order(func(b *Batches) { b.Shuffle(5, 4) }),
		"swapped": order(func(b *Batches) { b.Shuffle(3, 5) }),
		"none":    order(func(*Batches) {}),
	} {
		if other == want {
			t.Errorf("%s: the order is the same", name)
		}
	}
	// Fisher and Yates, from rand.NewPCG(seed, epoch). A seed promises this
	// order.
	rng := rand.New(rand.NewPCG(5, 3))
	var reference []float32
	for i := range 100 {
		reference = append(reference, float32(i))
	}
	for i := 99; i > 0; i-- {
		j := int(rng.Uint64N(uint64(i + 1)))
		reference[i], reference[j] = reference[j], reference[i]
	}
	if got := fmt.Sprint(reference); got != want {
		t.Errorf("order %v, want %v", want, got)
	}
}

func TestBatchesAllocateNothing(t *testing.T) {
	b := NewBatches(counting(100, 8, 8, true), 32)
	epoch := uint64(0)
	if got := testing.AllocsPerRun(10, func() {
		epoch++
		b.Shuffle(1, epoch)
		for i := range b.Count() {
			b.Batch(i)
		}
	}); got != 0 {
		t.Errorf("%v allocations per epoch, want 0", got)
	}
}

func TestBatchesPanicOnMisuse(t *testing.T) {
	d := counting(4, 1, 1, false)
	wantPanic(t, "data: NewBatches: batch size 0", func() { NewBatches(d, 0) })
	wantPanic(t, "data: NewBatches: batch size -1", func() { NewBatches(d, -1) })
	wantPanic(t, "data: Batch: batch 2 of 2", func() { NewBatches(d, 3).Batch(2) })
	wantPanic(t, "data: Batch: batch -1 of 2", func() { NewBatches(d, 3).Batch(-1) })
}

func BenchmarkBatches(b *testing.B) {
	batches := NewBatches(Digits(), 64)
	epoch := uint64(0)
	for b.Loop() {
		epoch++
		batches.Shuffle(1, epoch)
		for i := range batches.Count() {
			batches.Batch(i)
		}
	}
	b.ReportMetric(1797*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
