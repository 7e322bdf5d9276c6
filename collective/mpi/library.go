//go:build mpi && (linux || darwin)

package mpi

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is an MPI library in this process.
type library struct {
	file    string
	version string // its name and number, as it says
	abi     *abi

	initThread, setErrhandler, commRank, commSize, splitType         function
	alltoall, allgather, broadcast, allreduce, sendrecv              function
	barrier, abort, finalize, errorString, libraryVersion, exit      function
	world, byteType, floatType, sum, inPlace, infoNull, errorsReturn argument
	serialized, shared                                               argument

	// numbers and held are the arguments of the call that is being made. They are here
	// because the compiler would allocate those of SyscallN for each call.
	numbers [12]uintptr
	held    [12]unsafe.Pointer
}

// function is a function of the library.
type function struct {
	name    string
	address uintptr
}

// load loads the library of the launcher. Only then MPI has a name for this process: under
// the launcher of another library, each rank would be alone.
func load(launch Launch) (*library, error) {
	// The UCX below MPICH takes SIGSEGV for itself, which Go needs. It reads this when it
	// is loaded.
	if _, set := os.LookupEnv("UCX_ERROR_SIGNALS"); !set {
		os.Setenv("UCX_ERROR_SIGNALS", "")
	}
	if file := os.Getenv("GPUTRAIN_MPI"); file != "" {
		l, err := open(file)
		if err != nil {
			return nil, fmt.Errorf("mpi: GPUTRAIN_MPI: %w", err)
		}
		return l, nil
	}
	names := libraryNames(launch)
	for _, file := range append(besideLauncher(names), names...) {
		l, err := open(file)
		switch {
		case err == nil:
			return l, nil
		case !missing(err, file):
			return nil, fmt.Errorf("mpi: %w", err)
		}
	}
	return nil, fmt.Errorf("mpi: no MPI library: looked for %s where the system looks for libraries: install that of the launcher, or name its file in GPUTRAIN_MPI or its folder in LD_LIBRARY_PATH", strings.Join(names, ", "))
}

// libraryNames returns the names of the libraries that go with a launcher, the best first.
func libraryNames(launch Launch) []string {
	openMPINames, mpichNames, standardNames := []string{"libmpi.so.40"}, []string{"libmpi.so.12", "libmpich.so.12"}, []string{"libmpi_abi.so.1"}
	if runtime.GOOS == "darwin" {
		openMPINames, mpichNames, standardNames = []string{"libmpi.40.dylib"}, []string{"libmpi.12.dylib"}, []string{"libmpi_abi.1.dylib"}
	}
	switch _, pmix := os.LookupEnv("PMIX_RANK"); {
	case launch.Launcher == openMPI.name:
		return append(openMPINames, standardNames...)
	case launch.Launcher == mpich.name:
		return append(mpichNames, standardNames...)
	case pmix: // srun --mpi=pmix
		return append(append(openMPINames, mpichNames...), standardNames...)
	}
	return append(append(mpichNames, openMPINames...), standardNames...)
}

// besideLauncher returns the libraries that were installed together with the process that
// has started this one, where /proc tells it.
func besideLauncher(names []string) (files []string) {
	launcher, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", os.Getppid()))
	if err != nil {
		return nil
	}
	for _, folder := range []string{"lib", "lib64"} {
		for _, name := range names {
			file := filepath.Join(filepath.Dir(launcher), "..", folder, name)
			if _, err := os.Stat(file); err == nil {
				files = append(files, file)
			}
		}
	}
	return files
}

// open loads a file, and finds out which ABI it has.
func open(file string) (*library, error) {
	// Why dlopen has failed is known to its thread only.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The plug-ins of Open MPI look for its symbols among those of the program.
	handle, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("cannot load the MPI library %s: %w", file, err)
	}
	l := &library{file: file}
	for name, f := range map[string]*function{
		"MPI_Init_thread":         &l.initThread,
		"MPI_Comm_set_errhandler": &l.setErrhandler,
		"MPI_Comm_rank":           &l.commRank,
		"MPI_Comm_size":           &l.commSize,
		"MPI_Comm_split_type":     &l.splitType,
		"MPI_Alltoall":            &l.alltoall,
		"MPI_Allgather":           &l.allgather,
		"MPI_Bcast":               &l.broadcast,
		"MPI_Allreduce":           &l.allreduce,
		"MPI_Sendrecv":            &l.sendrecv,
		"MPI_Barrier":             &l.barrier,
		"MPI_Abort":               &l.abort,
		"MPI_Finalize":            &l.finalize,
		"MPI_Error_string":        &l.errorString,
		"MPI_Get_library_version": &l.libraryVersion,
		"exit":                    &l.exit, // of libc
	} {
		address, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s is no MPI library: it has no %s", file, name)
		}
		*f = function{name, address}
	}

	text, length := make([]byte, maxVersion), int32(0)
	if err := l.call(&l.libraryVersion, memory(text), result(&length)); err != nil {
		return nil, err
	}
	l.version = versionOf(string(text[:length]))
	l.abi = abiOf(handle, l)
	if l.abi == nil {
		return nil, fmt.Errorf("the MPI library %s (%s) has an ABI that this program does not know: it knows those of Open MPI, MPICH and MPI 5", file, l.version)
	}
	for name, constant := range map[string]*argument{
		"MPI_COMM_WORLD":        &l.world,
		"MPI_BYTE":              &l.byteType,
		"MPI_FLOAT":             &l.floatType,
		"MPI_SUM":               &l.sum,
		"MPI_IN_PLACE":          &l.inPlace,
		"MPI_INFO_NULL":         &l.infoNull,
		"MPI_ERRORS_RETURN":     &l.errorsReturn,
		"MPI_THREAD_SERIALIZED": &l.serialized,
		"MPI_COMM_TYPE_SHARED":  &l.shared,
	} {
		if symbol, is := l.abi.symbols[name]; !is {
			*constant = number(l.abi.values[name])
		} else if address, err := purego.Dlsym(handle, symbol); err == nil {
			*constant = number(address)
		} else {
			return nil, fmt.Errorf("the MPI library %s (%s) has no %s: %w", file, l.version, name, err)
		}
	}
	return l, nil
}

// missing reports whether dlopen has not found the file itself, rather than one that it
// needs.
func missing(err error, file string) bool {
	return strings.Contains(err.Error(), " "+file+": cannot open shared object file") || // Linux
		runtime.GOOS == "darwin" && strings.Contains(err.Error(), "no such file")
}

// versionOf returns the beginning of what MPI_Get_library_version says: a name and a number.
func versionOf(text string) string {
	line, _, _ := strings.Cut(strings.TrimRight(text, "\x00"), "\n")
	line, _, _ = strings.Cut(line, ",")
	return strings.Join(strings.Fields(strings.Replace(line, " Version:", "", 1)), " ")
}

// abiOf returns the ABI of a library, or nil.
func abiOf(handle uintptr, l *library) *abi {
	// MPICH 5 has this function in its own ABI too, where the version is −1.
	if address, err := purego.Dlsym(handle, "MPI_Abi_get_version"); err == nil {
		var major, minor int32
		abiVersion := function{"MPI_Abi_get_version", address}
		if l.call(&abiVersion, result(&major), result(&minor)) == nil && major == 1 {
			return &standardABI
		}
	}
	if _, err := purego.Dlsym(handle, openMPIABI.symbols["MPI_COMM_WORLD"]); err == nil {
		return &openMPIABI
	}
	for _, name := range []string{"MPICH", "Intel", "MVAPICH"} {
		if strings.Contains(l.version, name) {
			return &mpichABI
		}
	}
	return nil
}

// argument is one of a call: a number, or memory of Go.
type argument struct {
	number uintptr
	memory unsafe.Pointer
}

func number[T int | int32 | uintptr](n T) argument { return argument{number: uintptr(n)} }

func memory[T any](x []T) argument {
	return argument{memory: unsafe.Pointer(unsafe.SliceData(x))}
}

func result[T int32 | uintptr](x *T) argument { return argument{memory: unsafe.Pointer(x)} }

// call calls a function that returns an error code.
func (l *library) call(f *function, arguments ...argument) error {
	for i, a := range arguments {
		// What is held is on the heap, where it stays in its place, and is not freed.
		l.held[i], l.numbers[i] = a.memory, a.number
		if a.memory != nil {
			l.numbers[i] = uintptr(a.memory)
		}
	}
	code, _, _ := purego.SyscallN(f.address, l.numbers[:len(arguments)]...)
	clear(l.held[:])
	if int32(code) == 0 {
		return nil
	}
	text, length := make([]byte, maxError), new(int32)
	purego.SyscallN(l.errorString.address, code, uintptr(unsafe.Pointer(unsafe.SliceData(text))), uintptr(unsafe.Pointer(length)))
	return fmt.Errorf("%s: %s", f.name, text[:*length])
}
