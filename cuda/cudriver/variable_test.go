//go:build cuda

package cudriver

import (
	"encoding/binary"
	"testing"

	"gorgonia.org/cu"

	"gputrain/cuda"
)

// cu finds the variables of a module by name; the host writes them and reads them.
func TestVariablesOfAModuleAreFoundThroughCu(t *testing.T) {
	d := open(t)
	m := must[cuda.Module](t)(d.Load(`.version 7.8
.target sm_70
.address_size 64
.visible .const .align 4 .u32 factor[2] = {1, 10};
.visible .global .align 4 .u32 result;
.visible .entry multiply()
{
	.reg .b32 %r<4>;
	ld.const.u32 %r1, [factor];
	ld.const.u32 %r2, [factor+4];
	mul.lo.u32 %r3, %r1, %r2;
	st.global.u32 [result], %r3;
	ret;
}`))
	global := func(name string) (at cuda.Pointer, bytes int64, err error) {
		err = d.(*device).call("cuModuleGetGlobal", func() error {
			p, size, err := hold[cu.Module](m).Global(name)
			at, bytes = cuda.Pointer(p), size
			return err
		})
		return at, bytes, err
	}
	factor, size, err := global("factor")
	check(t, err)
	if size != 8 {
		t.Errorf("factor has %d bytes, want 8", size)
	}
	result, _, err := global("result")
	check(t, err)
	host := hostWords(t, d, 1)
	binary.NativeEndian.PutUint32(host, 7)
	s := must[cuda.Stream](t)(d.NewStream())
	f := must[cuda.Function](t)(d.Function(m, "multiply"))
	one := cuda.Dim3{X: 1, Y: 1, Z: 1}
	check(t, d.CopyToDevice(factor, host, s))
	check(t, d.Launch(f, one, one, 0, s, nil))
	check(t, d.CopyToHost(host, result, s))
	check(t, d.SyncStream(s))
	if got := binary.NativeEndian.Uint32(host); got != 70 {
		t.Errorf("7 times 10 is %d", got)
	}
	if _, _, err := global("nothing"); err == nil {
		t.Error("a variable that is not there was found")
	}
	check(t, d.DestroyStream(s))
	check(t, d.Unload(m))
}
