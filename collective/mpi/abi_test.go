//go:build mpi && (linux || darwin)

package mpi

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// headers returns the headers that are on this machine, each with the ABI that it declares.
func headers(t *testing.T) map[string]*abi {
	found := map[string]*abi{}
	folders := []string{"/usr/lib/*/openmpi/include", "/usr/lib/*/mpich/include", "/usr/include/*/mpich", "/opt/homebrew/include"}
	for _, i := range installations(t) {
		folders = append(folders, filepath.Join(filepath.Dir(i.command[0]), "../include"))
	}
	for _, folder := range folders {
		for _, name := range []string{"mpi.h", "mpi_abi.h"} {
			files, err := filepath.Glob(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case name == "mpi_abi.h":
					found[file] = &standardABI
				case strings.Contains(string(text), "OMPI_MAJOR_VERSION"):
					found[file] = &openMPIABI
				case strings.Contains(string(text), "MPICH_VERSION"):
					found[file] = &mpichABI
				default:
					t.Errorf("%s is the header of no library that is known", file)
				}
			}
		}
	}
	return found
}

func TestConstantsAreThoseOfTheHeaders(t *testing.T) {
	files := headers(t)
	if _, err := exec.LookPath("gcc"); err != nil || len(files) == 0 {
		t.Skipf("needs gcc and a header; there are %d headers", len(files))
	}
	for file, a := range files {
		t.Run(file, func(t *testing.T) {
			for _, wrong := range a.differences(t, file) {
				t.Error(wrong)
			}
			// The control: another constant is noticed.
			for _, name := range slices.Concat(slices.Collect(maps.Keys(a.values)), slices.Collect(maps.Keys(a.symbols))) {
				doctored := abi{values: maps.Clone(a.values), symbols: maps.Clone(a.symbols)}
				if _, is := a.values[name]; is {
					doctored.values[name] ^= 1
				} else {
					doctored.symbols[name] += "x"
				}
				if wrong := doctored.differences(t, file); len(wrong) != 1 || !strings.HasPrefix(wrong[0], name) {
					t.Errorf("with another %s: %q", name, wrong)
				}
			}
		})
	}
}

// differences compares constants with a header. The compiler puts them into a table, where
// a number is a number and an address the name of its symbol.
func (a *abi) differences(t *testing.T, header string) (wrong []string) {
	t.Helper()
	var names []string
	program := fmt.Sprintf("#include %q\nconst void *const table[] = {\n", header)
	for _, name := range slices.Concat(slices.Collect(maps.Keys(a.values)), slices.Collect(maps.Keys(a.symbols))) {
		names = append(names, name)
		program += fmt.Sprintf("(void *)%s,\n", name)
	}
	program += fmt.Sprintf("};\n_Static_assert(MPI_MAX_LIBRARY_VERSION_STRING <= %d && MPI_MAX_ERROR_STRING <= %d && sizeof(MPI_Status) <= %d && MPI_SUCCESS == 0, \"sizes\");\n",
		maxVersion, maxError, maxStatus)
	gcc := exec.Command("gcc", "-I", filepath.Dir(header), "-xc", "-w", "-S", "-o", "-", "-")
	gcc.Stdin = strings.NewReader(program)
	var complaints strings.Builder
	gcc.Stderr = &complaints
	text, err := gcc.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	_, table, _ := strings.Cut(string(text), "table:")
	entries := regexp.MustCompile(`\.(?:quad|xword)\s+(\S+)`).FindAllStringSubmatch(table, -1)
	if len(entries) != len(names) {
		t.Fatalf("%d entries for %d constants in %s", len(entries), len(names), table)
	}
	for i, name := range names {
		got, want := entries[i][1], a.symbols[name]
		if want == "" {
			want = strconv.FormatInt(int64(a.values[name]), 10)
		}
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s, but %s in %s", name, want, got, header))
		}
	}
	return wrong
}
