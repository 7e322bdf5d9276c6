package emulator

import (
	"maps"
	"slices"
	"strings"
)

// A ptxModule is the syntax tree of a PTX text.
type ptxModule struct {
	lines        []string // the text
	target       string   // sm_70
	architecture int      // 70
	variables    []*variable
	functions    map[string]*function
	entries      []*function     // in textual order
	pointed      map[string]bool // names whose address is taken

	files     map[int]string    // names, without folders
	texts     map[string]string // of .debug_str, by label
	locations []location        // in textual order
}

// address returns the address of a function, for pointers to it.
func (m *ptxModule) address(name string) uint64 {
	names := slices.Sorted(maps.Keys(m.functions))
	at, _ := slices.BinarySearch(names, name)
	return functionWindow + functionSize*uint64(at)
}

// line returns the text of line n, counted from 1.
func (m *ptxModule) line(n int) string {
	if n < 1 || n > len(m.lines) {
		return ""
	}
	text, _, _ := strings.Cut(m.lines[n-1], "//")
	return strings.Join(strings.Fields(text), " ")
}

// A variable is memory that PTX declares, in any state space.
type variable struct {
	name     string
	space    space
	kind     kind
	align    int
	size     int // bytes
	init     []byte
	pointers []pointerInit
	dynamic  bool // .extern .shared x[], whose size is set at launch
	line     int
}

// A pointerInit is an initialiser: the address of another variable.
type pointerInit struct {
	at     int // byte offset in the variable
	size   int
	symbol string
	offset int64
}

// A function is an .entry or .func.
type function struct {
	name      string
	entry     bool
	params    []*variable
	results   []*variable
	variables []*variable // declared in the body
	registers []register
	body      []rawInstruction
	maxThreads,
	needThreads [3]int // .maxntid, .reqntid; zeros where absent
	line     int
	external bool         // declared but not defined
	refused  *syntaxError // why it cannot be understood; nil if it can
}

type register struct {
	name string
	kind kind
}

// A rawInstruction is parsed and its names are resolved, but it is not decoded yet.
type rawInstruction struct {
	line     int
	name     string   // ld
	mods     []string // global, f32
	guard    int32    // register number, or absent
	guardNot bool
	args     []operand
}

const absent = -1

type operandKind uint8

const (
	operandRegister operandKind = iota
	operandInteger              // value
	operandFloat32              // value holds the bits
	operandFloat64              // value holds the bits
	operandVariable             // variable, offset
	operandSpecial              // name: tid.x
	operandLabel                // target
	operandFunction             // name
	operandVector               // parts
	operandPair                 // parts: p|q
	operandTuple                // parts, of a call
	operandAddress              // parts[0] is the base, offset
	operandTargets              // targets of a brx
	operandSink                 // _
)

type operand struct {
	kind     operandKind
	register int32
	negated  bool // !p, or -r
	value    uint64
	variable *variable
	offset   int64
	name     string // of a register: the part of it, such as b0
	target   int    // index of an instruction of the body
	targets  []int
	parts    []operand
}
