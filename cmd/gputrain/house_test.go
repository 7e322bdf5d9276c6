package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// house is the packages of the module, from the ground up, each with those that it
// imports. A package stands above all that it imports.
var house = []struct {
	name    string
	imports string
}{
	{"internal/atomicfile", ""},
	{"internal/inputfile", ""},
	{"internal/inuse", ""},
	{"internal/memorylimit", ""},
	{"internal/nearest", ""},
	{"internal/written", ""},
	{"backend", ""},
	{"internal/operands", "backend"},
	{"backend/reference", "backend"},
	{"backend/backendtest", "backend backend/reference internal/nearest"},
	{"cpu/internal/simd", ""},
	{"cpu/internal/simd/gen", ""},
	{"cpu", "backend cpu/internal/simd internal/memorylimit"},
	{"kernels", ""},
	{"cuda", "backend kernels"},
	{"cuda/emulator", "cuda"},
	{"cuda/emulator/emulatortest", "cuda cuda/emulator"},
	{"cuda/recorder", "cuda"},
	{"cuda/kernelreport", "cuda cuda/emulator kernels"},
	{"cuda/fatbinary", ""},
	{"cuda/emulatorabi", "cuda cuda/emulator cuda/fatbinary"},
	{"cuda/libcuda", "cuda/emulator cuda/emulatorabi"},
	{"cuda/abi", "cuda/emulatorabi"},
	{"cuda/cudriver", "cuda cuda/abi"},
	{"cuda/gpureport", "cuda cuda/cudriver cuda/emulator kernels"},
	{"gl", "backend kernels"},
	{"gl/recorder", "gl"},
	{"gl/gldriver/egl", ""},
	{"gl/gldriver", "gl gl/gldriver/egl"},
	{"data", "internal/atomicfile internal/inputfile internal/memorylimit internal/nearest"},
	{"data/tasks", "data"},
	{"model", "backend internal/atomicfile internal/inuse internal/nearest"},
	{"model/onnx", "backend data model"},
	{"collective", "backend"},
	{"collective/collectivetest", "backend collective"},
	{"collective/mpi", "collective"},
	{"collective/nccl", "backend collective cuda"},
	{"collective/nccl/emulator", ""},
	{"collective/nccl/libnccl", "collective/nccl/emulator cuda/abi"},
	{"train", "backend collective data internal/inuse internal/nearest model"},
	{"train/tensorboard", ""},
	{"bench", "backend backend/backendtest model train"},
	{"examples/classifier", "cpu data model train"},
	{"examples/regression", "cpu data model train"},
	{"examples/characters", "cpu data model train"},
	{"examples/forecast", "cpu data data/tasks model train"},
	{"examples/kernel", ""},
	{"examples/layerandloss", "backend cpu data model train"},
	{"cmd/gputrain/internal/experiment", "backend data data/tasks model train"},
	{"cmd/gputrain", "backend backend/backendtest bench cmd/gputrain/internal/experiment collective collective/mpi collective/nccl cpu cuda cuda/cudriver cuda/emulator" +
		" cuda/recorder data data/tasks gl gl/gldriver gl/recorder internal/atomicfile internal/inputfile internal/memorylimit internal/nearest kernels model model/onnx train train/tensorboard"},
}

func TestNoPackageImportsOneAboveIt(t *testing.T) {
	imports, err := importsOf(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range crookedIn(imports) {
		t.Error(wrong)
	}
}

// The control: what would be wrong is found.
func TestTheCheckOfTheHouseFindsWhatIsCrooked(t *testing.T) {
	for _, test := range []struct{ name, imports, want string }{
		{"train", "backend data model cmd/gputrain", "train imports cmd/gputrain, which stands above it"},
		{"model", "backend cpu internal/atomicfile", "model imports cpu"},
		{"model", "backend", "model does not import internal/atomicfile"},
		{"attic", "", "attic is not in the table"},
	} {
		imports := map[string][]string{}
		for _, room := range house {
			imports[room.name] = strings.Fields(room.imports)
		}
		if wrong := crookedIn(imports); len(wrong) > 0 {
			t.Fatalf("the table contradicts itself: %q", wrong)
		}
		imports[test.name] = strings.Fields(test.imports)
		if wrong := crookedIn(imports); !slices.ContainsFunc(wrong, func(text string) bool { return strings.HasPrefix(text, test.want) }) {
			t.Errorf("%s importing %q: got %q, want %q", test.name, test.imports, wrong, test.want)
		}
	}
}

// crookedIn compares what the packages import with the house.
func crookedIn(imports map[string][]string) (wrong []string) {
	known := map[string]bool{}
	for _, room := range house {
		want, got := strings.Fields(room.imports), imports[room.name]
		for _, name := range got {
			switch {
			case !known[name]:
				wrong = append(wrong, fmt.Sprintf("%s imports %s, which stands above it", room.name, name))
			case !slices.Contains(want, name):
				wrong = append(wrong, fmt.Sprintf("%s imports %s: is that how the house shall be? Then put it into the table", room.name, name))
			}
		}
		for _, name := range want {
			if !slices.Contains(got, name) {
				wrong = append(wrong, fmt.Sprintf("%s does not import %s: take it out of the table", room.name, name))
			}
		}
		known[room.name] = true
	}
	for name := range imports {
		if !known[name] {
			wrong = append(wrong, name+" is not in the table")
		}
	}
	return wrong
}

// importsOf returns, for each package below root, those of this module that it
// imports under any build tags, tests aside.
func importsOf(root fs.FS) (map[string][]string, error) {
	const module = "gputrain/"
	imports := map[string][]string{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder := path.Dir(name)
		all := imports[folder]
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if inner, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(all, inner) {
				all = append(all, inner)
			}
		}
		imports[folder] = all
		return nil
	})
	return imports, err
}
