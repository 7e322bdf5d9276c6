package data

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"

	"gputrain/internal/atomicfile"
)

// blockBytes is about what a block of a RowFile has. A larger one is read faster, a smaller one
// is mixed better with others.
const blockBytes = 256 << 10

// WriteRowFile writes a RowFile to path, atomically: on error nothing is left of it, and an
// existing file is untouched. write gives it the samples.
func WriteRowFile(path string, meta map[string]string, write func(*RowWriter) error) error {
	return writeRowFile(path, meta, blockBytes, write)
}

func writeRowFile(path string, meta map[string]string, blockBytes int64, write func(*RowWriter) error) error {
	return atomicfile.Write(path, func(file io.Writer) error {
		buffered := bufio.NewWriterSize(file, 1<<16)
		w := &RowWriter{w: buffered, blockBytes: blockBytes, index: rowIndex{Meta: meta}}
		if _, err := w.w.WriteString(rowFileBegin); err != nil {
			return err
		}
		if err := write(w); err != nil {
			return err
		}
		if err := w.finish(); err != nil {
			return err
		}
		return buffered.Flush()
	})
}

// RowWriter writes the datasets of a RowFile.
type RowWriter struct {
	w          *bufio.Writer
	blockBytes int64
	index      rowIndex
	block      *Dataset // room for one; nil before the first samples
	filled     int      // samples of block
	left       int      // samples of the present set that are to come
	digester   *digester
	counts     []int
}

// Begin begins the next dataset, of so many samples that are like those of frame, which may be
// empty. All datasets of a file are alike. Begin panics if the set before lacks samples.
func (w *RowWriter) Begin(frame *Dataset, samples int) {
	frame.checkInMemory("RowWriter.Begin")
	w.checkWhole("Begin")
	if w.block == nil {
		w.index.Steps, w.index.Width, w.index.TargetWidth, w.index.PerStep = frame.Steps, frame.Width, frame.TargetWidth, frame.PerStep
		w.index.Classes, w.index.Arrays = frame.Classes, frame.arrays()
		w.index.Block = int(max(1, w.blockBytes/frame.sampleBytes()))
		w.block = frame.slice(0, 0).room(w.index.Block)
	}
	w.left, w.counts = samples, make([]int, len(frame.Classes))
	w.digester = newDigester(w.block, samples)
	if samples == 0 {
		w.endSet()
	}
}

// Add adds the samples of d to the dataset. It panics if they are too many, or not alike.
func (w *RowWriter) Add(d *Dataset) error {
	d.checkInMemory("RowWriter.Add")
	if d.Len() > w.left || d.Steps != w.block.Steps || d.Width != w.block.Width || fmt.Sprint(d.arrays()) != fmt.Sprint(w.index.Arrays) {
		panic(fmt.Sprintf("data: RowWriter.Add: %d samples of %d steps of %d features with %v, where %d are left, of %d steps of %d features with %v",
			d.Len(), d.Steps, d.Width, d.arrays(), w.left, w.block.Steps, w.block.Width, w.index.Arrays))
	}
	w.digester.add(d)
	for class, n := range d.Counts() {
		w.counts[class] += n
	}
	for from := 0; from < d.Len(); {
		to := min(d.Len(), from+w.index.Block-w.filled)
		w.block.slice(w.filled, w.filled+to-from).copyFrom(d.slice(from, to))
		w.filled += to - from
		w.left -= to - from
		from = to
		if w.filled == w.index.Block || w.left == 0 {
			if err := w.writeBlock(); err != nil {
				return err
			}
		}
	}
	if w.left == 0 && d.Len() > 0 {
		w.endSet()
	}
	return nil
}

func (w *RowWriter) writeBlock() error {
	sum := uint32(0)
	for _, array := range w.block.slice(0, w.filled).bytes() {
		toNative(array)
		sum = crc32.Update(sum, castagnoli, array)
		if _, err := w.w.Write(array); err != nil {
			return err
		}
	}
	w.filled = 0
	return binary.Write(w.w, binary.LittleEndian, sum)
}

func (w *RowWriter) endSet() {
	w.index.Sets = append(w.index.Sets, rowSet{w.digester.digest(), w.counts})
	w.digester = nil
}

func (w *RowWriter) checkWhole(op string) {
	if w.left > 0 {
		panic(fmt.Sprintf("data: RowWriter.%s: %d samples of the set are missing", op, w.left))
	}
}

// finish writes what follows the blocks.
func (w *RowWriter) finish() error {
	w.checkWhole("finish")
	text, err := json.Marshal(w.index)
	if err != nil {
		return err
	}
	if _, err := w.w.Write(text); err != nil {
		return err
	}
	tail := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(text, castagnoli))
	tail = binary.LittleEndian.AppendUint64(tail, uint64(len(text)))
	_, err = w.w.Write(append(tail, rowFileEnd...))
	return err
}
