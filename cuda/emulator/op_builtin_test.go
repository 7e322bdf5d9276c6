package emulator

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"testing"
)

//go:embed testdata/builtin.ptx
var builtinPTX string

// What a C library prints for the same calls.
const printedByC = `block %d of 2:    42|42   |00042|+42|007|-5000000000|0xff|0|10|4464|44
text|     right|left      |cu|c|%%|0x1000
-1234.567800|-1234.57|-1234.568|-1.234568e+03|-1.234568E+03|-1234.57|1e+10|1E-10|    42|-1234.6|inf|NAN|-inf  |
100000|1e+06|0.0001|010| +2.2| 5|ffffffff|+3|0x1.8p+0
no conversion: %%y, and 100%%`

func TestPrintf(t *testing.T) {
	var out bytes.Buffer
	b := newBench(t, builtinPTX, Options{Output: &out})
	text := upload(b, []byte("text\x00"))
	b.must(b.launch("print", dim(2), dim(32), 0, text, bits64(-1234.5678), uint64(1<<64-5000000000)))
	if want := fmt.Sprintf(printedByC, 0) + fmt.Sprintf(printedByC, 1); out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	checkReport(t, b.launch("print", dim(1), dim(32), 0, uint64(0), bits64(1), uint64(1)), NullPointer, "null")
}

// A kernel can print without end, but it does not fill the memory.
func TestEndlessPrinting(t *testing.T) {
	var out bytes.Buffer
	b := newBench(t, wrap(`{ .global .align 1 .b8 wide[10] = {37, 57, 57, 57, 57, 57, 57, 120}; .local .align 8 .b8 none[8];
		.param .b64 a; .param .b64 b; .param .b32 r; .reg .b64 %x; mov.u64 %x, wide; st.param.b64 [a], %x; mov.u64 %x, none; cvta.local.u64 %x, %x;
		st.param.b64 [b], %x; st.local.u64 [none], 7; L: call (r), vprintf, (a, b); bra L; }`), Options{Output: &out, Budget: 80})
	checkReport(t, b.launch("k", dim(1), dim(1), 0, upload(b, []int32{1})), Endless, "")
	if n := out.Len(); n < maxPrinted*9/10 || n > maxPrinted*11/10 || !strings.HasSuffix(out.String(), "The rest is left out.)\n") {
		t.Errorf("%d bytes are printed, the last are %q", n, out.String()[max(n-70, 0):])
	}
}

func TestAssert(t *testing.T) {
	b := newBench(t, builtinPTX, Options{})
	values := upload(b, []int32{3, 1, 4, 1, 5, 9, 2, 6, -5, 3})
	b.must(b.launch("check", dim(2), dim(4), 0, values, 8))
	err := b.launch("check", dim(3), dim(4), 0, values, 10)
	checkReport(t, err, Assertion, "builtin.cu:23: void check(const int *, int): assertion `values[i] >= 0 && \"a negative value\"' failed")
	if !strings.Contains(err.Error(), "block (2,0,0) of (3,1,1), thread (0,0,0)") {
		t.Errorf("the report does not name the thread: %v", err)
	}
}

// A call that does not fit what the driver defines is refused.
func TestBuiltinsAreCheckedWhenLoaded(t *testing.T) {
	for _, c := range []struct{ call, why string }{
		{"{ .param .b64 a; .param .b32 r; call (r), vprintf, (a); }", "vprintf has 2 arguments, not 1"},
		{"{ .param .b64 a; .param .b32 b; .param .b32 r; call (r), vprintf, (a, b); }", "argument b does not fit parameter 2 of vprintf"},
		{"{ .param .b64 a; .param .b64 b; call vprintf, (a, b); }", "vprintf has 1 results, not 0"},
		{"{ .param .b64 a; call malloc, (a); }", "function malloc is not defined in this module"},
	} {
		_, err := newBench(t, wrap(""), Options{}).device.Load(wrap(c.call))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.call, err, c.why)
		}
	}
}
