package emulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// randomAccesses returns a kernel of blocks that access 1 KiB of global memory in many ways.
// If they talk, they mostly wait for each other in between.
func randomAccesses(rng *rand.Rand, talk bool) string {
	var b strings.Builder
	b.WriteString(`.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 out, .param .u64 count)
{
.reg .pred %p<4>; .reg .b16 %h<2>; .reg .b32 %r<12>; .reg .b64 %rd<8>;
ld.param.u64 %rd0, [out]; ld.param.u64 %rd1, [count]; mov.u32 %r0, %tid.x; and.b32 %r1, %r0, 31; shr.u32 %r2, %r0, 5;
mov.u32 %r3, %ctaid.x; mov.u32 %r4, 0; mov.u32 %r6, 7; mov.u32 %r7, 8; mov.u32 %r8, 9; mov.u32 %r9, 10; mov.u64 %rd4, 11; mov.u16 %h0, 12;
mad.lo.u32 %r5, %r3, 2, %r2;
`)
	narrow := rng.IntN(8) == 0 // cells of single bytes
	steps := 4 + rng.IntN(12)
	if !talk {
		steps = 1 + rng.IntN(3)
	}
	for i := range steps {
		if talk && rng.IntN(24) > 0 { // all blocks wait
			fmt.Fprintf(&b, `bar.sync 0; setp.eq.u32 %%p0, %%r0, 0; @!%%p0 bra DONE%d; membar.gl; red.global.add.u32 [%%rd1], 1; add.u32 %%r4, %%r4, 3;
WAIT%d: ld.volatile.global.u32 %%r10, [%%rd1]; setp.lt.u32 %%p1, %%r10, %%r4; @%%p1 bra WAIT%d; membar.gl;
DONE%d: bar.sync 0;
`, i, i, i, i)
		}
		write := rng.IntN(3) == 0
		accesses := 1
		if !write {
			accesses += rng.IntN(3)
		}
		for range accesses {
			kind := rng.IntN(5)
			if kind == 4 && !narrow {
				kind = 0
			}
			size, typ, values := [...]int{4, 16, 8, 8, 1}[kind], [...]string{"u32", "v4.u32", "u64", "v2.u32", "u8"}[kind], [...]string{"%r6", "{%r6, %r7, %r8, %r9}", "%rd4", "{%r7, %r8}", "%h0"}[kind]
			order := ""
			if rng.IntN(4) == 0 && talk {
				order = ".volatile"
			}
			space := ".global"
			if rng.IntN(6) == 0 {
				space = ""
			}
			// The lanes follow each other, sometimes with the lanes or the words in another order.
			offset := 128 * rng.IntN(5)
			if rng.IntN(4) == 0 {
				offset = size * rng.IntN(512/size)
			}
			spread := "mov.u32 %r11, %r1;"
			switch rng.IntN(6) {
			case 0:
				spread = "xor.b32 %r11, %r1, 5;"
			case 1:
				spread = "mov.u32 %r11, 3;"
			}
			fmt.Fprintf(&b, "%s mul.wide.u32 %%rd3, %%r11, %d; add.u64 %%rd3, %%rd3, %%rd0;\nmov.pred %%p2, 1;\n", spread, size)
			if write || rng.IntN(3) == 0 { // one warp of one block, or of all
				who, one := "%r5", rng.IntN(6)
				if rng.IntN(24) == 0 || !write && rng.IntN(3) == 0 {
					who, one = "%r2", rng.IntN(2)
				}
				fmt.Fprintf(&b, "setp.eq.u32 %%p2, %s, %d;\n", who, one)
			}
			if rng.IntN(4) == 0 {
				fmt.Fprintf(&b, "setp.lt.and.u32 %%p2, %%r1, %d, %%p2;\n", 1+rng.IntN(31))
			}
			if write {
				fmt.Fprintf(&b, "@%%p2 st%s%s.%s [%%rd3+%d], %s;\n", order, space, typ, offset, values)
			} else {
				fmt.Fprintf(&b, "@%%p2 ld%s%s.%s %s, [%%rd3+%d];\n", order, space, typ, values, offset)
			}
		}
	}
	b.WriteString("ret;\n}\n")
	return b.String()
}

// Lines find what cells find, and remember the same.
func TestLinesAreLikeCells(t *testing.T) {
	defer func() { wholeLines = true }()
	correct, races := 0, 0
	for n := range uint64(200) {
		text := randomAccesses(rand.New(rand.NewPCG(1, n)), true)
		run := func() (string, []cell, []uint64) {
			o := Options{Seed: n}
			if n%4 == 0 {
				o.Off = []Check{EqualWrites}
			}
			b := newBench(t, text, o)
			out := upload(b, make([]uint32, 256))
			counter := upload(b, make([]uint32, 1))
			said := ""
			for range 2 { // the second launch finds what the first has left
				b.device.Fill8(counter, 0, 4, 0)
				b.device.driver.ended = sync.Pool{New: func() any { return new(block) }} // whose time begins anew
				if err := b.launch("k", dim(3), dim(64), 0, out, uint64(counter)); err != nil {
					said = err.Error()
					break
				}
			}
			r := b.device.memory.find(uint64(out))
			known, first := r.watched.Load(), b.device.blockIDs-2
			if known == nil {
				return said, nil, nil
			}
			known.clean(first)
			return said, known.cells, known.blocks
		}
		wholeLines = true
		said, cells, blocks := run()
		wholeLines = false
		want, wantCells, wantBlocks := run()
		if said != want {
			t.Fatalf("kernel %d: with lines\n%s\nwith cells\n%s\n%s", n, said, want, text)
		}
		for i := range cells {
			if cells[i] != wantCells[i] || blocks[i] != wantBlocks[i] {
				t.Fatalf("kernel %d: cell %d is %x %x with a line, %x %x without\n%s", n, i, cells[i], blocks[i], wantCells[i], wantBlocks[i], text)
			}
		}
		if said == "" {
			correct++
		} else {
			races++
		}
	}
	if correct < 30 || races < 30 {
		t.Errorf("of the kernels %d are correct and %d are not; there should be many of both", correct, races)
	}
}

// Where blocks run side by side, lines find a race if cells do. Who finds it is up to the
// goroutines.
func TestLinesOfSeveralWorkers(t *testing.T) {
	defer func() { wholeLines = true }()
	correct, races := 0, 0
	for n := range uint64(300) {
		text := randomAccesses(rand.New(rand.NewPCG(2, n)), false)
		run := func() error {
			b := newBench(t, text, Options{Seed: n, Workers: 2})
			out, counter := upload(b, make([]uint32, 256)), upload(b, make([]uint32, 1))
			for range 2 { // the second launch finds what the first has left
				if err := b.launch("k", dim(6), dim(64), 0, out, uint64(counter)); err != nil {
					return err
				}
			}
			return nil
		}
		wholeLines = true
		said := run()
		wholeLines = false
		want := run()
		switch {
		case (said == nil) != (want == nil):
			t.Fatalf("kernel %d: with lines\n%v\nwith cells\n%v\n%s", n, said, want, text)
		case said == nil:
			correct++
		default:
			races++
		}
	}
	if correct < 30 || races < 30 {
		t.Errorf("of the kernels %d are correct and %d are not; there should be many of both", correct, races)
	}
}

// clean leaves only what counts, in cells.
func (known *watch) clean(first uint32) {
	for i := range known.cells {
		known.spread(i, first)
		c, blocks := &known.cells[i], &known.blocks[i]
		if uint32(*blocks>>32) < first {
			if *blocks &= 1<<32 - 1; *blocks&readBySeveral == 0 {
				c.write = 0
			}
		}
		if uint32(*blocks)&^readBySeveral < first {
			c.read, *blocks = 0, *blocks>>32<<32
		}
	}
}

// As TestLinesOfSeveralWorkers, one access after the other, in any order of blocks.
func TestLinesOfSeveralBlocks(t *testing.T) {
	defer func() { wholeLines = true }()
	stopped := 0
	for n := range uint64(2000) {
		run := func(lines bool) (oks []bool, known *watch) {
			wholeLines = lines
			rng := rand.New(rand.NewPCG(3, n))
			l := &launch{firstID: 4, multiprocessors: 1}
			known = &watch{make([]cell, 64), make([]uint64, 64), make([]line, 3)}
			blocks := make([]*block, 3)
			for i := range blocks {
				blocks[i] = &block{launch: l, id: uint32(4 + i), since: 1, time: 1}
			}
			for range 20 {
				b := blocks[rng.IntN(len(blocks))]
				w := &warp{block: b, number: rng.IntN(2)}
				w.first = 32 * w.number
				each, words := 0, 32
				if rng.IntN(3) == 0 {
					each, words = 1, 64
				}
				at := 0
				if rng.IntN(4) == 0 {
					words = 1 + rng.IntN(words)
					at = rng.IntN(65 - words)
				}
				if rng.IntN(6) == 0 {
					b.time++
					b.since = b.time // a barrier
				}
				ok := w.claimLines(known, at, words, each, rng.IntN(40) == 0, w.newTouch(&access{site: uint16(1 + rng.IntN(3))}))
				if oks = append(oks, ok); !ok {
					return oks, known
				}
			}
			known.clean(l.firstID)
			return oks, known
		}
		oks, known := run(true)
		want, wanted := run(false)
		switch {
		case !slices.Equal(oks, want):
			t.Fatalf("case %d: %d accesses with lines, %d with cells", n, len(oks), len(want))
		case !oks[len(oks)-1]:
			stopped++
		case !slices.Equal(known.cells, wanted.cells) || !slices.Equal(known.blocks, wanted.blocks):
			t.Fatalf("case %d: with lines %x %x, with cells %x %x", n, known.cells, known.blocks, wanted.cells, wanted.blocks)
		}
	}
	if stopped < 500 || stopped > 1900 {
		t.Errorf("%d of 2000 cases end with a race; there should be many of both", stopped)
	}
}
