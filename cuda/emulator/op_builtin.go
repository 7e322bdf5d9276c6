package emulator

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
)

// builtins are the functions that the driver defines for all modules.
var builtins = map[string]builtin{
	"vprintf":      {args: []int{8, 8}, result: 4, run: printFormatted},
	"__assertfail": {args: []int{8, 8, 4, 8, 8}, run: assertFail},
}

// A builtin runs lane by lane. args and result are the sizes of its parameters.
type builtin struct {
	args   []int
	result int // 0 without one
	run    func(w *warp, lane int, args []uint64) uint64
}

// builtin decodes a call of a function of the driver.
func (d *decoder) builtin(name string, results, args []operand) runner {
	f := builtins[name]
	variables := make([]*variable, len(f.args))
	for i, size := range f.args {
		variables[i] = &variable{name: fmt.Sprintf("%d of %s", i+1, name), size: size}
	}
	in := d.copies(args, variables, name, "arguments")
	var out []callCopy
	if f.result > 0 {
		out = d.copies(results, []*variable{{name: "of " + name, size: f.result}}, name, "results")
	}
	// It reads texts byte by byte.
	d.program.granule, d.program.sharedGranule = 1, 1
	return func(w *warp, mask uint32) {
		stride := w.program.callSize
		values := make([]uint64, len(in))
		w.eachLane(mask, func(lane int) {
			if w.block.fault != nil {
				return
			}
			for i, c := range in {
				var word [8]byte
				copy(word[:c.size], w.calls.data[lane*stride+c.outer:])
				values[i] = binary.LittleEndian.Uint64(word[:])
			}
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], f.run(w, lane, values))
			for _, c := range out {
				copy(w.calls.data[lane*stride+c.outer:][:c.size], word[:])
			}
		})
	}
}

// assertFail is what assert calls.
func assertFail(w *warp, lane int, args []uint64) uint64 {
	message, file, function := w.text(lane, args[0]), w.text(lane, args[1]), w.text(lane, args[3])
	w.fail(Assertion, lane, 0, "%s:%d: %s: assertion `%s' failed", file, args[2], function, message)
	return 0
}

// text reads text that ends with a zero byte. It is "" after a fault.
func (w *warp) text(lane int, address uint64) string {
	const most = 1 << 16
	var text []byte
	for len(text) < most {
		c := w.read(lane, address+uint64(len(text)), 1)
		if c == 0 {
			break
		}
		text = append(text, byte(c))
	}
	return string(text)
}

// read reads a number at a generic address. It is 0 after a fault.
func (w *warp) read(lane int, address uint64, size int) uint64 {
	if w.block.fault != nil {
		return 0
	}
	m, at := w.reach(&access{space: generic, size: size, count: 1}, lane, address)
	if m == nil {
		return 0
	}
	var word [8]byte
	copy(word[:size], m.data[at:])
	return binary.LittleEndian.Uint64(word[:])
}

// printFormatted is vprintf, which printf calls: a format and the address of the
// arguments. It returns how many arguments it took, or -1 if the launch prints too much.
func printFormatted(w *warp, lane int, args []uint64) uint64 {
	if w.block.launch.printsTooMuch() {
		return math.MaxUint32
	}
	f := formatter{w: w, lane: lane, next: args[1]}
	text := f.format(w.text(lane, args[0]))
	if w.block.fault == nil {
		w.block.launch.print(w.block.number, text)
	}
	return f.taken
}

// A formatter takes the arguments of a printf one after the other. Each is aligned to
// its size.
type formatter struct {
	w     *warp
	lane  int
	next  uint64
	taken uint64
}

func (f *formatter) argument(size int) uint64 {
	f.next = (f.next + uint64(size) - 1) &^ (uint64(size) - 1)
	v := f.w.read(f.lane, f.next, size)
	f.next += uint64(size)
	f.taken++
	return v
}

// format replaces each conversion by its argument. What is no conversion of C stays.
func (f *formatter) format(format string) string {
	var out strings.Builder
	for f.w.block.fault == nil && out.Len() < maxPrinted {
		before, rest, found := strings.Cut(format, "%")
		out.WriteString(before)
		if !found {
			break
		}
		end := strings.IndexFunc(rest, func(c rune) bool { return !strings.ContainsRune("-+ #0123456789.*hlLqjzt", c) })
		if end < 0 {
			out.WriteString("%" + rest)
			break
		}
		out.WriteString(f.conversion(rest[:end], rest[end]))
		format = rest[end+1:]
	}
	return out.String()
}

// conversion formats the next argument as "%", flags and verb say. Go understands the
// flags, the width and the precision as C does.
func (f *formatter) conversion(flags string, verb byte) string {
	if verb == '%' {
		return "%"
	}
	length := strings.TrimLeft(flags, "-+ #0123456789.*")
	flags = flags[:len(flags)-len(length)]
	for strings.Contains(flags, "*") {
		flags = strings.Replace(flags, "*", fmt.Sprint(int32(f.argument(4))), 1)
	}
	size := 4
	if length != "" && length[0] != 'h' {
		size = 8
	}
	spec := "%" + flags + string(verb)
	switch verb {
	case 'd', 'i':
		bits := 8*size - map[string]int{"h": 16, "hh": 24}[length]
		v := int64(f.argument(size)) << (64 - bits) >> (64 - bits)
		return fmt.Sprintf("%"+flags+"d", v)
	case 'u', 'o', 'x', 'X':
		bits := 8*size - map[string]int{"h": 16, "hh": 24}[length]
		v := f.argument(size) << (64 - bits) >> (64 - bits)
		if v == 0 {
			spec = strings.Replace(spec, "#", "", 1)
		}
		return fmt.Sprintf(strings.Replace(spec, "u", "d", 1), v)
	case 'c':
		return fmt.Sprintf("%"+flags+"s", string([]byte{byte(f.argument(4))}))
	case 's':
		return fmt.Sprintf(spec, f.w.text(f.lane, f.argument(8)))
	case 'p':
		return fmt.Sprintf("%"+flags+"s", fmt.Sprintf("0x%x", f.argument(8)))
	case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
		return formatFloat(flags, verb, math.Float64frombits(f.argument(8)))
	}
	return "%" + flags + length + string(verb)
}

func formatFloat(flags string, verb byte, v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		width, _, _ := strings.Cut(strings.Replace(flags, "0", "", 1), ".")
		text := map[bool]string{true: "nan", false: "inf"}[math.IsNaN(v)]
		switch {
		case math.IsInf(v, -1):
			text = "-" + text
		case strings.Contains(flags, "+"):
			text = "+" + text
		}
		if verb < 'a' {
			text = strings.ToUpper(text)
		}
		return fmt.Sprintf("%"+strings.Trim(width, "+ #")+"s", text)
	}
	switch {
	case verb == 'a' || verb == 'A':
		text := fmt.Sprintf("%"+flags+string(verb+'x'-'a'), v)
		// Go writes two digits of the exponent at least.
		return strings.NewReplacer("p+0", "p+", "p-0", "p-", "P+0", "P+", "P-0", "P-").Replace(text)
	case (verb == 'g' || verb == 'G') && !strings.Contains(flags, "."):
		flags += ".6" // Go's own is the shortest that is exact
	}
	return fmt.Sprintf("%"+flags+string(verb), v)
}

// maxPrinted is how many bytes a launch may print before the rest is left out. A GPU
// keeps 1 MiB.
const maxPrinted = 16 << 20

// print keeps what a block printed until the launch has ended.
func (l *launch) print(block int, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.printed == nil {
		l.printed = map[int][]byte{}
	}
	if l.printedBytes += len(text); l.printedBytes > maxPrinted {
		text = fmt.Sprintf("\n(The launch prints more than %d bytes. The rest is left out.)\n", maxPrinted)
	}
	l.printed[block] = append(l.printed[block], text...)
}

func (l *launch) printsTooMuch() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.printedBytes > maxPrinted
}

// flush writes what the blocks printed, in the order of the blocks, whatever the order
// in which they ran. As on a GPU, a printf that cannot be written is no fault.
func (l *launch) flush(out io.Writer) {
	for _, block := range slices.Sorted(maps.Keys(l.printed)) {
		out.Write(l.printed[block])
	}
}
