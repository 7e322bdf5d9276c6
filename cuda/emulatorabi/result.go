//go:build cuda && emulatorabi

package emulatorabi

// #cgo CFLAGS: -I${SRCDIR}/../abi/include
// #include <cuda.h>
import "C"

import (
	"errors"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

var names = map[C.CUresult]string{
	C.CUDA_SUCCESS:                  "CUDA_SUCCESS",
	C.CUDA_ERROR_INVALID_VALUE:      "CUDA_ERROR_INVALID_VALUE",
	C.CUDA_ERROR_OUT_OF_MEMORY:      "CUDA_ERROR_OUT_OF_MEMORY",
	C.CUDA_ERROR_INVALID_DEVICE:     "CUDA_ERROR_INVALID_DEVICE",
	C.CUDA_ERROR_INVALID_CONTEXT:    "CUDA_ERROR_INVALID_CONTEXT",
	C.CUDA_ERROR_INVALID_PTX:        "CUDA_ERROR_INVALID_PTX",
	C.CUDA_ERROR_NOT_FOUND:          "CUDA_ERROR_NOT_FOUND",
	C.CUDA_ERROR_ILLEGAL_ADDRESS:    "CUDA_ERROR_ILLEGAL_ADDRESS",
	C.CUDA_ERROR_MISALIGNED_ADDRESS: "CUDA_ERROR_MISALIGNED_ADDRESS",
	C.CUDA_ERROR_LAUNCH_FAILED:      "CUDA_ERROR_LAUNCH_FAILED",

	C.CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE: "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE",
}

// result returns the code of an error of the emulator. The emulator's message becomes
// the text of the code, until the next error with the same code.
func result(err error) C.CUresult {
	if err == nil {
		return C.CUDA_SUCCESS
	}
	code := codeOf(err)
	library.Lock()
	defer library.Unlock()
	library.texts[code] = err.Error()
	return code
}

func codeOf(err error) C.CUresult {
	if errors.Is(err, cuda.ErrOutOfMemory) {
		return C.CUDA_ERROR_OUT_OF_MEMORY
	}
	if _, ok := errors.AsType[*cuda.GridTooLarge](err); ok {
		return C.CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE
	}
	report, ok := errors.AsType[*emulator.Report](err)
	if !ok {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	switch report.Check {
	case emulator.OutOfBounds, emulator.NullPointer, emulator.UseAfterFree:
		return C.CUDA_ERROR_ILLEGAL_ADDRESS
	case emulator.Misaligned:
		return C.CUDA_ERROR_MISALIGNED_ADDRESS
	}
	return C.CUDA_ERROR_LAUNCH_FAILED
}

//export emulateGetErrorName
func emulateGetErrorName(code C.CUresult, text **C.char) C.CUresult {
	name, ok := names[code]
	if !ok {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	*text = constant(name)
	return C.CUDA_SUCCESS
}

//export emulateGetErrorString
func emulateGetErrorString(code C.CUresult, text **C.char) C.CUresult {
	name, ok := names[code]
	if !ok {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	library.Lock()
	said := library.texts[code]
	library.Unlock()
	if said == "" {
		said = name
	}
	*text = constant(said)
	return C.CUDA_SUCCESS
}

// constant returns a C string that lives as long as the program.
func constant(text string) *C.char {
	library.Lock()
	defer library.Unlock()
	c, ok := library.constants[text]
	if !ok {
		c = C.CString(text)
		library.constants[text] = c
	}
	return c
}
