//go:build amd64 && linux

package simd

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// vectorInstruction is an instruction whose operands are its second and third group.
var vectorInstruction = regexp.MustCompile(`^\tV(\S+)(?: +(\S+), (\S+))?`)

// mayBeMissing reports whether a line can be left out: no vector instruction, a copy
// of a register to itself, or one that matters to the speed only.
func mayBeMissing(line string) bool {
	parts := vectorInstruction.FindStringSubmatch(line)
	return parts == nil || parts[1] == "ZEROUPPER" || parts[1] == "MOVAPS" && parts[2] == parts[3]
}

// TestMutantsOfVectorFunctionsAreRejected leaves an instruction on registers or
// memory out of each function, again and again, and expects TestVector to fail for
// each one.
func TestMutantsOfVectorFunctionsAreRejected(t *testing.T) {
	if !*mutants {
		t.Skip("-mutants is not set")
	}
	random := rand.New(rand.NewPCG(1, 11))
	for _, level := range assemblyLevels() {
		source, err := filepath.Abs("vector_" + level.String() + "_amd64.s")
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for range 12 {
			functions := strings.SplitAfter(string(text), "\n\n// func ")
			missing := map[string]string{}
			for i, function := range functions[1:] {
				name, _, _ := strings.Cut(function, strings.ToUpper(level.String()))
				lines := strings.SplitAfter(function, "\n")
				var places []int
				for k, line := range lines {
					if !mayBeMissing(line) {
						places = append(places, k)
					}
				}
				place := places[random.IntN(len(places))]
				missing[name] = lines[place]
				lines[place] = ""
				functions[i+1] = strings.Join(lines, "")
			}
			overlay := overlay(t, source, strings.Join(functions, ""))
			output, _ := exec.Command("go", "test", "-vet=off", "-overlay", overlay, "-run", "^(TestVector|TestVectorSpecialNumbers|TestFunctionsAreAccurate)$", ".").CombinedOutput()
			for name, line := range missing {
				if !regexp.MustCompile(`(?i)--- FAIL: \w+/` + name + ` `).Match(output) {
					t.Errorf("%s%s works without %s", name, level, strings.TrimSpace(line))
				}
			}
		}
	}
}
