package cuda_test

import (
	"fmt"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// The tolerances hold on any GPU, whatever its approximate instructions return
// within their documented errors.
func TestConformanceWithPerturbedInstructions(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprintf("Perturb=%d", seed+1), func(t *testing.T) {
			driver := newDriver(t, emulator.Options{Perturb: seed + 1})
			open := func() (backend.Backend, error) { return cuda.Open(driver, 0, cuda.Options{}) }
			backendtest.Test(t, open, backendtest.MaxSize(17), backendtest.MaxWork(0), backendtest.Only(
				"Sigmoid", "Tanh", "Softmax", "SoftmaxCrossEntropy", "LSTMCell", "LSTMCellGrad", "RNNCell", "RNNCellGrad", "GRUCell", "GRUCellGrad"))
		})
	}
}
