//go:build cuda

// Command libnccl is built as libnccl.so.2, NCCL as programs know it, for GPUs without any
// connection, emulated ones in particular: see make libnccl and docs/distributed.md. It copies
// through the memory of the host.
//
// As with NCCL, calls return when their work is queued. Errors of the other ranks come later,
// from ncclCommGetAsyncError, and the stream then hangs until ncclCommAbort.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../../cuda/abi/include
#include <stdlib.h>
#include <cuda.h>
#include "../include/nccl.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"gputrain/collective/nccl/emulator"
	_ "gputrain/cuda/abi" // the functions of the driver
)

func main() {} // a library has none, but Go asks for it

// limit is how long a rank waits for the others: then it says what is missing, where NCCL would
// wait for ever.
var limit = time.Minute

func init() {
	const name = "GPUTRAIN_EMULATOR_NCCL_TIMEOUT"
	if text, set := os.LookupEnv(name); set {
		var err error
		if limit, err = time.ParseDuration(text); err != nil || limit <= 0 {
			fmt.Fprintf(os.Stderr, "libnccl: %s is %q, want a duration such as 10s\n", name, text)
			os.Exit(2)
		}
	}
}

// library is the state of the library. A process has only one.
var library = struct {
	sync.Mutex
	comms map[C.ncclComm_t]*communicator // those that are not freed
	last  *C.char                        // the last error
	texts map[string]*C.char
}{comms: map[C.ncclComm_t]*communicator{}, texts: map[string]*C.char{}}

// communicator is a rank of one.
type communicator struct {
	*emulator.Member
	ranks, rank int
	aborted     chan struct{} // closed
	ended       []*batch      // whose memory can be freed

	queueing atomic.Bool // a batch

	mu      sync.Mutex
	failure error // asynchronous
}

// fail notes a failure, if it is the first.
func (c *communicator) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

// failed returns the failure.
func (c *communicator) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// constant returns a C string that lives as long as the program.
func constant(text string) *C.char {
	library.Lock()
	defer library.Unlock()
	c, known := library.texts[text]
	if !known {
		c = C.CString(text)
		library.texts[text] = c
	}
	return c
}

// result returns the code of an error, whose text becomes the last one.
func result(err error) C.ncclResult_t {
	if err == nil {
		return C.ncclSuccess
	}
	text := constant(err.Error())
	library.Lock()
	library.last = text
	library.Unlock()
	var failure *emulator.Failure
	if errors.As(err, &failure) {
		return C.ncclResult_t(failure.Code)
	}
	return C.ncclSystemError
}

// fault returns a failure of this rank.
func fault(code emulator.Code, format string, args ...any) error {
	return &emulator.Failure{Code: code, Text: fmt.Sprintf(format, args...)}
}

// driver returns the error of a call of the driver.
func driver(call string, code C.CUresult) error {
	if code == C.CUDA_SUCCESS {
		return nil
	}
	return fault(emulator.CudaError, "%s: CUDA error %d", call, code)
}

func find(handle C.ncclComm_t) (*communicator, error) {
	library.Lock()
	defer library.Unlock()
	if c := library.comms[handle]; c != nil {
		return c, nil
	}
	return nil, fault(emulator.InvalidArgument, "the communicator does not exist, or has been freed")
}

//export emulateGetVersion
func emulateGetVersion(version *C.int) C.ncclResult_t {
	*version = 21300
	return C.ncclSuccess
}

//export emulateGetUniqueId
func emulateGetUniqueId(id *C.ncclUniqueId) C.ncclResult_t {
	address, err := emulator.Listen(limit)
	if err != nil {
		return result(err)
	}
	text := unsafe.Slice((*byte)(unsafe.Pointer(id)), unsafe.Sizeof(*id))
	if len(address) >= len(text) {
		return result(fault(emulator.SystemError, "the address %s is too long", address))
	}
	clear(text)
	copy(text, address)
	return C.ncclSuccess
}

//export emulateGetErrorString
func emulateGetErrorString(code C.ncclResult_t) *C.char {
	names := []string{"no error", "unhandled cuda error", "unhandled system error", "internal error", "invalid argument",
		"invalid usage", "remote process exited or there was a network error", "NCCL operation in progress"}
	if int(code) < len(names) {
		return constant(names[code])
	}
	return constant("unknown result code")
}

//export emulateGetLastError
func emulateGetLastError(C.ncclComm_t) *C.char {
	library.Lock()
	defer library.Unlock()
	return library.last
}

//export emulateCommInitRank
func emulateCommInitRank(out *C.ncclComm_t, ranks C.int, id C.ncclUniqueId, rank C.int) C.ncclResult_t {
	if rank < 0 || rank >= ranks {
		return result(fault(emulator.InvalidArgument, "rank %d of %d", rank, ranks))
	}
	var ordinal C.CUdevice
	if err := driver("cuCtxGetDevice", C.cuCtxGetDevice(&ordinal)); err != nil {
		return result(err)
	}
	machine, err := os.Hostname()
	if err != nil {
		return result(err)
	}
	text := unsafe.Slice((*byte)(unsafe.Pointer(&id)), unsafe.Sizeof(id))
	address, _, _ := strings.Cut(string(text), "\x00")
	m, err := emulator.Join(address, int(ranks), int(rank), fmt.Sprintf("%d of %s", ordinal, machine))
	if err != nil {
		return result(err)
	}
	handle := C.ncclComm_t(C.malloc(1)) // an address that nothing else has
	library.Lock()
	library.comms[handle] = &communicator{Member: m, ranks: int(ranks), rank: int(rank), aborted: make(chan struct{})}
	library.Unlock()
	*out = handle
	return C.ncclSuccess
}

// free makes a communicator unknown. Its handle is not used again, so that later uses are
// found.
func free(handle C.ncclComm_t) (*communicator, error) {
	c, err := find(handle)
	if err == nil {
		library.Lock()
		delete(library.comms, handle)
		library.Unlock()
	}
	return c, err
}

//export emulateCommDestroy
func emulateCommDestroy(handle C.ncclComm_t) C.ncclResult_t {
	c, err := free(handle)
	if err != nil {
		return result(err)
	}
	return result(errors.Join(c.Leave(), c.freeEnded()))
}

//export emulateCommAbort
func emulateCommAbort(handle C.ncclComm_t) C.ncclResult_t {
	c, err := free(handle)
	if err != nil {
		return result(err)
	}
	close(c.aborted)
	c.Abort()
	return C.ncclSuccess
}

//export emulateCommGetAsyncError
func emulateCommGetAsyncError(handle C.ncclComm_t, code *C.ncclResult_t) C.ncclResult_t {
	c, err := find(handle)
	if err != nil {
		return result(err)
	}
	*code = result(c.failed())
	return C.ncclSuccess
}

//export emulateCommCount
func emulateCommCount(handle C.ncclComm_t, count *C.int) C.ncclResult_t {
	c, err := find(handle)
	if err == nil {
		*count = C.int(c.ranks)
	}
	return result(err)
}

//export emulateCommUserRank
func emulateCommUserRank(handle C.ncclComm_t, rank *C.int) C.ncclResult_t {
	c, err := find(handle)
	if err == nil {
		*rank = C.int(c.rank)
	}
	return result(err)
}
