//go:build gl && cgo && linux

package gldriver

import (
	"strings"
	"sync/atomic"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/gl"
)

// The positive controls are real shaders, each with one mistake and the check of the
// suite that must reject it. The suite accepts the shaders as they are.
var mutants = []struct {
	kernel, mistake string
	old, new        string // in the text of the shader
	check           string
	size            int // of the cases
}{
	// A guard that lets one more through, or is missing.
	{"add", "guard off by one", "k < n;", "k <= n;", "Add", 33},
	{"softmax", "no more rows than groups", "i += gl_NumWorkGroups.x)", "i = rows)", "Softmax", 33},
	{"gemm", "guard of columns off by one", "j >= n) continue", "j > n) continue", "Gemm", 33},
	{"gather_rows", "no check of ids", "if (id >= rows)", "if (false)", "StickyErrors", 33},
	{"lstm_step", "guard of units off by one", "unit >= hidden) continue", "unit > hidden) continue", "LSTMForward", 33},
	{"sum_rows", "guard of columns off by one", "line == 0u && j < cols", "line == 0u && j <= cols", "SumRows", 33},

	// A wait that is missing.
	{"softmax_grad", "sums before all is there", "    meet();\n    if (t < reach) SET", "    if (t < reach) SET", "SoftmaxGrad", 300},
	{"layer_norm", "overwrites a sum that is still read", "  meet();  // the reduction before may still be reading scratch\n", "", "LayerNorm", 300},
	{"gemm", "multiplies before the slab is there", "    meet();\n    for (uint p", "    for (uint p", "Gemm", 33},
	{"argmax_rows", "compares before all is there", "      meet();\n      if (t < reach", "      if (t < reach", "ArgMaxRows", 300},

	// A wrong stride.
	{"copy_cols", "stride of the wrong matrix", "(i * x_cols", "(i * dst_cols", "CopyCols", 33},
	{"add_row", "row instead of column", "k % cols", "k / cols", "AddRow", 33},
	{"lstm_cell", "gates of the row before", "k / hidden * 4u", "k / hidden * 3u", "LSTMCell", 33},
	{"lstm1997_partials", "sources of the wrong sequence", "(n * sources + m)", "(n * columns + m)", "LSTM1997CellGrad", 7},

	// NaN is lost.
	{"relu", "a maximum", "x > 0.0 || is_nan(x) ? x : 0.0", "max(x, 0.0)", "ReLU", 33},
	{"sigmoid_grad", "not precise", "precise float slope = y * (1.0 - y)", "float slope = min(y * (1.0 - y), 1.0)", "SigmoidGrad", 33},
	{"clip_norm_scale", "no case for NaN", "if (f >= 1.0) return;", "if (!(f < 1.0)) return;", "ClipNorm", 33},

	// What GLSL has built in is not good enough.
	{"tanh_forward", "built-in tanh", "= tanh_of(", "= tanh(", "Tanh", 33},
	{"sigmoid", "built-in exp", "float e = exp_of(", "float e = exp(", "Sigmoid", 33},
	{"lstm_cell", "built-in tanh", "tanh_of(c)", "tanh(c)", "LSTMCell", 33},

	// A loop that llvmpipe ends.
	{"scatter_add_rows", "begins at the first id each time", "uint i = first;", "uint i = 0u;", "ScatterAddRows", 33},

	// Wrong arithmetic.
	{"sub", "adds", " - b_data", " + b_data", "Sub", 33},
	{"adam", "wrong sign", "fma(-lr,", "fma(lr,", "Adam", 33},
	{"dropout", "wrong constant", "0x7f4a7c15u", "0x7f4a7c14u", "Dropout", 33},
	{"gru_cell", "z-1 instead of 1-z", "1.0 - z", "z - 1.0", "GRUCell", 33},
	{"gemm_reduce", "leaves a slice out", "z = 0u; z < slices", "z = 1u; z < slices", "Gemm", 33},
	{"lstm1997_grad", "leaves dw out", "else sum = dw_data[dw_at + (to)];", "", "LSTM1997CellGrad", 7},
	{"lstm_peep_grad", "input and forget gate swapped", "partial[0][line]", "partial[1][line]", "LSTMPeepGrad", 33},
	{"rnn_cell_grad", "1+h² instead of 1-h²", "fma(-y, y, 1.0)", "fma(y, y, 1.0)", "RNNCellGrad", 33},
}

func TestMutantsOfShadersAreCaught(t *testing.T) {
	list(t)
	for _, m := range mutants {
		t.Run(m.kernel+"/"+m.mistake, func(t *testing.T) {
			driver := &mutated{Driver: New(), kernel: m.kernel, old: m.old, new: m.new}
			open := func() (backend.Backend, error) { return gl.Open(driver, *ordinal, gl.Options{}) }
			result := backendtest.Check(open, backendtest.MaxSize(m.size), backendtest.Only(m.check)).Results[0]
			if driver.changed.Load() == 0 {
				t.Fatal("the shader is not what the mutant was made for")
			}
			if len(result.Failures) == 0 {
				t.Errorf("%s does not notice", m.check)
			} else {
				t.Log(result.Failures[0])
			}
		})
	}
}

// mutated is a driver that changes the text of a shader.
type mutated struct {
	gl.Driver
	kernel, old, new string
	changed          atomic.Int32
}

func (m *mutated) Open(ordinal int) (gl.Device, error) {
	device, err := m.Driver.Open(ordinal)
	return mutatedDevice{device, m}, err
}

type mutatedDevice struct {
	gl.Device
	mutant *mutated
}

func (d mutatedDevice) Compile(source string) (gl.Program, error) {
	m := d.mutant
	if strings.Contains(source, "#define KERNEL_"+m.kernel+"\n") && strings.Contains(source, m.old) {
		m.changed.Add(1)
		source = strings.ReplaceAll(source, m.old, m.new)
	}
	return d.Device.Compile(source)
}
