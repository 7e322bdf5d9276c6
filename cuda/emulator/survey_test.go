package emulator

import (
	"cmp"
	"errors"
	commandline "flag" // flag is a type of this package
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var surveyed = commandline.String("survey", "testdata", "a folder of PTX: TestSurvey tells what of it loads, for each folder in it apart")

// A survey counts the kernels of PTX that others compiled.
type survey struct {
	kernels, load int
	leftOut       int // textures, surfaces, kernels that launch kernels
	refused       map[string]int
}

// see counts the kernels of a PTX text.
func (s *survey) see(ptx string) error {
	gpu, err := FindGPU("A100")
	if err != nil {
		return err
	}
	kernels, err := Inspect(ptx, gpu)
	for _, k := range kernels {
		s.kernels++
		if k.Refused == nil {
			s.load++
			continue
		}
		why := k.Refused.Error()
		var load *loadError
		if errors.As(k.Refused, &load) {
			why = load.why
		}
		s.refused[why]++
		if slices.ContainsFunc([]string{"textures", "surfaces", "dynamic parallelism"}, func(word string) bool { return strings.Contains(why, word) }) {
			s.leftOut++
		}
	}
	return err
}

// Of all kernels without textures and kernels that launch kernels, 97 % load.
func TestSurvey(t *testing.T) {
	folders, all := map[string]*survey{}, survey{refused: map[string]int{}}
	err := filepath.WalkDir(*surveyed, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".ptx" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		under, err := filepath.Rel(*surveyed, path)
		if err != nil {
			return err
		}
		folder, _, in := strings.Cut(filepath.ToSlash(under), "/")
		if !in {
			folder = "."
		}
		if folders[folder] == nil {
			folders[folder] = &survey{refused: all.refused}
		}
		if err := folders[folder].see(string(text)); err != nil {
			t.Errorf("%s is refused as a whole: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%-30s %8s %8s %8s", "folder", "kernels", "load", "left out")
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		s := folders[folder]
		t.Logf("%-30s %8d %8d %8d", folder, s.kernels, s.load, s.leftOut)
		all.kernels, all.load, all.leftOut = all.kernels+s.kernels, all.load+s.load, all.leftOut+s.leftOut
	}
	reasons := slices.SortedFunc(maps.Keys(all.refused), func(a, b string) int {
		return cmp.Or(all.refused[b]-all.refused[a], strings.Compare(a, b))
	})
	for _, why := range reasons {
		t.Logf("%8d refused: %s", all.refused[why], why)
	}
	if share := float64(all.load) / float64(all.kernels-all.leftOut); all.kernels == 0 || share < 0.97 {
		t.Errorf("%s: %d of %d kernels load", *surveyed, all.load, all.kernels-all.leftOut)
	}
}

// What cannot load is counted with its reason, and textures apart.
func TestSurveyCountsWhatIsRefused(t *testing.T) {
	s := survey{refused: map[string]int{}}
	const head = ".version 7.8\n.target sm_70\n.address_size 64\n"
	if err := s.see(head + `
.entry good() { ret; }
.entry textured() { .reg .b32 %r; tex.1d.v4.f32.s32 {%r, %r, %r, %r}, [t, {%r}]; ret; }
.entry bad() { frobnicate; ret; }
.entry worse() { frobnicate; ret; }`); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(s.kernels, s.load, s.leftOut, s.refused)
	if want := "4 1 1 map[instruction frobnicate is not known:2 tex: textures are not supported:1]"; got != want {
		t.Errorf("counted %s, want %s", got, want)
	}
	if s.see(head+"nonsense") == nil {
		t.Error("a text that is no PTX was counted")
	}
}
