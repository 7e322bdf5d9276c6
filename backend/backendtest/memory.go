package backendtest

import (
	"errors"
	"fmt"
	"slices"

	"gputrain/backend"
)

var memoryChecks = []check{
	{"New", checkNew},
	{"Upload", checkUpload},
	{"Order", checkOrder},
	{"OutOfMemory", checkOutOfMemory},
	{"Close", checkClose},
}

// newTensor returns a tensor on the probe's backend.
func (p *probe) newTensor(rows, cols int) backend.Tensor {
	t, err := p.device.New(rows, cols)
	p.must(err)
	return t
}

func (p *probe) newInts(n int) backend.Ints { return p.ints(p.device, n) }

// ints returns n integers on b.
func (p *probe) ints(b backend.Backend, n int) backend.Ints {
	t, err := b.NewInts(n)
	p.must(err)
	return t
}

// upload returns a row with the given elements on b.
func upload(p *probe, b backend.Backend, x []float32) backend.Tensor {
	t, err := b.New(1, len(x))
	p.must(err)
	b.Upload(t, x)
	return t
}

// fromHost returns a tensor with the given elements.
func (p *probe) fromHost(rows, cols int, x []float32) backend.Tensor {
	t := p.newTensor(rows, cols)
	p.device.Upload(t, x)
	return t
}

func (p *probe) download(t backend.Tensor) []float32 {
	x := make([]float32, t.Size())
	p.must(p.device.Download(x, t))
	return x
}

func (p *probe) downloadInts(t backend.Ints) []int32 {
	x := make([]int32, t.N)
	p.must(p.device.DownloadInts(x, t))
	return x
}

// equal checks elements for equality. NaN, which scratch may hold, equals NaN.
func equal[T int32 | float32](p *probe, what string, got, want []T) {
	for k := range got {
		if got[k] != want[k] && (got[k] == got[k] || want[k] == want[k]) {
			p.stopf("%s: element %d of %d: got %v, want %v", what, k, len(got), got[k], want[k])
		}
	}
}

func checkNew(p *probe) {
	p.attempt("name", func() {
		if p.device.Name() == "" {
			p.failf("Name is empty")
		}
	})
	// Memory that has been used before is zeroed again.
	p.attempt("zeroed after Free", func() {
		for round := range 20 {
			for _, n := range append(p.sizes(), 2, 7) {
				x, k := p.newTensor(n, 3), p.newInts(n)
				if x.Rows != n || x.Cols != 3 || x.Buf == nil || k.N != n || k.Buf == nil {
					p.stopf("New(%d, 3) is %v, NewInts(%d) has %d elements", n, x, n, k.N)
				}
				equal(p, fmt.Sprintf("New in round %d", round), p.download(x), make([]float32, 3*n))
				equal(p, fmt.Sprintf("NewInts in round %d", round), p.downloadInts(k), make([]int32, n))
				p.device.Upload(x, slices.Repeat([]float32{-7}, 3*n))
				p.device.UploadInts(k, slices.Repeat([]int32{-7}, n))
				p.device.Free(x.Buf)
				p.device.Free(k.Buf)
			}
		}
	})
	p.attempt("integers and floats out of the same memory, many elements", func() {
		for _, s := range append(p.longShapes(), shape{1, 300}) {
			for range 3 {
				x := p.newTensor(s.rows, s.cols)
				equal(p, "New", p.download(x), make([]float32, s.size()))
				p.device.Fill(x, -7)
				p.device.Free(x.Buf)
				k := p.newInts(s.size())
				equal(p, "NewInts", p.downloadInts(k), make([]int32, s.size()))
				p.device.UploadInts(k, slices.Repeat([]int32{-7}, s.size()))
				p.device.Free(k.Buf)
			}
		}
	})
	p.attempt("allocations apart", func() {
		var all []backend.Tensor
		for i := range 50 {
			all = append(all, p.fromHost(1, i, slices.Repeat([]float32{float32(i)}, i)))
			if i%3 == 2 {
				p.device.Free(all[i-1].Buf)
			}
		}
		for i, t := range all {
			if i%3 != 1 || i == len(all)-1 {
				equal(p, fmt.Sprintf("allocation %d", i), p.download(t), slices.Repeat([]float32{float32(i)}, i))
			}
		}
	})
	p.attempt("empty", func() {
		for _, s := range []shape{{0, 0}, {0, 5}, {5, 0}} {
			t := p.newTensor(s.rows, s.cols)
			if !t.Present() || t.Rows != s.rows || t.Cols != s.cols {
				p.stopf("New(%d, %d) is %v, present: %v", s.rows, s.cols, t, t.Present())
			}
			p.device.Upload(t, nil)
			p.device.Fill(t, 1)
			p.download(t)
			p.device.Free(t.Buf)
		}
		k := p.newInts(0)
		if !k.Present() || k.N != 0 {
			p.stopf("NewInts(0) has %d elements, present: %v", k.N, k.Present())
		}
		p.device.UploadInts(k, nil)
		p.downloadInts(k)
		p.device.Free(k.Buf)
		if x, y := p.newTensor(0, 5), p.newTensor(0, 5); x.Buf == y.Buf {
			p.failf("two empty tensors are one allocation")
		}
		if x, y := p.newInts(0), p.newInts(0); x.Buf == y.Buf {
			p.failf("NewInts(0) returns one allocation twice")
		}
	})
}

func checkUpload(p *probe) {
	sizes := p.sizes()
	for _, n := range []int{long, 1<<18 + 1, 600_000} { // beyond a mebibyte, and two; with windows at even and odd offsets
		if n <= p.maxWork {
			sizes = append(sizes, n)
		}
	}
	p.attempt("src is not retained", func() {
		for _, n := range sizes {
			src, ints := p.source(p.name).uniform(n, -1, 1), p.source(p.name).ids(n, 1000)
			want, wantInts := slices.Clone(src), slices.Clone(ints)
			x, k := p.newTensor(1, n), p.newInts(n)
			p.device.Upload(x, src)
			p.device.UploadInts(k, ints)
			clear(src)
			clear(ints)
			equal(p, "Upload", p.download(x), want)
			equal(p, "UploadInts", p.downloadInts(k), wantInts)
			got := p.download(x)
			clear(got)
			equal(p, "Download twice", p.download(x), want)
		}
	})
	p.attempt("windows", func() {
		for _, n := range sizes {
			g := p.source(fmt.Sprint(p.name, n))
			whole, part := g.uniform(3*n+2, -1, 1), g.uniform(n, -1, 1)
			x := p.fromHost(1, len(whole), whole)
			window := backend.Tensor{Buf: x.Buf, Off: n + 1, Rows: n, Cols: 1}
			equal(p, "Download of a window", p.download(window), whole[n+1:2*n+1])
			p.device.Upload(window, part)
			copy(whole[n+1:], part)
			equal(p, "Upload to a window", p.download(x), whole)

			ids, few := g.ids(3*n+2, 1000), g.ids(n, 1000)
			k := p.newInts(len(ids))
			p.device.UploadInts(k, ids)
			equal(p, "DownloadInts of a window", p.downloadInts(k.Slice(n+1, 2*n+1)), ids[n+1:2*n+1])
			p.device.UploadInts(k.Slice(n+1, 2*n+1), few)
			copy(ids[n+1:], few)
			equal(p, "UploadInts to a window", p.downloadInts(k), ids)
		}
	})
}

// checkOrder queues operations and uploads that depend on each other, without
// waiting in between.
func checkOrder(p *probe) {
	p.attempt("a queue of dependent operations", func() {
		n := min(257, p.maxSize)
		x, sum, ids := p.newTensor(1, n), p.newTensor(1, n), p.newInts(1)
		table := p.newTensor(8, n)
		src := make([]float32, n)
		want := make([]float32, n)
		for round := range 20 {
			for k := range src {
				src[k] = float32(round + k)
			}
			p.device.Upload(x, src)
			p.device.Scale(x, 2, x)
			p.device.UploadInts(ids, []int32{int32(round % 8)})
			p.device.ScatterAddRows(table, x, ids)
			p.device.Upload(x, src)
			p.device.Add(sum, sum, x)
			p.device.GatherRows(x, table, ids)
			p.device.Sub(sum, sum, x)
			p.device.Fill(table, 0)
			for k := range want {
				want[k] -= src[k]
			}
		}
		equal(p, "sum", p.download(sum), want)
	})
	p.attempt("downloads of what is queued", func() {
		n := min(257, p.maxSize)
		x, best, doubled := p.newTensor(n, 3), p.newInts(n), p.newTensor(n, 3)
		for round := range 20 {
			hot := make([]float32, 3*n)
			for i := range n {
				hot[3*i+(i+round)%3] = float32(1 + i)
			}
			p.device.Upload(x, hot)
			p.device.ArgMaxRows(best, x)
			for i, got := range p.downloadInts(best) {
				if want := int32((i + round) % 3); got != want {
					p.stopf("round %d: ArgMaxRows of row %d: got %d, want %d", round, i, got, want)
				}
			}
			p.device.Scale(doubled, 2, x)
			for k := range hot {
				hot[k] *= 2
			}
			equal(p, "Scale", p.download(doubled), hot)
		}
	})
	p.attempt("windows that overlap in part", func() {
		n := min(257, p.maxSize)
		x, y := p.newTensor(4, n), p.newTensor(2, n)
		first, second, both := x.Slice(0, 1), x.Slice(1, 2), x.Slice(0, 2)
		want := slices.Concat(slices.Repeat([]float32{2}, n), slices.Repeat([]float32{7}, n), slices.Repeat([]float32{2}, n), slices.Repeat([]float32{7}, n))
		for range 3 {
			p.device.Fill(x, 1)
			p.device.Scale(both, 2, both)
			p.device.Copy(x.Slice(2, 3), second) // reads what Scale writes
			p.device.Scale(y, 2, both)
			p.device.Fill(second, 7) // writes what Scale reads
			p.device.Scale(x.Slice(3, 4), 1, second)
			equal(p, "rows", p.download(x), want)
			equal(p, "doubled", p.download(y), slices.Repeat([]float32{4}, 2*n))
			p.device.Scale(both, 0, both)
			p.device.Fill(first, 3) // writes what Scale writes
			equal(p, "the row written twice", p.download(first), slices.Repeat([]float32{3}, n))
		}
	})
	p.attempt("memory given out again while it is queued for", func() {
		for _, n := range p.upTo(1, 33, 1025) {
			for range 3 {
				x := p.newTensor(n, 5)
				p.device.Fill(x, 1)
				p.device.Free(x.Buf)
				x = p.newTensor(n, 5)
				equal(p, "New", p.download(x), make([]float32, 5*n))
				p.device.Free(x.Buf)
			}
		}
	})
	p.attempt("memory freed while it is queued for", func() {
		n := min(1025, p.maxSize)
		var copies []backend.Tensor
		for round := range 20 {
			x := p.fromHost(n, 5, slices.Repeat([]float32{float32(round)}, 5*n))
			copies = append(copies, p.newTensor(n, 5))
			p.device.Copy(copies[round], x)
			p.device.Free(x.Buf)
		}
		for round, t := range copies {
			equal(p, fmt.Sprintf("copy %d", round), p.download(t), slices.Repeat([]float32{float32(round)}, 5*n))
		}
	})
}

// checkOutOfMemory asks for sizes that no machine has. What lies between them
// and the real limit, a backend may find out only by failing.
func checkOutOfMemory(p *probe) {
	for _, s := range []shape{{1 << 40, 1 << 40}, {1 << 29, 1 << 30}, {1 << 58, 1}} {
		p.attempt(s.String(), func() {
			if _, err := p.device.New(s.rows, s.cols); !errors.Is(err, backend.ErrOutOfMemory) {
				p.failf("New: got error %v, want %v", err, backend.ErrOutOfMemory)
			}
			if err := p.device.Err(); err != nil {
				p.failf("Err after New has failed: got %v, want nil", err)
			}
			equal(p, "the next allocation", p.download(p.fromHost(1, 2, []float32{3, 4})), []float32{3, 4})
		})
	}
	p.attempt("integers", func() {
		if _, err := p.device.NewInts(1 << 59); !errors.Is(err, backend.ErrOutOfMemory) {
			p.failf("NewInts: got error %v, want %v", err, backend.ErrOutOfMemory)
		}
		p.must(p.device.Sync())
		equal(p, "the next tensor", p.download(p.newTensor(1, 2)), make([]float32, 2))
		equal(p, "the next integers", p.downloadInts(p.newInts(2)), make([]int32, 2))
	})
}

func checkClose(p *probe) {
	p.attempt("twice", func() {
		b := p.another()
		if _, err := b.New(3, 3); err != nil {
			p.stopf("New: %v", err)
		}
		p.must(b.Close())
		p.must(b.Close())
		if _, err := b.New(1, 1); !errors.Is(err, backend.ErrClosed) {
			p.failf("New after Close: got error %v, want %v", err, backend.ErrClosed)
		}
		if _, err := b.NewInts(1); !errors.Is(err, backend.ErrClosed) {
			p.failf("NewInts after Close: got error %v, want %v", err, backend.ErrClosed)
		}
		equal(p, "another backend", p.download(p.fromHost(1, 2, []float32{3, 4})), []float32{3, 4})
	})
}
