package abi_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var toolkit = flag.String("toolkit", "", "the folder with the cuda.h of a CUDA toolkit, to compare ours with")

// A header holds our declarations: the texts of the files in include, by name.
type header map[string]string

func readHeader(t *testing.T) header {
	h := header{}
	for _, name := range []string{"cuda.h", "constants.h", "functions.h"} {
		text, err := os.ReadFile(filepath.Join("include", name))
		if err != nil {
			t.Fatal(err)
		}
		h[name] = string(text)
	}
	return h
}

func TestHeaderAgreesWithTheToolkit(t *testing.T) {
	if *toolkit == "" {
		t.Skip("needs a CUDA toolkit: see make check-abi")
	}
	h := readHeader(t)
	t.Logf("%d functions, %d constants, %d fields", len(h.functions()), len(h.constants()), len(h.fields()))
	for _, difference := range h.differences(t) {
		t.Error(difference)
	}
}

func TestDoctoredHeaderDisagreesWithTheToolkit(t *testing.T) {
	if *toolkit == "" {
		t.Skip("needs a CUDA toolkit: see make check-abi")
	}
	for _, test := range []struct{ name, file, old, new, want string }{
		{"constant", "constants.h", "CU_JIT_ERROR_LOG_BUFFER = 5,", "CU_JIT_ERROR_LOG_BUFFER = 6,", "CU_JIT_ERROR_LOG_BUFFER = 6"},
		{"constant that does not exist", "constants.h", "CU_LIMIT_STACK_SIZE = 0,", "CU_LIMIT_STACK_SIZE = 0, CU_LIMIT_NONE = 99,", "CU_LIMIT_NONE"},
		{"order of fields", "cuda.h", "size_t Width, Height, Depth;", "size_t Width, Depth, Height;", "CUDA_ARRAY3D_DESCRIPTOR."},
		{"size of a field", "cuda.h", "unsigned value, elementSize;", "unsigned long value; unsigned elementSize;", "CUDA_MEMSET_NODE_PARAMS"},
		{"size of a struct", "cuda.h", "void **kernelParams, **extra;", "void **kernelParams, **extra; int more;", "CUDA_KERNEL_NODE_PARAMS"},
		{"size of a handle", "cuda.h", "typedef int CUdevice;", "typedef long CUdevice;", "CUdevice"},
		{"sign of a handle", "cuda.h", "typedef unsigned long long CUdeviceptr;", "typedef long long CUdeviceptr;", "CUdeviceptr"},
		{"sign of a field", "cuda.h", "unsigned value, elementSize;", "int value, elementSize;", "CUDA_MEMSET_NODE_PARAMS_value"},
		{"field of the same size", "cuda.h", "void *reserved0;", "size_t reserved0;", "CUDA_MEMCPY3D_reserved0"},
		{"parameter of a callback", "cuda.h", "(*CUhostFn)(void *data)", "(*CUhostFn)(int data)", "CUhostFn"},
		{"parameter", "functions.h", "(CUdeviceptr *pointer, size_t bytes)", "(CUdeviceptr *pointer, unsigned bytes)", "cuMemAlloc_v2"},
		{"const", "functions.h", "(CUmodule *module, const char *path)", "(CUmodule *module, char *path)", "cuModuleLoad"},
		{"enumeration", "functions.h", "(CUlimit limit, size_t value)", "(CUfunc_cache limit, size_t value)", "cuCtxSetLimit"},
		{"version", "cuda.h", "#define cuStreamDestroy cuStreamDestroy_v2\n", "", "cuStreamDestroy"},
		{"symbol that does not exist", "functions.h", "FUNCTION(cuCtxSynchronize,", "FUNCTION(cuCtxNone,", "cuCtxNone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := readHeader(t)
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

// differences compares the header with the toolkit's.
func (h header) differences(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range h {
		write(name, text)
	}

	write("again.c", h.again())
	write("facts.c", h.facts())
	theirs := fmt.Sprintf("-DTOOLKIT=%q", filepath.Join(*toolkit, "cuda.h"))
	ours := fmt.Sprintf("-DTOOLKIT=%q", filepath.Join(dir, "cuda.h"))
	if text, err := compile(dir, "-fsyntax-only", theirs, "again.c"); err != nil {
		return []string{text}
	}
	var facts [2][]string
	for i, which := range []string{ours, theirs} {
		if text, err := compile(dir, "-o", "facts", which, "facts.c"); err != nil {
			return []string{text}
		}
		out, err := exec.Command(filepath.Join(dir, "facts")).Output()
		if err != nil {
			t.Fatal(err)
		}
		facts[i] = strings.Split(string(out), "\n")
	}
	var found []string
	for i, fact := range facts[0] {
		if fact != facts[1][i] {
			found = append(found, fmt.Sprintf("%s, the toolkit has %s", fact, facts[1][i]))
		}
	}
	return found
}

// compile returns the first error that gcc finds.
func compile(dir string, args ...string) (string, error) {
	gcc := exec.Command("gcc", append([]string{"-std=gnu11", "-w"}, args...)...)
	gcc.Dir = dir
	text, err := gcc.CombinedOutput()
	for line := range strings.Lines(string(text)) {
		if _, what, found := strings.Cut(line, "error: "); found {
			return strings.TrimSpace(what), err
		}
	}
	return fmt.Sprintf("gcc: %v: %s", err, text), err
}

// again returns a C file that includes the toolkit's header and then declares our
// handles, fields and functions. If a second declaration has another type, the compiler
// reports an error. A field is declared as a variable.
func (h header) again() string {
	var b strings.Builder
	b.WriteString("#include TOOLKIT\n")
	for _, typedef := range handlePattern.FindAllString(h["cuda.h"], -1) {
		fmt.Fprintln(&b, typedef)
	}
	for _, f := range h.fields() {
		fmt.Fprintf(&b, "extern __typeof__(((%s *)0)->%s) %s_%s;\n", f.of, f.name, f.of, f.name)
	}
	for _, s := range structPattern.FindAllStringSubmatch(h["cuda.h"], -1) {
		fmt.Fprintln(&b, fieldPattern.ReplaceAllString(s[1], s[2]+"_${0}"))
	}
	b.WriteString("#define FUNCTION(symbol, parameters, arguments) extern __typeof__(symbol) symbol; CUresult symbol parameters;\n")
	b.WriteString(h["functions.h"])
	return b.String()
}

// facts returns a C program that prints a line for every constant, size, offset and
// versioned name.
func (h header) facts() string {
	var b strings.Builder
	b.WriteString(`#include TOOLKIT
#include <stddef.h>
#include <stdio.h>
#define TEXT(x) #x
#define EXPANDED(x) TEXT(x)
int main(void) {
`)
	for _, name := range h.constants() {
		fmt.Fprintf(&b, "printf(\"%s = %%lld\\n\", (long long)%s);\n", name, name)
	}
	for _, name := range h.types() {
		fmt.Fprintf(&b, "printf(\"sizeof(%s) = %%zu\\n\", sizeof(%s));\n", name, name)
	}
	for _, f := range h.fields() {
		fmt.Fprintf(&b, "printf(\"%s.%s = %%zu bytes at %%zu\\n\", sizeof(((%s *)0)->%s), offsetof(%s, %s));\n",
			f.of, f.name, f.of, f.name, f.of, f.name)
	}
	for _, symbol := range h.functions() {
		plain := version.ReplaceAllString(symbol, "")
		fmt.Fprintf(&b, "puts(\"%s = \" EXPANDED(%s));\n", plain, plain)
	}
	b.WriteString("return 0;\n}\n")
	return b.String()
}

var (
	constantPattern = regexp.MustCompile(`(?m)(?:^#define |\b)(CU_\w+|CUDA_SUCCESS|CUDA_ERROR_\w+)(?: =| \d)`)
	typePattern     = regexp.MustCompile(`(?m)^(?:typedef \w.*?|} )\*?(\w+);$`)
	functionPattern = regexp.MustCompile(`(?m)^FUNCTION\((\w+)`)
	handlePattern   = regexp.MustCompile(`(?m)^typedef [^{\n]*;$`)
	structPattern   = regexp.MustCompile(`typedef struct {([^}]*)} (\w+);`)
	fieldPattern    = regexp.MustCompile(`(\w+)(?:\[\d+\])?[,;]`)
	version         = regexp.MustCompile(`_v\d$`)
)

func (h header) constants() []string { return matches(constantPattern, h["constants.h"]) }
func (h header) functions() []string { return matches(functionPattern, h["functions.h"]) }
func (h header) types() []string {
	return append(matches(typePattern, h["cuda.h"]), matches(typePattern, h["constants.h"])...)
}

type field struct{ of, name string }

func (h header) fields() []field {
	var all []field
	for _, s := range structPattern.FindAllStringSubmatch(h["cuda.h"], -1) {
		for _, name := range matches(fieldPattern, s[1]) {
			all = append(all, field{s[2], name})
		}
	}
	return all
}

func matches(pattern *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}
