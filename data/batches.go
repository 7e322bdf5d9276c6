package data

import (
	"fmt"
	"math/rand/v2"
)

// Batches packs the samples of a dataset into batches, in buffers of its own.
// After NewBatches nothing allocates, but once for Stored samples. It keeps the dataset, which must not
// change. It is not safe for concurrent use.
type Batches struct {
	set     *Dataset // with the arrays of the samples; of Stored ones without samples
	count   int      // of samples
	windows *windows // of Stored samples; else nil
	err     error
	size    int
	rank    int // of Shard
	ranks   int
	order   []int
	source  rand.PCG
	rng     *rand.Rand // draws from source
	x       []float32
	ids     []int32
	lengths []int32 // of a batch, and behind them of a chunk of it
	labels  []int32
	targets []float32
	mask    []float32
}

// Batch is some samples of a dataset, time-major: row t·Size + i is step t of
// sample i. The slices are valid until the next call of Batches.Batch.
type Batch struct {
	Size, Steps int
	X           []float32 // [Steps·Size, Width], 0 in the padding
	IDs         []int32   // [Steps·Size, Width], 0 in the padding; in place of X
	Lengths     []int32   // [Size], as in Dataset; nil: all
	Labels      []int32   // [Size], or [Steps·Size] if PerStep, −1 in the padding; nil without classes
	Targets     []float32 // [Size, TargetWidth], or [Steps·Size, TargetWidth] if PerStep, 0 in the padding and where Mask is 0; nil without targets
	Mask        []float32 // [Size], or [Steps·Size] if PerStep, as in Dataset; nil: all

	chunkLengths []int32 // [Size], where Chunk puts the lengths; nil: it allocates them
}

// NewBatches returns the batches of size samples of d, in order. The last one
// holds the rest. It panics if size is less than 1 or d contradicts itself.
//
// Stored samples are read ahead while the batch before is in use, so that the next one need not
// wait for the disk. If they cannot be read, Err says why.
func NewBatches(d *Dataset, size int) *Batches {
	d.check("NewBatches")
	if size < 1 {
		panic(fmt.Sprintf("data: NewBatches: batch size %d", size))
	}
	most := min(size, d.Len())
	b := &Batches{set: d, count: d.Len(), size: size, ranks: 1}
	if d.Stored != nil {
		b.windows = newWindows(d, size)
		d = d.Stored.like(d)
		b.set = d
	} else {
		b.order = make([]int, b.count)
	}
	if d.IDs != nil {
		b.ids = make([]int32, most*d.Steps*d.Width)
	} else {
		b.x = make([]float32, most*d.Steps*d.Width)
	}
	b.rng = rand.New(&b.source)
	b.reset()
	if d.Lengths != nil {
		b.lengths = make([]int32, 2*most)
	}
	if d.Labels != nil {
		b.labels = make([]int32, most*d.outputs())
	}
	if d.Targets != nil {
		b.targets = make([]float32, most*d.outputs()*d.TargetWidth)
	}
	if d.Mask != nil {
		b.mask = make([]float32, most*d.outputs())
	}
	return b
}

// Shard leaves to Batch only the part of each batch that belongs to one of several ranks, which
// all go through the same batches: see Part. A part may have no samples. It panics if rank is
// outside of 0..ranks−1.
func (b *Batches) Shard(rank, ranks int) {
	if rank < 0 || rank >= ranks {
		panic(fmt.Sprintf("data: Shard: rank %d of %d", rank, ranks))
	}
	b.rank, b.ranks = rank, ranks
}

// Part returns which of n things belong to one of several ranks: those from from to to−1. The
// parts of two ranks differ by one at most.
func Part(n, rank, ranks int) (from, to int) { return n * rank / ranks, n * (rank + 1) / ranks }

// Shuffle puts the samples in a random order, which depends on seed and epoch
// only. Of Stored samples that take more than 16 MiB, it depends on the blocks of the file too:
// those that stand there far from each other may come together, and the others within 16 MiB of blocks
// drawn at random.
func (b *Batches) Shuffle(seed, epoch uint64) {
	if b.windows != nil {
		b.windows.begin(ordering{true, seed, epoch})
		return
	}
	b.reset()
	b.source.Seed(seed, epoch)
	b.rng.Shuffle(len(b.order), func(i, j int) { b.order[i], b.order[j] = b.order[j], b.order[i] })
}

func (b *Batches) reset() {
	if b.windows != nil {
		b.windows.begin(ordering{})
	}
	for i := range b.order {
		b.order[i] = i
	}
}

// Count returns the number of batches, ⌈N/size⌉.
func (b *Batches) Count() int {
	count := b.count / b.size
	if b.count%b.size > 0 {
		count++
	}
	return count
}

// Err returns why Stored samples could not be read: nil if no Batch failed.
func (b *Batches) Err() error { return b.err }

// Batch packs batch i and returns it. It has no samples if they cannot be read: see Err. It
// panics if i is outside of 0..Count()−1.
func (b *Batches) Batch(i int) Batch {
	if i < 0 || i >= b.Count() {
		panic(fmt.Sprintf("data: Batch: batch %d of %d", i, b.Count()))
	}
	d := b.set
	from := i * b.size
	to := min(from+b.size, b.count)
	var samples []int
	if b.windows == nil {
		samples = b.order[from:to]
	} else if d, samples, b.err = b.windows.take(from, to); b.err != nil {
		return Batch{Steps: b.set.Steps}
	}
	first, end := Part(len(samples), b.rank, b.ranks)
	samples = samples[first:end]
	batch := Batch{Size: len(samples), Steps: d.Steps}
	if b.ids != nil {
		batch.IDs = b.ids[:len(samples)*d.Steps*d.Width]
		pack(batch.IDs, d.IDs, samples, d.Steps, d.Width)
	} else {
		batch.X = b.x[:len(samples)*d.Steps*d.Width]
		pack(batch.X, d.X, samples, d.Steps, d.Width)
	}
	if b.lengths != nil {
		batch.Lengths = b.lengths[:len(samples)]
		batch.chunkLengths = b.lengths[len(samples) : 2*len(samples)]
		pack(batch.Lengths, d.Lengths, samples, 1, 1)
	}
	if b.labels != nil {
		batch.Labels = b.labels[:len(samples)*d.outputs()]
		pack(batch.Labels, d.Labels, samples, d.outputs(), 1)
	}
	if b.targets != nil {
		batch.Targets = b.targets[:len(samples)*d.outputs()*d.TargetWidth]
		pack(batch.Targets, d.Targets, samples, d.outputs(), d.TargetWidth)
	}
	if b.mask != nil {
		batch.Mask = b.mask[:len(samples)*d.outputs()]
		pack(batch.Mask, d.Mask, samples, d.outputs(), 1)
	}
	batch.clearPadding(d)
	batch.clearUnasked(d)
	return batch
}

// Padding reports whether row is after the end of its sample.
func (b Batch) Padding(row int) bool {
	return b.Lengths != nil && row/b.Size >= int(b.Lengths[row%b.Size])
}

// clearPadding sets X or IDs to 0 in the padding, so that whatever it held does no
// harm.
func (b Batch) clearPadding(d *Dataset) {
	if b.Lengths == nil {
		return
	}
	for row := range b.Steps * b.Size {
		switch {
		case !b.Padding(row):
		case b.IDs != nil:
			clear(b.IDs[row*d.Width : (row+1)*d.Width])
		default:
			clear(b.X[row*d.Width : (row+1)*d.Width])
		}
	}
}

// clearUnasked sets the labels of the padding to −1. It sets the targets of the
// padding and of steps that ask for nothing to 0, so that whatever they held
// does no harm.
func (b Batch) clearUnasked(d *Dataset) {
	if b.Lengths == nil && b.Mask == nil {
		return
	}
	for row := range b.Size * d.outputs() {
		padding := d.PerStep && b.Padding(row)
		if padding && b.Labels != nil {
			b.Labels[row] = -1
		}
		if b.Targets != nil && (padding || b.Mask != nil && b.Mask[row] == 0) {
			clear(b.Targets[row*d.TargetWidth : (row+1)*d.TargetWidth])
		}
	}
}

// pack computes dst[t, i, :] = src[samples[i], t, :]. dst is
// [steps, len(samples), width], src [N, steps, width].
func pack[T any](dst, src []T, samples []int, steps, width int) {
	for i, sample := range samples {
		for t := range steps {
			from := (sample*steps + t) * width
			copy(dst[(t*len(samples)+i)*width:], src[from:from+width])
		}
	}
}
