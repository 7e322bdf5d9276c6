package cuda_test

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

var uncapped = flag.Bool("uncapped", false, "run the conformance suite with all of its sizes")

// layerChecks are the checks of recurrent layers, smallLayers a case of each.
var (
	layerChecks = []string{"LSTMForward", "LSTMBackward", "RNNForward", "RNNBackward", "GRUForward", "GRUBackward"}
	smallLayers = []string{
		"LSTMForward/whole sequence/T2N3D5H7", "LSTMBackward/whole sequence/T2N3D5H7",
		"RNNForward/whole sequence/tanh/T2N3D5H7", "RNNBackward/whole sequence/tanh/T2N3D5H7",
		"GRUForward/whole sequence/T2N3D5H7", "GRUBackward/whole sequence/T2N3D5H7",
	}
)

// The suite runs on the emulator, with all of the emulator's checks on.
func TestConformance(t *testing.T) {
	driver := newDriver(t, emulator.Options{})
	open := func() (backend.Backend, error) { return cuda.Open(driver, 0, cuda.Options{Name: "emulated"}) }
	switch {
	case *uncapped:
		// All but the layers of 65,599 time steps: each step is a launch of its own.
		backendtest.Test(t, open, backendtest.MaxWork(1<<28))
	case testing.Short():
		backendtest.Test(t, open, backendtest.MaxSize(9))
	default:
		backendtest.Test(t, open, backendtest.MaxSize(33), backendtest.MaxWork(1<<20))
	}
}

// With tensor cores, products and what is made of them are held to the roundoff of their
// operands. Without -uncapped, a case of each kind has to do.
func TestConformanceOfMaths(t *testing.T) {
	driver := newDriver(t, emulator.Options{})
	for _, math := range cuda.Maths()[1:] {
		t.Run("Math="+math, func(t *testing.T) {
			open := func() (backend.Backend, error) { return cuda.Open(driver, 0, cuda.Options{Math: math, Always: true}) }
			checks, size := append([]string{"Gemm"}, layerChecks...), 9
			if !*uncapped {
				size = 33
				checks = append([]string{
					"Gemm/NN/33x31x32/alpha 1, beta 0", "Gemm/TT/7x5x9/alpha 0.3, beta 1.7", "Gemm/NT/32x33x31/alpha 1, beta 0, NaN in a, Inf in b",
					"Gemm/TN/7x5x9/alpha -0.5, beta 1, subnormal, a of size " + fmt.Sprint(0x1p-149), "Gemm/x times its transpose",
				}, smallLayers...)
			}
			product, step := cuda.MathError(math)
			backendtest.Test(t, open, backendtest.MaxSize(size), backendtest.MaxWork(0), backendtest.Only(checks...),
				backendtest.ProductError(product), backendtest.ProductStep(step))
		})
	}
}

// Layers whose time steps are launches of their own run on devices that cannot launch
// them at once. With tensor cores, forward steps are products and cells; a case of each layer
// has to do.
func TestConformanceOfStepwiseLayers(t *testing.T) {
	driver := wrapping{newDriver(t, emulator.Options{}), func(d cuda.Device) cuda.Device { return stepwise{d} }}
	for _, math := range []string{"float32", "bf16"} {
		t.Run("Math="+math, func(t *testing.T) {
			only := backendtest.Only(smallLayers...)
			if *uncapped && math == "float32" {
				only = backendtest.Only(layerChecks...)
			}
			open := func() (backend.Backend, error) { return cuda.Open(driver, 0, cuda.Options{Math: math, Always: true}) }
			product, step := cuda.MathError(math)
			backendtest.Test(t, open, backendtest.MaxSize(33), backendtest.MaxWork(1<<20), only,
				backendtest.ProductError(product), backendtest.ProductStep(step))
		})
	}
}

// The suite allocates much and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
