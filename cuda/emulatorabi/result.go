//go:build cuda && emulatorabi

package emulatorabi

// #cgo CFLAGS: -I${SRCDIR}/../abi/include
// #include <cuda.h>
import "C"

import (
	"errors"
	"fmt"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

var names = map[C.CUresult]string{
	C.CUDA_SUCCESS:                            "CUDA_SUCCESS",
	C.CUDA_ERROR_NOT_INITIALIZED:              "CUDA_ERROR_NOT_INITIALIZED",
	C.CUDA_ERROR_NO_BINARY_FOR_GPU:            "CUDA_ERROR_NO_BINARY_FOR_GPU",
	C.CUDA_ERROR_INVALID_HANDLE:               "CUDA_ERROR_INVALID_HANDLE",
	C.CUDA_ERROR_NOT_READY:                    "CUDA_ERROR_NOT_READY",
	C.CUDA_ERROR_LAUNCH_TIMEOUT:               "CUDA_ERROR_LAUNCH_TIMEOUT",
	C.CUDA_ERROR_CONTEXT_IS_DESTROYED:         "CUDA_ERROR_CONTEXT_IS_DESTROYED",
	C.CUDA_ERROR_ASSERT:                       "CUDA_ERROR_ASSERT",
	C.CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE: "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE",
	C.CUDA_ERROR_NOT_SUPPORTED:                "CUDA_ERROR_NOT_SUPPORTED",
	C.CUDA_ERROR_INVALID_VALUE:                "CUDA_ERROR_INVALID_VALUE",
	C.CUDA_ERROR_OUT_OF_MEMORY:                "CUDA_ERROR_OUT_OF_MEMORY",
	C.CUDA_ERROR_INVALID_DEVICE:               "CUDA_ERROR_INVALID_DEVICE",
	C.CUDA_ERROR_INVALID_CONTEXT:              "CUDA_ERROR_INVALID_CONTEXT",
	C.CUDA_ERROR_INVALID_PTX:                  "CUDA_ERROR_INVALID_PTX",
	C.CUDA_ERROR_NOT_FOUND:                    "CUDA_ERROR_NOT_FOUND",
	C.CUDA_ERROR_ILLEGAL_ADDRESS:              "CUDA_ERROR_ILLEGAL_ADDRESS",
	C.CUDA_ERROR_MISALIGNED_ADDRESS:           "CUDA_ERROR_MISALIGNED_ADDRESS",
	C.CUDA_ERROR_LAUNCH_FAILED:                "CUDA_ERROR_LAUNCH_FAILED",
	C.CUDA_ERROR_ILLEGAL_STATE:                "CUDA_ERROR_ILLEGAL_STATE",
	C.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED:   "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
	C.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED:   "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
	C.CUDA_ERROR_STREAM_CAPTURE_MERGE:         "CUDA_ERROR_STREAM_CAPTURE_MERGE",
	C.CUDA_ERROR_STREAM_CAPTURE_UNMATCHED:     "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
	C.CUDA_ERROR_STREAM_CAPTURE_UNJOINED:      "CUDA_ERROR_STREAM_CAPTURE_UNJOINED",
	C.CUDA_ERROR_STREAM_CAPTURE_ISOLATION:     "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
	C.CUDA_ERROR_STREAM_CAPTURE_IMPLICIT:      "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
	C.CUDA_ERROR_CAPTURED_EVENT:               "CUDA_ERROR_CAPTURED_EVENT",
}

// result returns the code of an error of the emulator. The emulator's message becomes
// the text of the code, until the next error with the same code.
func result(err error) C.CUresult {
	if err == nil {
		return C.CUDA_SUCCESS
	}
	say(err)
	code := codeOf(err)
	library.Lock()
	defer library.Unlock()
	library.texts[code] = err.Error()
	return code
}

// say reports an error, but not that an earlier one has lost the context.
func say(err error) {
	if report, ok := errors.AsType[*emulator.Report](err); ok && err != error(report) {
		return
	}
	fmt.Fprintln(Reports, err)
}

// unsupported says what the emulator does not have.
func unsupported(what string) C.CUresult {
	fmt.Fprintf(Reports, "cuda emulator: %s: not supported\n", what)
	return C.CUDA_ERROR_NOT_SUPPORTED
}

// firstError returns the first code that is an error, if any is.
func firstError(codes ...C.CUresult) C.CUresult {
	for _, code := range codes {
		if code != C.CUDA_SUCCESS {
			return code
		}
	}
	return C.CUDA_SUCCESS
}

func codeOf(err error) C.CUresult {
	switch {
	case errors.Is(err, cuda.ErrOutOfMemory):
		return C.CUDA_ERROR_OUT_OF_MEMORY
	case errors.Is(err, emulator.ErrNotFound):
		return C.CUDA_ERROR_NOT_FOUND
	case errors.Is(err, emulator.ErrRefused):
		return C.CUDA_ERROR_NOT_SUPPORTED
	case errors.Is(err, emulator.ErrHandle):
		return C.CUDA_ERROR_INVALID_HANDLE
	}
	if _, ok := errors.AsType[*cuda.GridTooLarge](err); ok {
		return C.CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE
	}
	if e, ok := errors.AsType[emulator.CaptureError](err); ok {
		for code, name := range names {
			if name == string(e) {
				return code
			}
		}
	}
	report, ok := errors.AsType[*emulator.Report](err)
	if !ok || report.Kernel == "" {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	switch report.Check {
	case emulator.OutOfBounds, emulator.NullPointer, emulator.UseAfterFree:
		return C.CUDA_ERROR_ILLEGAL_ADDRESS
	case emulator.Misaligned:
		return C.CUDA_ERROR_MISALIGNED_ADDRESS
	case emulator.Assertion:
		return C.CUDA_ERROR_ASSERT
	case emulator.Endless:
		return C.CUDA_ERROR_LAUNCH_TIMEOUT
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
