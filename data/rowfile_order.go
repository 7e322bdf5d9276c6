package data

import (
	"math/rand/v2"
)

// Stored samples cannot be drawn one by one: a disk gives a block in hardly more time than a
// sample. So an epoch takes the blocks in a random order, some of them together. These are a
// window, whose samples are in random order. One window is in memory, and the next one is being
// read meanwhile. The order depends on the file, seed and epoch only. A place in it is found
// without reading what comes before.
//
// Samples that fit into one window are in the order that they would have in memory.

// windowBytes is what a window has at most, and orderedBytes one whose samples stay in order. The
// first is a part of the order, so it is the same on all machines.
const (
	windowBytes  = 16 << 20
	orderedBytes = 2 << 20
)

// ordering is the order of the samples in an epoch: as they are, or shuffled.
type ordering struct {
	shuffled    bool
	seed, epoch uint64
}

// windows reads the samples of a stored set in an order.
type windows struct {
	set     *Dataset
	batch   int // samples of a batch
	bytes   int64
	order   ordering
	window  int     // blocks of a window
	now     *window // nil before the first sample
	next    *window // being read, or not needed
	reading chan error
}

// window is some of the samples of an epoch, and before them those of the window before that
// are left.
type window struct {
	blockOrder
	index   int      // in the epoch
	rows    *Dataset // room for the samples
	samples []int    // where they are in rows, in the order of the epoch
	first   int      // place of samples[0] in the epoch
	places  []int    // room for samples
	source  rand.PCG
}

// blockOrder is the order of the blocks of an epoch.
type blockOrder struct {
	ordering
	blocks []uint32
	short  int // place of the last block, which may lack samples
}

// newWindows returns the windows of set for batches of that size.
func newWindows(set *Dataset, batch int) *windows {
	return &windows{set: set, batch: min(batch, set.Len()), bytes: windowBytes}
}

// begin begins an epoch.
func (w *windows) begin(o ordering) {
	bytes := w.bytes
	if !o.shuffled {
		bytes = min(bytes, orderedBytes)
	}
	s := w.set.Stored
	blocks := int(max(1, min(bytes/(int64(s.block)*s.frame.sampleBytes()), int64(s.blocks()))))
	if blocks != w.window {
		w.settle()
		w.window, w.now, w.next = blocks, nil, nil
	}
	w.order = o
}

// room returns a window without samples.
func (w *windows) room() *window {
	rows := w.batch + min(w.set.Len(), w.window*w.set.Stored.block)
	return &window{rows: w.set.Stored.like(w.set).room(rows), places: make([]int, rows), index: -1}
}

// count returns the number of windows of an epoch.
func (w *windows) count() int { return (w.set.Stored.blocks() + w.window - 1) / w.window }

// take returns the samples that come in the places from..to−1 of the epoch, at most a batch, as
// numbers of samples in a dataset. They are valid until the next call.
func (w *windows) take(from, to int) (*Dataset, []int, error) {
	if w.now == nil || w.now.ordering != w.order || from < w.now.first || from > w.now.first+len(w.now.samples) {
		if err := w.jump(from); err != nil {
			return nil, nil, err
		}
	}
	for to > w.now.first+len(w.now.samples) {
		if err := w.advance(from); err != nil {
			return nil, nil, err
		}
	}
	return w.now.rows, w.now.samples[from-w.now.first : to-w.now.first], nil
}

// jump makes the window with a place the present one.
func (w *windows) jump(place int) error {
	order := w.blocksOf(w.order)
	index := min(place/(w.window*w.set.Stored.block), w.count()-1)
	if index+1 < w.count() && place >= w.start(order, index+1) {
		index++ // the last block is short and came before
	}
	if w.now != nil && w.count() == 1 && w.now.index == 0 {
		w.arrange(w.now, order, 0) // all samples are there
		return nil
	}
	if err := w.load(order, index); err != nil {
		return err
	}
	w.now, w.next = w.next, w.now
	w.readAhead()
	return nil
}

// advance makes the next window the present one. The samples from a place on stay in memory.
func (w *windows) advance(from int) error {
	if err := w.load(w.now.blockOrder, w.now.index+1); err != nil {
		return err
	}
	now, next := w.now, w.next
	kept := now.samples[from-now.first:]
	to := next.rows.slice(w.batch-len(kept), w.batch)
	to.gatherFrom(now.rows, kept)
	for i := range kept {
		next.places[w.batch-len(kept)+i] = w.batch - len(kept) + i
	}
	next.samples = next.places[w.batch-len(kept) : w.batch+len(next.samples)]
	next.first = from
	w.now, w.next = next, now
	w.readAhead()
	return nil
}

// load waits until w.next is a window, or reads it.
func (w *windows) load(order blockOrder, index int) error {
	if err := w.settle(); err == nil && w.next != nil && w.next.index == index && w.next.ordering == order.ordering {
		return nil
	}
	if w.next == nil {
		w.next = w.room()
	}
	return w.read(w.next, order, index)
}

// settle waits until nothing is being read.
func (w *windows) settle() error {
	if w.reading == nil {
		return nil
	}
	err := <-w.reading
	w.reading = nil
	return err
}

// readAhead begins to read the window after the present one: the next, or the first of the next
// epoch.
func (w *windows) readAhead() {
	if w.count() == 1 {
		return
	}
	if w.next == nil {
		w.next = w.room()
	}
	order, index, next := w.now.blockOrder, w.now.index+1, w.next
	w.reading = make(chan error, 1)
	go func(done chan<- error) {
		if index == w.count() {
			index = 0
			if order.shuffled {
				order = w.blocksOf(ordering{true, order.seed, order.epoch + 1})
			}
		}
		done <- w.read(next, order, index)
	}(w.reading)
}

// blocksOf returns the order of the blocks.
func (w *windows) blocksOf(o ordering) blockOrder {
	order := blockOrder{o, make([]uint32, w.set.Stored.blocks()), 0}
	for i := range order.blocks {
		order.blocks[i] = uint32(i)
	}
	order.short = len(order.blocks) - 1
	if !o.shuffled || w.count() == 1 {
		return order
	}
	rand.New(rand.NewPCG(o.seed, 1<<62|o.epoch)).Shuffle(len(order.blocks), func(i, j int) {
		order.blocks[i], order.blocks[j] = order.blocks[j], order.blocks[i]
	})
	for i, block := range order.blocks {
		if int(block) == len(order.blocks)-1 {
			order.short = i
		}
	}
	return order
}

// start returns the place of the first sample of a window.
func (w *windows) start(order blockOrder, index int) int {
	s, blocks := w.set.Stored, index*w.window
	if order.short < blocks {
		return blocks*s.block - (s.block - s.blockLen(s.blocks()-1))
	}
	return blocks * s.block
}

// read reads a window.
func (w *windows) read(to *window, order blockOrder, index int) error {
	to.index = -1 // until it is whole
	s, at := w.set.Stored, w.batch
	for _, block := range order.blocks[index*w.window : min((index+1)*w.window, len(order.blocks))] {
		end := at + s.blockLen(int(block))
		if err := s.read(int(block), to.rows.slice(at, end)); err != nil {
			return err
		}
		at = end
	}
	to.samples = to.places[w.batch:at]
	w.arrange(to, order, index)
	return nil
}

// arrange puts the samples of a window, which has been read, in their order.
func (w *windows) arrange(to *window, order blockOrder, index int) {
	to.blockOrder, to.index, to.first = order, index, w.start(order, index)
	for i := range to.samples {
		to.samples[i] = w.batch + i
	}
	if order.shuffled {
		to.source.Seed(order.seed, uint64(index)<<32|order.epoch)
		rand.New(&to.source).Shuffle(len(to.samples), func(i, j int) {
			to.samples[i], to.samples[j] = to.samples[j], to.samples[i]
		})
	}
}

// Memory returns the bytes that NewBatches and Batch take for batches of that size, shuffled or
// in order, besides the batch.
func (s *Stored) Memory(batch int, shuffled bool) int64 {
	bytes, sample := int64(windowBytes), s.frame.sampleBytes()
	if !shuffled {
		bytes = orderedBytes
	}
	rows := min(int64(s.samples), bytes/sample+int64(s.block)) + int64(min(batch, s.samples))
	return 2*rows*(sample+8) + 8*int64(s.blocks())
}

// gatherFrom copies the samples index of src to d, which has the same arrays.
func (d *Dataset) gatherFrom(src *Dataset, index []int) {
	copyRows(d.X, src.X, index, d.Steps*d.Width)
	copyRows(d.IDs, src.IDs, index, d.Steps*d.Width)
	copyRows(d.Lengths, src.Lengths, index, 1)
	copyRows(d.Labels, src.Labels, index, d.outputs())
	copyRows(d.Targets, src.Targets, index, d.outputs()*d.TargetWidth)
	copyRows(d.Mask, src.Mask, index, d.outputs())
}

// copyRows copies the rows index of src, [N, width], which may be nil.
func copyRows[T any](dst, src []T, index []int, width int) {
	if src != nil {
		pack(dst, src, index, 1, width)
	}
}
