package emulator

import (
	"slices"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	gpu, err := FindGPU("A100")
	if err != nil {
		t.Fatal(err)
	}
	const text = `.version 7.8
.target sm_70
.address_size 64
.global .u32 counter;
.visible .entry _Z4fillPfi(.param .u64 y, .param .u32 n)
{
	.shared .b8 s[40];
	.reg .b32 %r;
	mov.u32 %r, s;
	ret;
}
.visible .entry textured(.param .align 8 .b8 pair[16])
{
	tex.2d.v4.f32.f32 {%f0,%f1,%f2,%f3}, [%rd1, {%f0,%f1}];
}`
	kernels, err := Inspect(text, gpu)
	if err != nil {
		t.Fatal(err)
	}
	if len(kernels) != 2 {
		t.Fatalf("%d kernels", len(kernels))
	}
	if k := kernels[0]; k.Name != "fill(float*, int)" || k.Symbol != "_Z4fillPfi" || k.Line != 5 || k.Target != 70 || k.Threads != 1024 || !slices.Equal(k.Parameters, []int{8, 4}) || k.Shared != 40 || k.Refused != nil {
		t.Errorf("the first kernel is %+v", k)
	}
	if k := kernels[1]; k.Name != "textured" || !slices.Equal(k.Parameters, []int{16}) || k.Refused == nil || !strings.Contains(k.Refused.Error(), "ptx:14: tex.2d.v4.f32.f32") {
		t.Errorf("the second kernel is %+v", k)
	}
	for _, c := range []struct{ text, why string }{
		{"", "no .target"},
		{".version 7.8\n.target sm_90\n.address_size 64", "the PTX is for sm_90, but the device is an sm_80"},
	} {
		if _, err := Inspect(c.text, gpu); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %v, want %q", c.text, err, c.why)
		}
	}
}
