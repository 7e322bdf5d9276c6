package nccl

import (
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var folder = flag.String("nccl", "", "the folder with NVIDIA's nccl.h, to compare ours with")

// header is our declarations: the texts of the files in include, and of abi.go, by name.
type header map[string]string

func readHeader(t *testing.T) header {
	h := header{}
	for _, name := range []string{"include/nccl.h", "include/functions.h", "abi.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		h[filepath.Base(name)] = string(text)
	}
	return h
}

var (
	enumerator   = regexp.MustCompile(`(?m)^\t(nccl\w+) = (\d+),$`)
	constant     = regexp.MustCompile(`(?m)^\t(nccl\w+) += (\d+)`)
	idConstant   = regexp.MustCompile(`(?m)^\tuniqueIDBytes += (\d+)`)
	functionName = regexp.MustCompile(`(?m)^FUNCTION\([^,]*, (\w+)`)
	typedefs     = regexp.MustCompile(`(?m)^typedef struct .*;$`)
)

// values returns the constants that a pattern finds in a text.
func values(pattern *regexp.Regexp, text string) map[string]string {
	found := map[string]string{}
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		found[m[1]] = m[2]
	}
	return found
}

// The constants of Go are those of our header, which the emulator is compiled with.
func TestConstantsAreThoseOfOurHeader(t *testing.T) {
	h := readHeader(t)
	theirs := values(enumerator, h["nccl.h"])
	ours := values(constant, h["abi.go"])
	if len(ours) < 4 || len(theirs) < 20 {
		t.Fatalf("abi.go has %v, the header %v", ours, theirs)
	}
	for name, value := range ours {
		if theirs[name] != value {
			t.Errorf("%s is %s, the header has %q", name, value, theirs[name])
		}
	}
}

func TestHeaderAgreesWithNVIDIA(t *testing.T) {
	if *folder == "" {
		t.Skip("needs NVIDIA's header: see make check-nccl")
	}
	h := readHeader(t)
	t.Logf("%d functions, %d constants", len(h.functions()), len(values(enumerator, h["nccl.h"])))
	for _, difference := range h.differences(t) {
		t.Error(difference)
	}
	library := filepath.Join(*folder, "../lib/libnccl.so.2")
	file, err := elf.Open(library)
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("there is no %s, whose symbols could be compared", library)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range h.functions() {
		if !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == name && s.Section != elf.SHN_UNDEF }) {
			t.Errorf("%s does not export %s", library, name)
		}
	}
}

// The control: what is not as in NVIDIA's header is found.
func TestDoctoredHeaderDisagreesWithNVIDIA(t *testing.T) {
	if *folder == "" {
		t.Skip("needs NVIDIA's header: see make check-nccl")
	}
	for _, test := range []struct{ file, old, new, want string }{
		{"nccl.h", "ncclRemoteError = 6,", "ncclRemoteError = 8,", "ncclRemoteError = 8"},
		{"nccl.h", "ncclFloat32 = 7,", "ncclFloat32 = 8,", "ncclFloat32 = 8"},
		{"nccl.h", "ncclAvg = 4,", "ncclAverage = 4,", "ncclAverage"},
		{"nccl.h", "internal[128]", "internal[120]", "sizeof(ncclUniqueId) = 120"},
		{"abi.go", "ncclFloat32    = 7", "ncclFloat32    = 6", "ncclFloat32 = 6"},
		{"abi.go", "uniqueIDBytes = 128", "uniqueIDBytes = 64", "uniqueIDBytes = 64"},
		{"functions.h", "(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank)", "(ncclComm_t *comm, int ranks, ncclUniqueId *id, int rank)", "ncclCommInitRank"},
		{"functions.h", "(ncclComm_t comm, ncclResult_t *error)", "(ncclComm_t comm, int *error)", "ncclCommGetAsyncError"},
		{"functions.h", "(const void *buffer, size_t count, ncclDataType_t type", "(const void *buffer, int count, ncclDataType_t type", "ncclSend"},
		{"functions.h", "(void *buffer, size_t count, ncclDataType_t type, int peer,", "(void *buffer, ncclDataType_t type, size_t count, int peer,", "ncclRecv"},
		{"functions.h", "FUNCTION(const char *, GetLastError", "FUNCTION(ncclResult_t, GetLastError", "ncclGetLastError"},
		{"functions.h", "FUNCTION(ncclResult_t, GroupEnd", "FUNCTION(ncclResult_t, GroupStop", "ncclGroupStop"},
	} {
		t.Run(test.want, func(t *testing.T) {
			h := maps.Clone(readHeader(t))
			if strings.Count(h[test.file], test.old) != 1 {
				t.Fatalf("%s does not contain %q exactly once", test.file, test.old)
			}
			h[test.file] = strings.Replace(h[test.file], test.old, test.new, 1)
			if found := h.differences(t); len(found) == 0 || !strings.Contains(found[0], test.want) {
				t.Fatalf("found %q, want one with %q", found, test.want)
			}
		})
	}
}

// functions returns the names of the functions.
func (h header) functions() (names []string) {
	for _, m := range functionName.FindAllStringSubmatch(h["functions.h"], -1) {
		names = append(names, "nccl"+m[1])
	}
	return names
}

// differences compares our declarations with NVIDIA's: gcc declares them again after that
// header, where another type is an error, and runs a program that prints the constants.
func (h header) differences(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// nccl.h includes headers of the CUDA toolkit, from which it needs this only.
	write("cuda_runtime.h", "#include <stddef.h>\ntypedef struct CUstream_st *cudaStream_t;\ntypedef struct CUevent_st *cudaEvent_t;\n#define CUDART_VERSION 0\n")
	write("cuda_fp16.h", "")
	write("functions.h", h["functions.h"])

	program := fmt.Sprintf("#include %q\n#include <stdio.h>\n%s\n", filepath.Join(*folder, "nccl.h"), strings.Join(typedefs.FindAllString(h["nccl.h"], -1), "\n"))
	for _, name := range h.functions() {
		program += fmt.Sprintf("extern __typeof__(%s) %s;\n", name, name) // that it is there
	}
	program += "#define FUNCTION(result, name, parameters, arguments) result nccl##name parameters;\n#include \"functions.h\"\nint main(void) {\n"
	var want []string
	fact := func(name, value, expression string) {
		program += fmt.Sprintf("printf(\"%s = %%lld\\n\", (long long)%s);\n", name, expression)
		want = append(want, name+" = "+value)
	}
	for _, constants := range []map[string]string{values(enumerator, h["nccl.h"]), values(constant, h["abi.go"])} {
		for _, name := range slices.Sorted(maps.Keys(constants)) {
			fact(name, constants[name], name)
		}
	}
	id := regexp.MustCompile(`internal\[(\d+)\]`).FindStringSubmatch(h["nccl.h"])[1]
	fact("sizeof(ncclUniqueId)", id, "sizeof(ncclUniqueId)")
	fact("uniqueIDBytes", idConstant.FindStringSubmatch(h["abi.go"])[1], "sizeof(ncclUniqueId)")
	for _, name := range []string{"ncclResult_t", "ncclRedOp_t", "ncclDataType_t"} {
		fact("sizeof("+name+")", "4", "sizeof("+name+")")
	}
	write("program.c", program+"return 0;\n}\n")

	gcc := exec.Command("gcc", "-std=gnu11", "-w", "-fmax-errors=1", "-I.", "-o", "program", "program.c")
	gcc.Dir = dir
	if text, err := gcc.CombinedOutput(); err != nil {
		_, what, _ := strings.Cut(string(text), "error: ")
		what, _, _ = strings.Cut(what, "\n")
		return []string{fmt.Sprintf("gcc: %v: %s", err, what)}
	}
	out, err := exec.Command(filepath.Join(dir, "program")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for i, got := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if got != want[i] {
			found = append(found, fmt.Sprintf("%s, NVIDIA has %s", want[i], got))
		}
	}
	return found
}
