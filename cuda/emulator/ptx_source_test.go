package emulator

import (
	_ "embed"
	"strings"
	"testing"
)

//go:embed testdata/lines.ptx
var linesPTX string

// A report names the line of the source, the functions that it is inlined into, and the
// kernel as the source writes it.
func TestReportsNameTheSource(t *testing.T) {
	b := newBench(t, linesPTX, Options{Off: []Check{EqualWrites}})
	err := b.launch("_Z4fillIfEvPT_S0_", dim(1), dim(4), 0, b.alloc(4*4), float32(1))
	checkReport(t, err, OutOfBounds, "4 bytes")
	for _, want := range []string{
		"kernel void fill<float>(float*, float): out of bounds",
		"lines.cu:4 in void put<float>(float*, int, float), inlined at lines.cu:10 in void twice<float>(float*, int, float), inlined at lines.cu:16\n",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report is\n%v\nwant %q", err, want)
		}
	}
}

// Debug information that makes no sense does no harm.
func TestStrangeLineInformation(t *testing.T) {
	const head = ".version 7.8\n.target sm_70\n.address_size 64\n"
	const kernel = ".visible .entry k()\n{\n.reg .b64 %%p;\n%s\nmov.u64 %%p, 0;\nst.global.u32 [%%p], 1;\nret;\n}\n"
	for _, c := range []struct{ before, loc, want string }{
		{".file 1 \"/a/b.cu\"", ".loc 1 7 0", "b.cu:7"},
		{".file 1 \"c:\\\\b.cu\", 123, 456", ".loc 1 7 0", "b.cu:7"},
		{"", ".loc 1 7 0", ":7"},
		{"", "", ""},
		{".file 1 \"a.cu\"", ".loc 1 7 3, function_name nowhere, inlined_at 1 7 3", "a.cu:7, inlined at a.cu:7"},
		{".file 1 \"a.cu\"\n.section .debug_str { L: .b8 102,\n111,111,0\n }", ".loc 1 7 3, function_name L+0, inlined_at 1 9 3", "a.cu:7 in foo, inlined at a.cu:9"},
	} {
		b := newBench(t, head+c.before+"\n"+strings.ReplaceAll(strings.Replace(kernel, "%s", c.loc, 1), "%%", "%"), Options{})
		err := b.launch("k", dim(1), dim(1), 0)
		report, ok := err.(*Report)
		if !ok || report.Source != c.want {
			t.Errorf("%q: the source of %v is not %q", c.loc, err, c.want)
		}
	}
}
