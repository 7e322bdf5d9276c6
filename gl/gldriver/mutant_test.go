//go:build gl && cgo && linux

package gldriver

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/gl"
	"gputrain/kernels"
)

// The positive controls are real shaders, each with one mistake and the check of the
// suite that must reject it. The suite accepts the shaders as they are.

// mutant is a shader with a mistake: new stands in place of old in its text.
type mutant struct {
	kernel, mistake string
	old, new        string
	check           string
	size            int // of the cases
}

func TestMutantsOfShadersAreCaught(t *testing.T) {
	if !list(t)[*ordinal].Software {
		t.Skip("a GPU may hide a missing wait, and its built-in functions may be good enough")
	}
	all := slices.Concat(mutants, guardMutants())
	if *uncapped {
		all = append(all, windowMutants()...) // which are as many as all others
	}
	for _, m := range all {
		t.Run(m.kernel+"/"+m.mistake, func(t *testing.T) {
			driver := &mutated{Driver: New(), kernel: m.kernel, old: m.old, new: m.new}
			open := func() (backend.Backend, error) { return gl.Open(driver, *ordinal, gl.Options{}) }
			failures, finding := []string(nil), wrongResult
			if m.check == selfTest {
				finding = lostNaN
				if _, err := open(); err != nil {
					failures = []string{err.Error()}
				}
			} else {
				failures = backendtest.Check(open, backendtest.MaxSize(m.size), backendtest.Only(m.check)).Results[0].Failures
			}
			if err := driver.failure(); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(failures, finding.MatchString) {
				t.Errorf("%s does not reject it: %q", m.check, failures)
			}
		})
	}
}

// A failure must be that of a result, of an integer that is in range, or of Open, and
// none of the driver.
var (
	wrongResult = regexp.MustCompile(`want |\w\[\d+\] is -?\d+, `)
	lostNaN     = regexp.MustCompile(`loses NaN`)
)

// guardMutants let one element, row or column more through, in each shader that has
// such a guard.
func guardMutants() []mutant {
	var made []mutant
	for _, s := range kernels.Shaders() {
		text, _ := s.Source()
		_, body, _ := strings.Cut(text, "void main() {")
		for _, guard := range []struct{ loop, old, new string }{
			{"EACH(", "InvocationID.x; k < n", "InvocationID.x; k <= n"},
			{"EACH_ROW(i, rows)", "i < rows; i", "i <= rows; i"},
			{"EACH_COLUMN(", "EACH_OF(j, cols, GROUP)", "EACH_OF(j, cols + 1u, GROUP)"},
			{"EACH_BLOCK(", "/ TEAM; k < n", "/ TEAM; k <= n"},
			{"EACH_CELL(", "EACH_OF(v, cells, TEAM)", "EACH_OF(v, cells + 1u, TEAM)"},
		} {
			judge := checkOf[s.Kernel]
			m := mutant{s.Kernel, "one more in " + strings.TrimSuffix(guard.loop, "("), guard.old, guard.new, judge.check, judge.size}
			if s.Kernel == "loss_sum" {
				m.check, m.size = "Reuse", 33 // the workspace must hold something behind the sum
			}
			if strings.Contains(body, guard.loop) && s.Kernel != "scatter_add_rows" && !slices.Contains(made, m) {
				made = append(made, m)
			}
		}
	}
	return made
}

// windowMutants take an operand to begin where its buffer does, for each operand.
func windowMutants() []mutant {
	var made []mutant
	for _, s := range kernels.Shaders() {
		for i, name := range s.Operands {
			if slices.Contains([]string{"part", "fault", "error"}, name) {
				continue
			}
			judge := checkOf[s.Kernel]
			m := mutant{s.Kernel, name + " from the beginning of its buffer",
				fmt.Sprintf("#define %s_at arg[%d]\n", name, i),
				fmt.Sprintf("#define %s_at (arg[%d] == 0xffffffffu ? arg[%d] : 0u)\n", name, i, i), judge.check, judge.size}
			if !slices.Contains(made, m) {
				made = append(made, m)
			}
		}
	}
	return made
}

// Whoever adds a shader names the check that judges it.
func TestEachShaderHasMutants(t *testing.T) {
	all := slices.Concat(mutants, guardMutants())
	for _, s := range kernels.Shaders() {
		if checkOf[s.Kernel].check == "" || !slices.ContainsFunc(all, func(m mutant) bool { return m.kernel == s.Kernel }) {
			t.Errorf("%s has no mutant or no check", s.Kernel)
		}
	}
}

// mutated is a driver that changes the text of a shader.
type mutated struct {
	gl.Driver
	kernel, old, new string

	sync.Mutex
	changed int
	err     error // of the change
}

func (m *mutated) Open(ordinal int) (gl.Device, error) {
	device, err := m.Driver.Open(ordinal)
	return mutatedDevice{device, m}, err
}

// failure says why this is no mutant that a check could judge, if so.
func (m *mutated) failure() error {
	m.Lock()
	defer m.Unlock()
	if m.err == nil && m.changed == 0 {
		return fmt.Errorf("no %s shader was compiled", m.kernel)
	}
	return m.err
}

type mutatedDevice struct {
	gl.Device
	mutant *mutated
}

func (d mutatedDevice) Compile(source string) (gl.Program, error) {
	m := d.mutant
	if !strings.Contains(source, "#define KERNEL_"+m.kernel+"\n") {
		return d.Device.Compile(source)
	}
	m.Lock()
	defer m.Unlock()
	m.changed++
	if places := strings.Count(source, m.old); places != 1 {
		m.err = fmt.Errorf("the shader is not what the mutant was made for: %q is in %d places", m.old, places)
	}
	program, err := d.Device.Compile(strings.Replace(source, m.old, m.new, 1))
	if err != nil {
		m.err = fmt.Errorf("the mutant does not compile: %w", err)
	}
	return program, err
}
