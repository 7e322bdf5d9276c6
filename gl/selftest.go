package gl

import (
	"errors"
	"math"
)

const (
	losesNaN = "the driver's arithmetic loses NaN, so a training that diverges would not be noticed: " +
		"use another driver or device"
	mixesCalls = "the driver runs shaders with the arguments of other calls, so results would be wrong: " +
		"use another driver or device"
)

// selfTest fails if the device is one of those that compute wrong results in silence.
//
// OpenGL leaves NaN to drivers, and their compilers like to drop it from comparisons and
// maxima.
//
// Zink, if it is not told otherwise, makes variants of a shader, one for each value of the arguments that the
// shader branches on, such as beta. Where it comes back to a shader from another one, and
// the arguments are those of the latest call, it may run the variant of an earlier one.
// A sum with beta 0 instead of 1 loses NaN too.
func (d *Backend) selfTest() error {
	x, err := d.New(1, 2)
	if err != nil {
		return err
	}
	defer d.Free(x.Buf)
	y, err := d.New(1, 2)
	if err != nil {
		return err
	}
	defer d.Free(y.Buf)
	relu := func() { d.ReLU(x, x) }
	sigmoid := func() { d.Sigmoid(x, x) }
	scale := func() { d.Scale(x, 0, x) }
	sum := func(beta float64) func() {
		return func() {
			d.ReLU(y, y)
			d.SumRows(x, y, beta)
		}
	}
	results := make([]float32, 2)
	for _, test := range []struct {
		fault string
		ops   []func() // the last one must keep the NaN in x
	}{
		{losesNaN, []func(){relu}},
		{losesNaN, []func(){sigmoid}},
		{losesNaN, []func(){scale}},
		{mixesCalls, []func(){sum(0), sum(0), sum(1), sum(1)}},
	} {
		for _, op := range test.ops {
			d.Upload(x, []float32{float32(math.NaN()), 1})
			op()
		}
		if err := d.Download(results, x); err != nil {
			return err
		}
		if results[0] == results[0] {
			return errors.New(test.fault)
		}
	}
	return nil
}
