package emulator

import (
	"fmt"
	"strings"
	"testing"
)

// Registers that are live at the same time are apart, in both ways of packing them.
func TestLiveRegistersDoNotShare(t *testing.T) {
	m, err := parse(basicPTX)
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, f := range m.entries {
		p, err := link(m, f, nil)
		if err != nil {
			continue // it has variables
		}
		tested++
		flow := newFlow(f)
		identity := make([]int32, len(f.registers))
		for i := range identity {
			identity[i] = int32(i)
		}
		probe := &decoder{program: p, function: f, entries: map[string]int{f.name: 0}, flow: flow, mapping: identity}
		if _, err := probe.decode(); err != nil {
			t.Fatal(err)
		}
		live := newLiveness(f, flow, probe.uses, probe.defs)
		packed, registers, _ := allocate(f, flow, probe.uses, probe.defs)
		byRange, most, _ := allocateByRange(f, live, probe.uses, probe.defs)
		if most < registers || most >= len(f.registers) && len(f.registers) > 20 {
			t.Errorf("%s: %d registers by range, %d packed, %d in PTX", f.name, most, registers, len(f.registers))
		}
		for _, mapping := range [][]int32{packed, byRange} {
			live.visit(func(i int, after bitset) {
				for _, d := range probe.defs[i] {
					after.each(func(other int32) {
						if other != d && mapping[other] == mapping[d] && (f.registers[other].kind == pred) == (f.registers[d].kind == pred) {
							t.Errorf("%s, line %d: %s and %s share a register", f.name, f.body[i].line, f.registers[d].name, f.registers[other].name)
						}
					})
				}
			})
		}
	}
	if tested < 3 {
		t.Errorf("%d kernels were tested", tested)
	}
}

// A kernel with 40,000 registers, of which 1,000 are live at once, and a loop.
func TestVeryManyRegisters(t *testing.T) {
	const all, live = 40_000, 1_000
	var text strings.Builder
	fmt.Fprintf(&text, ".version 7.8\n.target sm_70\n.address_size 64\n.visible .entry k(.param .u64 out)\n{\n.reg .b32 %%r<%d>; .reg .b32 %%n, %%s; .reg .b64 %%p; .reg .pred %%q;\n", all)
	text.WriteString("mov.u32 %n, 3;\nmov.u32 %s, 0;\nL:\n")
	for i := range live {
		fmt.Fprintf(&text, "add.u32 %%r%d, %%n, %d;\n", i, i)
	}
	for i := live; i < all; i++ {
		fmt.Fprintf(&text, "xor.b32 %%r%d, %%r%d, %d;\n", i, i-live, i)
	}
	for i := all - live; i < all; i++ {
		fmt.Fprintf(&text, "add.u32 %%s, %%s, %%r%d;\n", i)
	}
	text.WriteString("sub.u32 %n, %n, 1;\nsetp.ne.u32 %q, %n, 0;\n@%q bra L;\nld.param.u64 %p, [out];\nst.global.u32 [%p], %s;\nret;\n}\n")
	want := uint32(0)
	for n := uint32(3); n > 0; n-- {
		r := make([]uint32, all)
		for i := range r {
			if i < live {
				r[i] = n + uint32(i)
			} else {
				r[i] = r[i-live] ^ uint32(i)
			}
		}
		for _, v := range r[all-live:] {
			want += v
		}
	}
	b := newBench(t, text.String(), Options{})
	out := b.alloc(4)
	b.must(b.launch("k", dim(1), dim(1), 0, out))
	compareExactly(t, "sum", download[uint32](b, out, 1), []uint32{want})
}
