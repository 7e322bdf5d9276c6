//go:build amd64 && linux

package simd

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var mutants = flag.Bool("mutants", false, "test that the tests reject wrong assembly, which takes seconds per mutant")

// mutant is the committed assembly with one fault in one function.
type mutant struct {
	name     string
	level    Level
	function string
	old      string // an instruction, as a regular expression, and which of its places; -1 is the last
	place    int
	new      string
	rejected string // by this test
}

var gemmMutants = []mutant{
	{"a column too many is stored", AVX512, "tile13x32AVX512", `MOVQ\s+cols\+112\(FP\), (\w+)`, 0, "MOVQ cols+112(FP), $1\nADDQ $$1, $1", "TestProductsOfAllSizes"},
	{"a column is not stored", AVX512, "tile2x64AVX512", `MOVQ\s+cols\+112\(FP\), (\w+)`, 0, "MOVQ cols+112(FP), $1\nSUBQ $$1, $1", "TestProductsOfAllSizes"},
	{"all columns are stored", AVX512, "tile14x32AVX512", `BZHIQ.*`, 0, "", "TestProductsStayWithinTheirOperands"},
	{"the second mask is the first", AVX512, "tile7x32AVX512", `SHRQ.*`, 0, "", "TestProductsOfAllSizes"},
	{"an accumulator is dropped", AVX512, "tile11x32AVX512", `VFMADD231PS.*, Z21`, 3, "", "TestProductsOfAllSizes"},
	{"an accumulator is dropped from a lone step", AVX2, "tile6x16AVX2", `VFMADD231PS.*, Y11`, 4, "", "TestProductsOfAllSizes"},
	{"vectors of b are swapped", AVX2, "tile5x16AVX2", `VFMADD231PS\s+Y10, (\w+), Y0`, 2, "VFMADD231PS Y11, $1, Y0", "TestProductsOfAllSizes"},
	{"an element of a is the one before", AVX512, "tile9x32AVX512", `VBROADCASTSS\s+32\((.*), (\w+)`, 1, "VBROADCASTSS 28($1, $2", "TestProductsOfAllSizes"},
	{"the second panel is the first", AVX2, "tile1x32AVX2", `MOVQ\s+panel\+72\(FP\), (\w+)`, 0, "XORQ $1, $1", "TestProductsOfAllSizes"},
	{"a step is left out", AVX512, "tile3x64AVX512", `ADDQ\s+\$0x04, \w+\n\tJZ`, 0, "JMP", "TestProductsOfAllSizes"},
	{"four steps are done for three", AVX512, "tile8x32AVX512", `JLT\s+rest`, 0, "", "TestProductsOfAllSizes"},
	{"alpha is not applied", AVX512, "tile4x64AVX512", `VMULPS.*`, -1, "", "TestProductsOfSpecialValues"},
	{"beta is 1", AVX2, "tile2x32AVX2", `VBROADCASTSS\s+beta.*, (\w+)`, 0, "VBROADCASTSS alpha+120(FP), $1", "TestProductsOfAllSizes"},
	{"c is read where beta is 0", AVX512, "tile12x32AVX512", `JZ\s+overwrite`, 0, "", "TestProductsOfAllSizes"},
	{"a row of c is a row too low", AVX512, "tile10x32AVX512", `ADDQ\s+CX, AX`, -1, "", "TestProductsOfAllSizes"},
	{"steps that were done are done again", AVX512, "transposedTile1x32AVX512", `JE\s+two`, 0, "", "TestProductsOfAllSizes"},
	{"the last steps are left out", AVX2, "transposedTile1x16AVX2", `JG\s+fourSteps`, 0, "", "TestProductsOfAllSizes"},
	{"a is not where b is", AVX512, "transposedTile1x32AVX512", `IMULQ\s.*`, 0, "", "TestProductsOfAllSizes"},
	{"steps beyond the last one are read", AVX512, "transposedTile1x32AVX512", `JGE\s+all`, 0, "JMP all", "TestProductsStayWithinTheirOperands"},
	{"a step of the second columns is left out", AVX512, "transposedTile1x32AVX512", `VFMADD231PS.*, Z1\n`, 7, "\n", "TestProductsOfAllSizes"},
	{"a quarter is another", AVX512, "transposedTile1x32AVX512", `VINSERTF32X4\s+\$0x02`, 9, "VINSERTF32X4 $$0x03", "TestProductsOfAllSizes"},
	{"a step takes another's element", AVX2, "transposedTile1x16AVX2", `VBROADCASTSS\s+\((\w+)\)\((\w+)\*2\)`, 1, "VBROADCASTSS ($1)($2*1)", "TestProductsOfAllSizes"},
	{"columns are swapped in transposing", AVX512, "transposeRowsAVX512", `VUNPCKLPD(.*)`, 2, "VUNPCKHPD$1", "TestProductsOfManyChunksAndBlocks"},
	{"a row beyond the last one is read", AVX512, "transposeRowsAVX512", `CMOVQGT\s+(.*)`, 12, "MOVQ $1", "TestProductsStayWithinTheirOperands"},
	{"columns beyond the last one are read", AVX2, "transposeRowsAVX2", `JGE\s+fourColumns`, 0, "JMP fourColumns", "TestProductsOfAllSizes"},
	{"a column beyond the last one is copied", AVX512, "copyRows32AVX512", `MOVQ\s+cols\+40\(FP\), (\w+)`, 0, "MOVQ cols+40(FP), $1\nADDQ $$1, $1", "TestProductsStayWithinTheirOperands"},
	{"a column is not copied", AVX2, "copyRows8AVX2", `LEAQ\s+columns1AVX2<>\+32`, 0, "LEAQ columns1AVX2<>+36", "TestProductsOfAllSizes"},
}

func TestMutantsOfTheAssemblyAreRejected(t *testing.T) {
	if !*mutants {
		t.Skip("-mutants is not set")
	}
	rejectMutants(t, "gemm_amd64.s", gemmMutants)
}

// rejectMutants expects the tests to fail for each mutant of the assembly in a file.
func rejectMutants(t *testing.T, file string, mutants []mutant) {
	source, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, mutant := range mutants {
		if !slices.Contains(Levels(), mutant.level) {
			continue
		}
		t.Run(mutant.name, func(t *testing.T) {
			start := strings.Index(string(text), "TEXT ·"+mutant.function+"(SB)")
			if start < 0 {
				t.Fatalf("no function %s", mutant.function)
			}
			function, _, _ := strings.Cut(string(text[start:]), "\n// func ")
			old := regexp.MustCompile(mutant.old)
			places := old.FindAllStringSubmatchIndex(function, -1)
			place := mutant.place
			if place < 0 {
				place += len(places)
			}
			if place >= len(places) {
				t.Fatalf("%s has %d times %s", mutant.function, len(places), mutant.old)
			}
			at := places[place]
			changed := function[:at[0]] + string(old.ExpandString(nil, mutant.new, function, at)) + function[at[1]:]
			overlay := overlay(t, source, string(text[:start])+changed+string(text[start+len(function):]))
			output, err := exec.Command("go", "test", "-vet=off", "-overlay", overlay, "-run", "^"+mutant.rejected+"$", ".").CombinedOutput()
			// Where memory is overwritten, the run may end before its test does.
			if !strings.Contains(string(output), "--- FAIL: "+mutant.rejected) && !strings.Contains(string(output), "\nfatal error: ") {
				t.Errorf("%s lets it pass: %v\n%.1000s", mutant.rejected, err, output)
			}
		})
	}
}

// overlay returns the name of a file that makes the go command read text in a
// source's place.
func overlay(t *testing.T, source, text string) string {
	t.Helper()
	folder := t.TempDir()
	mutant, overlay := filepath.Join(folder, "mutant.s"), filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(mutant, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {source: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, list, 0o666); err != nil {
		t.Fatal(err)
	}
	return overlay
}
