package backendtest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gputrain/backend"
)

// The rules of calls: what one of them leaves behind has no influence on the next.
// The bits wanted are those of the same call on a backend of its own, on memory of
// its own.

var callChecks = []check{
	{"Reuse", checkReuse},
	{"Repetition", checkRepetition},
	{"Independence", checkIndependence},
	{"SharedInputs", checkSharedInputs},
	{"Writes", checkWrites},
}

// job is a call and the operands that it has on a backend.
type job struct {
	operation
	x tensors
}

// newJob allocates the operands of op.
func (p *probe) newJob(b backend.Backend, op operation) job {
	x := tensors{}
	for _, o := range op.operands {
		a := arena{integer: o.integer, content: make([]uint32, o.rows*o.cols)}
		p.must(a.upload(b))
		x[o.name] = backend.Tensor{Buf: a.buffer, Rows: o.rows, Cols: o.cols}
	}
	return job{op, x}
}

func (j job) free(b backend.Backend) {
	for _, t := range j.x {
		b.Free(t.Buf)
	}
}

// draw returns what the floats among the operands hold before round k. Where an
// operand has a content, as that of a column of ones, it is kept.
func (j job) draw(k int) content {
	x := content{}
	for i, o := range j.operands {
		if !o.integer {
			x[o.name] = newSource(uint32(1000*k+i)).uniform(o.rows*o.cols, 0.1, 1)
		}
		if o.name == "Source" {
			x[o.name] = slices.Repeat([]float32{1}, o.rows*o.cols)
		}
	}
	return x
}

// run makes the call and returns the bits of all operands.
func (j job) run(p *probe, b backend.Backend, k int, staging backend.Tensor) []uint32 {
	j.begin(b, k, staging)
	return j.end(p, b)
}

// begin makes the call on the content of round k, which it uploads or, through
// staging, lets an operation bring.
func (j job) begin(b backend.Backend, k int, staging backend.Tensor) {
	x := j.draw(k)
	for i, o := range j.operands {
		switch {
		case o.integer:
			ids := newSource(uint32(1000*k+i)).ids(o.cols, 3)
			b.UploadInts(j.x.ints(o.name), ids)
		case staging.Present():
			from, _ := staging.Take(o.rows, o.cols)
			b.Upload(from, x[o.name])
			b.Copy(j.x[o.name], from)
		default:
			b.Upload(j.x[o.name], x[o.name])
		}
	}
	j.call(b, j.x)
}

// end returns the bits of all operands.
func (j job) end(p *probe, b backend.Backend) (bits []uint32) {
	for _, o := range j.operands {
		a := arena{integer: o.integer, content: make([]uint32, o.rows*o.cols), buffer: j.x[o.name].Buf}
		now, err := a.download(b)
		p.must(err)
		bits = append(bits, now...)
	}
	return bits
}

// same checks that an operation has left the bits wanted.
func (p *probe) same(what string, got, want []uint32) {
	for k := range got {
		if got[k] != want[k] && !(isNaN(operand{}, got[k]) && isNaN(operand{}, want[k])) {
			p.stopf("%s: element %d of all operands: got %v, want %v, as on a backend of its own",
				what, k, number(false, got[k]), number(false, want[k]))
		}
	}
}

// alone returns what op leaves in each of some rounds, on memory of its own.
func (p *probe) alone(b backend.Backend, op operation, rounds int) [][]uint32 {
	var bits [][]uint32
	for k := range rounds {
		j := p.newJob(b, op)
		bits = append(bits, j.run(p, b, k, backend.Tensor{}))
		j.free(b)
	}
	return bits
}

// workspaceOperations returns operations that keep something between two passes,
// or along a sequence, or plan by their sizes: each on few elements, on many,
// and on as many in another shape.
func workspaceOperations(device backend.Backend) []operation {
	var all []operation
	add := func(name string, call func(b backend.Backend, x tensors), operands ...operand) {
		all = append(all, operation{name: name, operands: operands, call: call})
	}
	type b = backend.Backend
	for _, s := range []shape{{3, 4}, {4, 3}, {1400, 3}, {3, 1400}} {
		x, y, name := f("x", s.rows, s.cols), f("y", s.rows, s.cols), "/"+s.String()
		add("SumRows"+name, func(b b, x tensors) { b.SumRows(x["dst"], x["x"], 0.5) }, f("dst", 1, s.cols), x)
		add("SoftmaxCrossEntropy"+name, func(b b, x tensors) {
			b.SoftmaxCrossEntropy(x["loss"], x["y"], x["x"], x.ints("labels"), 0.5)
		}, f("loss", 1, 1), x, y, n("labels", s.rows))
		add("SquaredError"+name, func(b b, x tensors) { b.SquaredError(x["loss"], backend.Tensor{}, x["x"], x["y"], 0.5) },
			f("loss", 1, 1), x, y)
		add("ClipNorm"+name, func(b b, x tensors) { b.ClipNorm(x["x"], x["norm"], 0.1) }, x, f("norm", 1, 1))
		for _, g := range []gemm{
			{backend.NoTrans, backend.Trans, 3, 2, s.cols, 1, 0},
			{backend.Trans, backend.NoTrans, s.cols, 2, s.rows, 1, 0.5},
		} {
			as, bs := g.sizes()
			add("Gemm/"+g.String(), func(b b, x tensors) {
				b.Gemm(x["dst"], g.transA, g.transB, g.alpha, x["a"], x["b"], g.beta)
			}, f("dst", g.m, g.n), f("a", as.rows, as.cols), f("b", bs.rows, bs.cols))
		}
	}
	for _, d := range []dims{{2, 3, 2, 3}, {3, 2, 2, 3}, {4, 9, 5, 11}} {
		for _, l := range []struct {
			name string
			layer
		}{{"LSTM", lstm}, {"RNN", nonlinearities[0].layer()}, {"GRU", gru}} {
			for pass, t := range []trial{l.forward(device, d, content{}, nil), l.backward(device, d, content{}, values{}, nil)} {
				add(fmt.Sprintf("%s pass %d/%v", l.name, pass+1, d), t.call, t.operands...)
			}
		}
	}
	for _, d := range []lstm1997Dims{{2, 2, 2, 3, true, true}, {3, 2, 2, 2, true, true}, {17, 5, 3, 9, true, true}} {
		t := lstm1997GradTrial("LSTM1997CellGrad", d, squashes1997, content{}, exact)
		add(t.name, t.call, t.operands...)
	}
	return all
}

// checkReuse keeps all operands, so that nothing is freed between the calls, and
// makes these in an order in which each comes after one on more, fewer and as many
// elements, with another content each time.
func checkReuse(p *probe) {
	const rounds = 2
	all := append(workspaceOperations(p.device), computations(p.device)...)
	var jobs []job
	var want [][][]uint32
	var staging backend.Tensor
	p.attempt("alone", func() {
		b := p.another()
		defer b.Close()
		most := 0
		for _, op := range all {
			want = append(want, p.alone(b, op, rounds))
			jobs = append(jobs, p.newJob(p.device, op))
			for _, o := range op.operands {
				most = max(most, o.rows*o.cols)
			}
		}
		staging = p.newTensor(1, most)
	})
	if len(jobs) < len(all) || !staging.Present() {
		return
	}
	g := p.source("order")
	mixed := g.Perm(len(jobs))
	descending := slices.Clone(mixed)
	slices.SortStableFunc(descending, func(a, b int) int { return jobs[b].elements() - jobs[a].elements() })
	ascending := slices.Clone(descending)
	slices.Reverse(ascending)
	for _, c := range []struct {
		name     string
		sequence []int
		round    int
		staging  backend.Tensor
	}{{"large to small", descending, 0, backend.Tensor{}}, {"small to large", ascending, 1, staging}, {"mixed", mixed, 0, backend.Tensor{}}} {
		p.attempt(c.name, func() {
			for _, n := range c.sequence {
				p.same(jobs[n].name, jobs[n].run(p, p.device, c.round, c.staging), want[n][c.round])
			}
		})
	}
}

// computations returns the operations of b but for those of Memory.
func computations(b backend.Backend) []operation { return operations(b)[len(memoryOperations()):] }

func (op operation) elements() (n int) {
	for _, o := range op.operands {
		n = max(n, o.rows*o.cols)
	}
	return n
}

// many calls are more than a byte counts, and than a ring of buffers has.
const many = 500

// checkRepetition makes one call many times, to find what is used up or counted.
func checkRepetition(p *probe) {
	for _, op := range computations(p.device) {
		p.attempt(fmt.Sprintf("%s, %d times", op.name, many), func() {
			j := p.newJob(p.device, op)
			first := j.run(p, p.device, 0, backend.Tensor{})
			for range p.calls(op) {
				j.call(p.device, j.x)
			}
			p.same("the last call", j.run(p, p.device, 0, backend.Tensor{}), first)
			j.free(p.device)
		})
	}
	p.attempt("allocations that live at once", func() {
		var all []backend.Tensor
		var lists []backend.Ints
		for i := range many {
			all = append(all, p.fromHost(1, 3, slices.Repeat([]float32{float32(i)}, 3)))
			lists = append(lists, p.newInts(3))
			p.device.UploadInts(lists[i], slices.Repeat([]int32{int32(i)}, 3))
		}
		for i, t := range all {
			equal(p, fmt.Sprintf("allocation %d", i), p.download(t), slices.Repeat([]float32{float32(i)}, 3))
			equal(p, fmt.Sprintf("allocation %d of integers", i), p.downloadInts(lists[i]), slices.Repeat([]int32{int32(i)}, 3))
		}
		for i := range all {
			p.device.Free(all[(i*7)%many].Buf)
			p.device.Free(lists[many-1-i].Buf)
		}
	})
	p.attempt("allocations one after the other", func() {
		for i := range many {
			t, k := p.newTensor(1, 1+i%5), p.newInts(1+i%5)
			equal(p, fmt.Sprintf("allocation %d", i), p.download(t), make([]float32, t.Size()))
			p.device.Fill(t, 1)
			p.device.Free(t.Buf)
			p.device.Free(k.Buf)
		}
	})
	p.attempt("uploads, with an operation after each", func() {
		const n = 1025
		x, sum, want := p.newTensor(1, n), p.newTensor(1, n), make([]float32, n)
		ids, counts := p.newInts(1), p.newTensor(7, 1)
		one := p.fromHost(1, 1, []float32{1})
		for i := range 2 * many { // four mebibytes
			src := p.source(fmt.Sprint(p.name, i)).whole(n, 9)
			p.device.Upload(x, src)
			p.device.UploadInts(ids, []int32{int32(i % 7)})
			p.device.Add(sum, sum, x)
			p.device.ScatterAddRows(counts, one, ids)
			for k := range want {
				want[k] += src[k]
			}
		}
		equal(p, "sum", p.download(sum), want)
		hits := make([]float32, 7)
		for i := range 2 * many {
			hits[i%7]++
		}
		equal(p, "hits", p.download(counts), hits)
	})
	p.attempt("New that fails", func() {
		for range many {
			if _, err := p.device.New(1<<40, 1<<40); err == nil {
				p.stopf("New: got no error, want one")
			}
			if _, err := p.device.New(1<<29, 1<<30); err == nil {
				p.stopf("New: got no error, want one")
			}
		}
		equal(p, "the next allocation", p.download(p.fromHost(1, 2, []float32{3, 4})), []float32{3, 4})
	})
}

// calls returns how often to make a call: fewer times where it is a layer or a
// product and the backend slow.
func (p *probe) calls(op operation) int {
	const few, affordable = 10, 1 << 25
	for _, costly := range []string{"Gemm", "Forward", "Backward"} {
		if strings.HasSuffix(op.name, costly) && p.maxWork < affordable {
			return few
		}
	}
	return many
}

// checkIndependence holds two backends that are open at once against each of them
// by itself.
func checkIndependence(p *probe) {
	for _, op := range computations(p.device) {
		p.attempt(op.name+" on two in turn", func() {
			other := p.another()
			defer other.Close()
			want := p.alone(p.device, op, 2)
			mine, its := p.newJob(p.device, op), p.newJob(other, op)
			mine.begin(p.device, 0, backend.Tensor{})
			its.begin(other, 1, backend.Tensor{})
			p.same("the first", mine.end(p, p.device), want[0])
			p.same("the second", its.end(p, other), want[1])
		})
	}
	for _, first := range []bool{true, false} {
		p.attempt(fmt.Sprintf("the other is closed, it was opened first: %v", first), func() {
			stays, goes := p.another(), p.another()
			if first {
				stays, goes = goes, stays
			}
			x, y := []float32{3, 4}, make([]float32, 2)
			mine, its := upload(p, stays, x), upload(p, goes, []float32{5, 6})
			p.must(goes.Close())
			p.must(stays.Download(y, mine))
			equal(p, "memory of the one that is open", y, x)
			stays.Add(mine, mine, upload(p, stays, x))
			p.must(stays.Download(y, mine))
			equal(p, "Add", y, []float32{6, 8})
			if panicOf(func() { goes.Fill(its, 1) }) == nil {
				p.failf("Fill on the one that is closed: got no panic")
			}
			p.must(stays.Close())
		})
	}
	p.attempt("the other has an error", func() {
		other := p.another()
		for _, c := range provocations {
			c.on(p, other, c.ids[:1])
		}
		if other.Sync() == nil {
			p.stopf("Sync of the other: got no error, want one")
		}
		p.must(p.device.Sync())
		equal(p, "Download", p.download(p.fromHost(1, 2, []float32{3, 4})), []float32{3, 4})
		if other.Close() == nil {
			p.failf("Close of the other: got no error, want one")
		}
		p.must(p.device.Err())
	})
}

// checkSharedInputs gives each input a window that overlaps that of another one, as
// far as the Check functions allow it, and holds the call against the same one with
// a copy.
func checkSharedInputs(p *probe) {
	for _, op := range computations(p.device) {
		for _, pair := range sharedInputs(op) {
			p.attempt(fmt.Sprintf("%s/%s in %s", op.name, pair[0].name, pair[1].name), func() {
				name, other := pair[0].name, pair[1].name
				wide := operation{op.name, slices.Clone(op.operands), op.call, op.check}
				for i, o := range wide.operands {
					if o.name == other {
						wide.operands[i] = f(other, 1, 1+max(o.rows*o.cols, pair[0].rows*pair[0].cols))
					}
				}
				var bits [2][]uint32
				for i := range bits {
					j := p.newJob(p.device, wide)
					j.call = func(b backend.Backend, x tensors) {
						from := backend.Tensor{Buf: x[other].Buf, Off: 1, Rows: pair[0].rows, Cols: pair[0].cols}
						if i == 0 {
							b.Copy(x[name], from)
							from = x[name]
						}
						first, _ := x[other].Take(pair[1].rows, pair[1].cols)
						op.call(b, with(x, tensors{name: from, other: first}))
					}
					j.begin(p.device, 0, backend.Tensor{})
					for _, o := range op.operands {
						if !o.integer && o.name != name {
							for _, v := range p.download(j.x[o.name]) {
								bits[i] = append(bits[i], math.Float32bits(v))
							}
						}
					}
					j.free(p.device)
				}
				p.same("on shared memory", bits[1], bits[0])
			})
		}
	}
}

// sharedInputs returns pairs of inputs of op that may overlap: each input with the
// first one that may be.
func sharedInputs(op operation) (pairs [][2]operand) {
	for _, o := range op.operands {
		for _, other := range op.operands {
			if o.integer || other.integer || o.name == other.name || other.rows*other.cols < 2 {
				continue
			}
			x := tensors{}
			for _, o := range op.operands {
				x[o.name] = backend.Tensor{Buf: &backend.Allocation{Len: 1 << 20, Integer: o.integer}, Rows: o.rows, Cols: o.cols}
			}
			x[o.name] = backend.Tensor{Buf: x[other.name].Buf, Off: 1, Rows: o.rows, Cols: o.cols}
			if panicOf(func() { op.check(nil, x) }) == nil {
				pairs = append(pairs, [2]operand{o, other})
				break
			}
		}
	}
	return pairs
}

// checkWrites reads each operand by a product before and after the call. A backend
// that keeps something of an operand must know all that writes to it.
func checkWrites(p *probe) {
	for _, op := range computations(p.device) {
		p.attempt(op.name, func() {
			j := p.newJob(p.device, op)
			product := func(t backend.Tensor) backend.Tensor {
				dst, ones := p.newTensor(1, t.Cols), p.newTensor(1, t.Rows)
				p.device.Fill(ones, 1)
				p.device.Gemm(dst, backend.NoTrans, backend.NoTrans, 1, ones, t, 0)
				return dst
			}
			call := j.call
			j.call = func(b backend.Backend, x tensors) {
				for _, o := range op.operands {
					if !o.integer {
						product(x[o.name])
					}
				}
				call(b, x)
			}
			j.begin(p.device, 0, backend.Tensor{})
			for _, o := range op.operands {
				if o.integer {
					continue
				}
				t := j.x[o.name]
				same := p.newTensor(t.Rows, t.Cols)
				p.device.Copy(same, t)
				equal(p, "the product of "+o.name, p.download(product(t)), p.download(product(same)))
			}
		})
	}
}
