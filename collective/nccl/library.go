//go:build cuda && mpi && linux

package nccl

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is NCCL in this process.
type library struct {
	file    string
	version int32

	getVersion, getUniqueID, getErrorString, getLastError function
	initRank, destroy, abort, getAsyncError               function
	groupStart, groupEnd, send, receive                   function
	allGather, allReduce                                  function

	// What functions read and write is here because it must be on the heap.
	id   [uniqueIDBytes / 8]uintptr
	comm uintptr
	code int32

	// arguments are those of the call that is being made. The compiler would allocate them
	// for each call.
	arguments [maxArguments]uintptr
}

// maxArguments are those of ncclCommInitRank: registers, and an id on the stack.
const maxArguments = 6 + uniqueIDBytes/8

// function is a function of the library.
type function struct {
	name    string
	address uintptr
}

// errMissing is wrapped by the error of load if there is no library.
var errMissing = errors.New("no libnccl.so.2 where the system looks for libraries: install NCCL, or name its file in GPUTRAIN_NCCL or its folder in LD_LIBRARY_PATH")

// load loads the file in GPUTRAIN_NCCL, or the one that the system finds.
func load() (*library, error) {
	if file := os.Getenv("GPUTRAIN_NCCL"); file != "" {
		l, err := open(file)
		if err != nil {
			return nil, fmt.Errorf("nccl: GPUTRAIN_NCCL: %w", err)
		}
		return l, nil
	}
	const name = "libnccl.so.2"
	l, err := open(name)
	switch {
	case err == nil:
		return l, nil
	case strings.Contains(err.Error(), " "+name+": cannot open shared object file"):
		return nil, errMissing
	}
	return nil, fmt.Errorf("nccl: %w", err)
}

// open loads a file.
func open(file string) (*library, error) {
	// Why dlopen has failed is known to its thread only.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	handle, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("cannot load the NCCL library %s: %w", file, err)
	}
	l := &library{file: file}
	for name, f := range map[string]*function{
		"ncclGetVersion":        &l.getVersion,
		"ncclGetUniqueId":       &l.getUniqueID,
		"ncclGetErrorString":    &l.getErrorString,
		"ncclGetLastError":      &l.getLastError,
		"ncclCommInitRank":      &l.initRank,
		"ncclCommDestroy":       &l.destroy,
		"ncclCommAbort":         &l.abort,
		"ncclCommGetAsyncError": &l.getAsyncError,
		"ncclGroupStart":        &l.groupStart,
		"ncclGroupEnd":          &l.groupEnd,
		"ncclSend":              &l.send,
		"ncclRecv":              &l.receive,
		"ncclAllGather":         &l.allGather,
		"ncclAllReduce":         &l.allReduce,
	} {
		address, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s is no NCCL library, or one from before 2.13: it has no %s", file, name)
		}
		*f = function{name, address}
	}
	return l, l.call(&l.getVersion, uintptr(unsafe.Pointer(&l.version)))
}

// String returns the version and the file.
func (l *library) String() string {
	return fmt.Sprintf("NCCL %d.%d.%d (%s)", l.version/10000, l.version/100%100, l.version%100, l.file)
}

// call calls a function that returns a code.
func (l *library) call(f *function, arguments ...uintptr) error {
	n := copy(l.arguments[:], arguments)
	code, _, _ := purego.SyscallN(f.address, l.arguments[:n]...)
	runtime.KeepAlive(l)
	return l.result(f.name, int32(code))
}

// result returns the error of a code, with what NCCL says about it.
func (l *library) result(call string, code int32) error {
	if code == ncclSuccess || code == ncclInProgress {
		return nil
	}
	text, _, _ := purego.SyscallN(l.getErrorString.address, uintptr(code))
	last, _, _ := purego.SyscallN(l.getLastError.address, 0)
	message := goString(text)
	if more := strings.Join(strings.Fields(goString(last)), " "); more != "" {
		message += ": " + more
	}
	return fmt.Errorf("nccl: %s: %s", call, message)
}

// goString copies a string of C.
func goString(address uintptr) string {
	p := *(*unsafe.Pointer)(unsafe.Pointer(&address))
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// join calls ncclCommInitRank, which takes the id by value.
func (l *library) join(ranks, rank int) error {
	comm, id := uintptr(unsafe.Pointer(&l.comm)), l.id[:]
	if runtime.GOARCH != "amd64" { // a struct of this size becomes a pointer
		return l.call(&l.initRank, comm, uintptr(ranks), uintptr(unsafe.Pointer(&l.id)), uintptr(rank))
	}
	// On amd64 it is on the stack, behind all registers.
	return l.call(&l.initRank, append([]uintptr{comm, uintptr(ranks), uintptr(rank), 0, 0, 0}, id...)...)
}
