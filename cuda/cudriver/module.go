//go:build cuda

package cudriver

/*
#include <cuda.h>

static CUresult load(CUmodule *module, const char *ptx, char *log, size_t size)
{
	CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
	void *values[] = {log, (void *)size};
	return cuModuleLoadDataEx(module, ptx, 2, options, values);
}
*/
import "C"

import (
	"bytes"
	"fmt"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"gputrain/cuda"
)

// Load compiles PTX. The error ends with the compiler's own messages, joined by
// semicolons.
func (d *device) Load(ptx string) (cuda.Module, error) {
	text := C.CString(ptx)
	defer C.free(unsafe.Pointer(text))
	log := make([]byte, 16<<10)
	var module C.CUmodule
	err := d.call("cuModuleLoadDataEx", func() error {
		return result(C.load(&module, text, (*C.char)(pointer(log)), C.size_t(len(log))))
	})
	if err != nil {
		return 0, withLog(err, log)
	}
	return cuda.Module(number(module)), nil
}

func withLog(err error, log []byte) error {
	end := bytes.IndexByte(log, 0)
	if end < 0 {
		end = len(log)
	}
	lines := strings.FieldsFunc(string(log[:end]), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, strings.Join(lines, "; "))
}

func (d *device) Unload(m cuda.Module) error {
	return d.call("cuModuleUnload", hold[cu.Module](m).Unload)
}

func (d *device) Function(m cuda.Module, name string) (f cuda.Function, err error) {
	err = d.call("cuModuleGetFunction", func() error {
		function, err := hold[cu.Module](m).Function(name)
		f = cuda.Function(number(function))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}
