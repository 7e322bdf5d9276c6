package emulator

import (
	command "flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gputrain/cuda"
)

// A wreck is a kernel that somebody edited without understanding it: four bytes say
// what each edit is and where.
type wreck struct {
	kernel uint16
	edits  []byte
}

// The kernels that are wrecked: each is a module of its own, of the lines before and
// after the kernel and the lines of it.
type victim struct {
	head, lines []string
	words       []string // of the lines
}

// victims are the kernels of our PTX and of the tests'.
var victims = sync.OnceValues(func() ([]victim, error) {
	files, err := filepath.Glob("testdata/*.ptx")
	if err != nil {
		return nil, err
	}
	ours, err := filepath.Glob("../../kernels/ptx/*.ptx")
	if err != nil {
		return nil, err
	}
	var all []victim
	for _, file := range append(files, ours...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var head []string
		first := len(all)
		for lines := strings.Split(string(text), "\n"); len(lines) > 0; lines = lines[1:] {
			if !strings.HasPrefix(lines[0], ".visible .entry ") {
				head = append(head, lines[0])
				continue
			}
			end := slices.Index(lines, "}")
			own := slices.DeleteFunc(slices.Clone(lines[:end+1]), dull)
			if len(own) < 200 { // larger ones have nothing that smaller ones lack
				all = append(all, victim{lines: own, words: words.FindAllString(strings.Join(own, " "), -1)})
			}
			lines = lines[end:]
		}
		if head = slices.DeleteFunc(head, dull); len(head) > 300 {
			head = head[:3]
		}
		for i := range all[first:] {
			all[first+i].head = head
		}
	}
	return all, nil
})

// dull tells whether a line has nothing to wreck.
func dull(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "//") || strings.HasPrefix(line, ".loc")
}

// What an edit may put in the place of another word, or of a line.
var (
	words   = regexp.MustCompile(`%?[A-Za-z_$][\w$]*|\d\w*|\.\w+`)
	strange = strings.Fields(`.f32 .f64 .u8 .s8 .u16 .b16 .s32 .u32 .b32 .s64 .u64 .b64 .f16 .f16x2 .bf16 .tf32 .pred .v2 .v4 .shared .global .local
		.const .param .volatile .relaxed .acquire .release .cta .gpu .sys .sat .ftz .rn .rz .approx .wide .hi .lo .sync .aligned .x2 .x4 .trans
		.row .col .m16n8k8 .m8n8k4 .cc .uni .to .noinc .nc .noftz .all .any .idx .bfly 0 1 2 3 4 7 8 15 16 31 32 33 63 64 255 256 4096 65535 65536
		1048576 67108864 2147483647 2147483648 4294967295 9223372036854775808 18446744073709551615 -1 -4 0f7F800000 0f7FC00000 0f80000000
		0d7FF0000000000000 %tid.x %laneid %warpid %clock64 %envreg1 %lanemask_lt WARP_SZ _`)
	intruders = []string{
		".shared .align 65536 .b8 big[67108864];", ".shared .b8 big2[40000];", ".local .align 65536 .b8 far[524288];", ".reg .b32 %many<16777216>;",
		".local .b8 far2[400000];", ".param .align 1024 .b8 gone[500000];", ".global .b8 all[67108864];", ".reg .pred %px<99999999>;",
		"bar.sync 15;", "bar.sync 0;", "bar.arrive 1, 64;", "barrier.sync 1, 32;", "ret;", "exit;", "trap;", "bar.warp.sync 7;", "membar.gl;",
		"fence.acq_rel.cta;", "bra HERE;", "HERE:", "@!%p1 bra HERE;", "{", "}", "call f, ();", "brx.idx %r1, T;", "T: .branchtargets HERE;",
		"mbarrier.init.shared.b64 [0], 33;", "cp.async.wait_all;", "cp.async.ca.shared.global [%r1], [%rd1], 16, 0;", "nanosleep.u32 4294967295;",
		"shfl.sync.idx.b32 %r1|%p1, %r2, %r3, 31, -1;", "vote.sync.ballot.b32 %r1, %p1, 1;", "match.any.sync.b64 %r1, %rd1, -1;",
		"atom.shared.cas.b32 %r1, [%r2], %r3, %r4;", "red.global.add.f64 [%rd1], %fd1;", "ld.volatile.shared.v4.u32 {%r1, %r2, %r3, %r4}, [%r5];",
		"st.local.u64 [%rd1+524280], %rd2;", "div.s32 %r1, %r2, %r3;", "rem.s64 %rd1, %rd2, %rd3;", "bfi.b64 %rd1, %rd2, %rd3, %r1, %r2;",
		"prmt.b32 %r1, %r2, %r3, %r4;", "dp4a.u32.s32 %r1, %r2, %r3, %r4;", "mov.b64 {%r1, %r2}, %rd1;", "cvt.rni.s8.f64 %r1, %fd1;", ".loc 9 9 9",
	}
)

// write returns the PTX of a wreck.
func (w wreck) write(all []victim) string {
	v := all[int(w.kernel)%len(all)]
	lines := slices.Clone(v.lines)
	for e := w.edits; len(e) >= 4 && len(lines) > 0; e = e[4:] {
		at, pick := (int(e[1])<<8|int(e[2]))%len(lines), int(e[3])<<3|int(e[0]>>5)
		switch e[0] % 8 {
		case 0:
			lines = slices.Delete(lines, at, at+1)
		case 1:
			lines = slices.Insert(lines, at, lines[at])
		case 2:
			other := (at + pick) % len(lines)
			lines[at], lines[other] = lines[other], lines[at]
		case 3:
			lines = slices.Insert(lines, at, intruders[pick%len(intruders)])
		case 4:
			donor := all[pick%len(all)].lines
			lines = slices.Insert(lines, at, donor[(int(e[2])*7+pick)%len(donor)])
		default: // the words of a line
			found := words.FindAllStringIndex(lines[at], -1)
			if len(found) == 0 {
				continue
			}
			f := found[pick%len(found)]
			word := strange[(pick/len(found)+int(e[2])*31)%len(strange)]
			if e[0]%8 == 5 {
				word = v.words[(pick/len(found)*97+int(e[2])*31)%len(v.words)]
			}
			lines[at] = lines[at][:f[0]] + word + lines[at][f[1]:]
		}
	}
	return strings.Join(v.head, "\n") + "\n" + strings.Join(lines, "\n") + "\n"
}

// mostAllocated is how much a run of a wreck may allocate, all told, with a device of
// memoryOfWrecks bytes. Memory of warps that has been allocated once is used again.
const (
	mostAllocated  = 1 << 30
	memoryOfWrecks = 16 << 20
)

// run loads and launches the kernel, in ways that the first bytes of the edits choose.
// It may fail, but not panic, go on for ever or take much memory.
func (w wreck) run(t *testing.T, all []victim) {
	t.Helper()
	before := allocated()
	text := w.write(all)
	var how [4]byte
	copy(how[:], w.edits)
	o := Options{Budget: 1000, Memory: memoryOfWrecks, Workers: 1, Output: io.Discard, Seed: uint64(how[3])}
	if how[1]&3 == 0 {
		o.Off = []Check{OutOfBounds, NullPointer, Misaligned, UseAfterFree, Uninitialised, ReadOnly, WrongSpace, SharedRace, GlobalRace, EqualWrites, DivergentBarrier, InactiveLane, MisusedBarrier, Deadlock, Trap, StackOverflow, Assertion, BadBranch}
	}
	o.Shrink = how[1]&15 == 1
	if how[1]&16 != 0 {
		o.Perturb = 1
	}
	driver, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	d := opened.(*Device)
	defer d.Close()
	m, err := d.Load(text)
	if err != nil {
		if err.Error() == "" {
			t.Errorf("an error without a text")
		}
		return
	}
	data := make([]byte, 1<<10)
	for i := range data {
		data[i] = byte(i / 4 % 3 << (i % 4 / 3 * 5))
	}
	host, err := d.AllocHost(len(data))
	if err != nil {
		t.Fatal(err)
	}
	copy(host, data)
	p, err := d.Alloc(int64(len(data)))
	if err != nil {
		return // the variables of the module fill the memory
	}
	if err := d.CopyToDevice(p, host, 0); err != nil {
		t.Fatal(err)
	}
	for name := range d.modules[m].functions {
		f, err := d.Function(m, name)
		if err != nil {
			continue
		}
		k, err := d.Kernel(f)
		if err != nil {
			t.Fatal(err)
		}
		args := make([][]byte, len(k.Parameters))
		for i, size := range k.Parameters {
			args[i] = make([]byte, max(size, 8))
			if args[i][0] = byte(7 + i); size == 8 {
				word := uint64(p) + uint64(128*i%512)
				for b := range 8 {
					args[i][b] = byte(word >> (8 * b))
				}
			}
		}
		grid := []cuda.Dim3{{X: 2, Y: 1, Z: 1}, {X: 1, Y: 3, Z: 2}, {X: 40, Y: 1, Z: 1}, {X: maxGridX, Y: maxGridYZ, Z: maxGridYZ}}[how[2]&3]
		block := []cuda.Dim3{{X: 48, Y: 1, Z: 1}, {X: 32, Y: 1, Z: 1}, {X: 3, Y: 5, Z: 7}, {X: 1024, Y: 1, Z: 1}}[how[2]>>2&3]
		start := d.LaunchBytes
		if how[2]>>4&7 == 0 {
			start = d.LaunchCooperativeBytes
		}
		if err := start(f, grid, block, int(how[2]>>7)*1024, 0, args); err != nil {
			continue
		}
		if err := d.SyncStream(0); err != nil {
			_ = fmt.Sprint(err)
		}
		break
	}
	if n := allocated() - before; n > mostAllocated {
		t.Errorf("FuzzRun(%d, %q) allocated %d MiB", w.kernel, w.edits, n>>20)
	}
}

// allocated returns how many bytes the program has allocated since it began.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// FuzzRun wrecks kernels and runs them.
func FuzzRun(f *testing.F) {
	all, err := victims()
	if err != nil {
		f.Fatal(err)
	}
	for i := 0; i < len(all); i += 8 {
		f.Add(uint16(i), []byte{byte(i), 1, 2, 3, 4, 5, 6, 7})
	}
	// It divides by a register that nothing has written, with the checks off.
	f.Add(uint16(38916), []byte("\v\x04\xde,\xc2\x02\xd2\xcb):\"\x88"))
	// Fences of many blocks, whose schedule is shrunk. It is slow with the race detector, which
	// also makes pools forget what they hold.
	if !testing.Short() {
		f.Add(uint16(27675), []byte("\xe3\xd1o\x9e\x03\xbbn\x89"))
	}
	f.Fuzz(func(t *testing.T, kernel uint16, edits []byte) {
		wreck{kernel, edits[:min(len(edits), 64)]}.run(t, all)
	})
}

var (
	wrecks     = command.Int("wrecks", 500, "how many wrecked kernels are run")
	firstWreck = command.Int("first-wreck", 0, "number of the first of them")
)

// Wrecked kernels end with a result or an error.
func TestWreckedKernels(t *testing.T) {
	all, err := victims()
	if err != nil {
		t.Fatal(err)
	}
	said := time.Now()
	for i := *firstWreck; i < *firstWreck+*wrecks; i++ {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		w := wreck{uint16(random.Uint32()), make([]byte, 4*(1+random.IntN(8)))}
		for j := range w.edits {
			w.edits[j] = byte(random.Uint32())
		}
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("wreck %d, which is FuzzRun(%d, %q): %v\n%s", i, w.kernel, w.edits, r, debug.Stack())
				}
			}()
			w.run(t, all)
		}()
		if now := time.Now(); now.Sub(said) > time.Minute {
			t.Logf("%d wrecks have been run", i+1-*firstWreck)
			said = now
		}
	}
}
