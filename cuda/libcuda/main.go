//go:build cuda && emulatorabi

// Command libcuda is built as libcuda.so.1, the CUDA driver as programs in C know it, with
// the emulated GPU behind it: see make libcuda and docs/emulator.md.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../abi/include
#include <stdio.h>

static void print(void *text, size_t size) { fwrite(text, 1, size, stdout); }
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"gputrain/cuda/emulatorabi"
)

func main() {} // a library has none, but Go asks for it

func init() {
	s, err := settingsOf(os.LookupEnv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	emulatorabi.Options, emulatorabi.Reports = s.options, os.Stderr
	emulatorabi.Options.Output = stdout{}
	if s.profile {
		emulatorabi.Profile = os.Stderr
	}
}

// A stdout is that of C, so that what kernels print comes in order with what the program
// prints.
type stdout struct{}

func (stdout) Write(text []byte) (int, error) {
	C.print(unsafe.Pointer(unsafe.SliceData(text)), C.size_t(len(text)))
	return len(text), nil
}

//export finishEmulation
func finishEmulation() { emulatorabi.Finish() }
