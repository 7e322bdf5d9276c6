package data

import (
	"fmt"
	"io"
	"math"

	"gputrain/internal/memorylimit"
)

// bound keeps what a reader takes within what this process may still take. So a
// small file that unpacks to a huge one and a pipe without end become errors, and
// not the end of the process.
type bound struct {
	taken int64 // bytes
	most  int64 // that may be taken; 0 until asked for
	limit memorylimit.Limit
}

// What a value costs before a network can learn from it, in bytes, with the copies
// that exist at one time.
const (
	numberBytes = 24  // of a table: float64 in an array that grows, or there, in a part and as float32
	pixelBytes  = 13  // the byte, and float32 in the set, in a part, and scaled
	labelBytes  = 16  // of a sample: int32 in an array that grows, or in the set and a part
	classBytes  = 128 // besides its text: its place in a map and in lists
	columnBytes = 512 // of a table: its name, and what is known of it
)

// unasked is what a reader takes without asking how much is left: that takes as
// long as reading a small file.
const unasked = 1 << 20

// take counts n values of so many bytes. It returns an error if there is no memory
// for them.
func (b *bound) take(n, bytes int64) error {
	if n > (math.MaxInt64-b.taken)/bytes {
		b.taken = math.MaxInt64
	} else {
		b.taken += n * bytes
	}
	if b.taken <= unasked {
		return nil
	}
	if b.limit.Bytes == 0 {
		b.most, b.limit = memorylimit.Left()
	}
	if b.taken <= b.most {
		return nil
	}
	return fmt.Errorf("the values up to here need more than %s, which is what is left of %v; take less of them", memorylimit.Size(b.most), b.limit)
}

// reader returns r, of which each byte counts so many.
func (b *bound) reader(r io.Reader, bytes int64) io.Reader { return &boundReader{b, r, bytes} }

type boundReader struct {
	bound *bound
	r     io.Reader
	bytes int64
}

func (r *boundReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if full := r.bound.take(int64(n), r.bytes); full != nil {
		return 0, full
	}
	return n, err
}
