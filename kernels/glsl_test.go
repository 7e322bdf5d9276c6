package kernels

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whatever has a CUDA kernel has a shader of the same name in the file of the same
// stem. The variants of products and of time steps differ, because tiles do. A GRU has no
// step in GLSL. Groups of shaders cannot wait for each other, so there are none for all time
// steps of a layer, and GLSL has no tensor cores.
func TestShadersStandBesideKernels(t *testing.T) {
	stems := map[string]string{}
	for _, k := range All() {
		_, persistent := variants[strings.TrimSuffix(k.Module, "_mma")]
		if tensor := strings.HasPrefix(k.Module, "gemm_") || strings.HasSuffix(k.Module, "_step_mma"); persistent || tensor {
			continue
		}
		name := k.Name
		if strings.HasPrefix(name, "gemm_") && name != "gemm_reduce" {
			name = "gemm"
		}
		if layer, _, isStep := strings.Cut(name, "_step_"); isStep {
			if layer == "gru" {
				continue
			}
			name = layer + "_step"
		}
		stems[name] = k.Module
	}
	// OpenGL divides the work of memory blocks in another way.
	stems["lstm1997_partials"] = stems["lstm1997_step"]
	delete(stems, "lstm1997_step")
	for _, s := range Shaders() {
		stem, exists := stems[s.Kernel]
		if file := strings.TrimSuffix(s.File, ".comp"); !exists || file != stem {
			t.Errorf("%s is in %s, its kernel in %q", s.Kernel, s.File, stem)
		}
		stems[s.Kernel] = strings.TrimSuffix(s.File, ".comp") // it has been seen
	}
	for name := range stems {
		if !slices.ContainsFunc(Shaders(), func(s Shader) bool { return s.Kernel == name }) {
			t.Errorf("%s has no shader", name)
		}
	}
}

func TestElementsOfOperands(t *testing.T) {
	s := Shader{Operands: []string{"x", "ids"}}
	for line, want := range map[string]string{
		"x[k] = y[k];":             "x_data[x_at + (k)] = y[k];",
		"x[a ? i : j]":             "x_data[x_at + (a ? i : j)]",
		"y[x[ids[k] + 1u]] + x[0]": "y[x_data[x_at + (ids_data[ids_at + (k)] + 1u)]] + x_data[x_at + (0)]",
		"max_x[k], x2[k], x":       "max_x[k], x2[k], x",
		"// [0, n]":                "// [0, n]",
	} {
		if got := s.indexed(line); got != want {
			t.Errorf("of %q comes %q, want %q", line, got, want)
		}
	}
}

// The numbers of lines in a compiler's log are those of the files.
func TestLinesOfSourcesAreThoseOfFiles(t *testing.T) {
	for _, s := range Shaders() {
		text, files := s.Source()
		line, file, main := 0, -1, false // of the next line, as a compiler counts
		for code := range strings.SplitSeq(text, "\n") {
			if _, err := fmt.Sscanf(code, "#line %d %d", &line, &file); err == nil {
				continue
			}
			if file >= 0 && code != "" && !strings.HasPrefix(code, "void main() {") && s.indexed(linesOf(files[file])[line-1]) != code {
				t.Fatalf("%s: line %d of %s is %q, not %q", s.Name(), line, files[file], linesOf(files[file])[line-1], code)
			}
			if strings.HasPrefix(code, "void main() {") {
				main = file == 0 && line == s.begin+1
			}
			line++
		}
		if !main {
			t.Errorf("%s: the main function does not begin where the kernel does", s.Name())
		}
	}
}

// glslang is the reference compiler. It accepts less than drivers do.
func TestGlslangAcceptsTheShaders(t *testing.T) {
	glslang, err := exec.LookPath("glslangValidator")
	if err != nil {
		t.Skip("there is no glslangValidator, which Debian's package glslang-tools has")
	}
	folder := t.TempDir()
	var paths []string
	for _, s := range Shaders() {
		text, _ := s.Source()
		path := filepath.Join(folder, s.Name()+".comp")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if log, err := exec.Command(glslang, paths...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, log)
	}
	bad := filepath.Join(folder, "bad.comp")
	if err := os.WriteFile(bad, []byte("#version 430\nvoid main() { absent = 1; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if exec.Command(glslang, bad).Run() == nil {
		t.Error("a shader with a mistake passes")
	}
}
