package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const somePTX = `.version 7.8
.target sm_70
.address_size 64
.visible .entry _Z4fillPfi(.param .u64 y, .param .u32 n) { .shared .b8 s[40]; .reg .b32 %r; mov.u32 %r, s; ret; }
`

func TestPTXCheckListsKernels(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "good.ptx", somePTX)
	writeFile(t, "bad.ptx", somePTX+".entry textured() {\n tex.2d %r; }\n")
	writeFile(t, "empty.ptx", "")
	writeFile(t, "text.ptx", "# no PTX")
	if o := gputrain("ptx", "check", "good.ptx").want(t, 0); !strings.Contains(o.out, "fill(float*, int)    yes           8 4      40       0\n") {
		t.Errorf("of a good file:\n%s", o.out)
	}
	o := gputrain("ptx", "check", "bad.ptx", "--gpu", "A100").want(t, exitFailure)
	if o.errors != "gputrain: bad.ptx: the emulated A100 refuses 1 kernel\n" || !strings.Contains(o.out, "textured: line 6: tex.2d %r; }: tex: textures are not supported\n") {
		t.Errorf("of a bad file: %s\n%s", o.errors, o.out)
	}
	var kernels []checkedKernel
	o = gputrain("ptx", "check", "bad.ptx", "--json").want(t, exitFailure)
	if err := json.Unmarshal([]byte(o.out), &kernels); err != nil || len(kernels) != 2 || kernels[0].Symbol != "_Z4fillPfi" || kernels[1].Refused == "" {
		t.Errorf("%v: %s", err, o.out)
	}
	wantFailure(t, exitFailure, []string{"empty.ptx: it is empty"}, "ptx", "check", "empty.ptx")
	wantFailure(t, exitFailure, []string{"text.ptx: line 1: # no PTX: character '#' is not part of PTX"}, "ptx", "check", "text.ptx")
	wantFailure(t, exitFailure, []string{"nothing.ptx: no such file"}, "ptx", "check", "nothing.ptx")
	wantFailure(t, exitUsage, []string{`--gpu is "Voodoo"`}, "ptx", "check", "good.ptx", "--gpu", "Voodoo")
}
