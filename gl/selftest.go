package gl

import (
	"errors"
	"math"

	"gputrain/backend"
)

// selfTest fails if the device loses NaN. OpenGL leaves that to drivers, and their
// compilers like to drop it from comparisons and maxima.
func (d *Backend) selfTest() error {
	x, err := d.New(1, 2)
	if err != nil {
		return err
	}
	defer d.Free(x.Buf)
	nan := float32(math.NaN())
	results := make([]float32, 2)
	for _, op := range []func(y, x backend.Tensor){d.ReLU, d.Sigmoid, func(y, x backend.Tensor) { d.Scale(y, 0, x) }} {
		d.Upload(x, []float32{nan, 1})
		op(x, x)
		if err := d.Download(results, x); err != nil {
			return err
		}
		if results[0] == results[0] {
			return errors.New("the driver's arithmetic loses NaN, so a training that diverges would not be noticed: use another driver or device")
		}
	}
	return nil
}
