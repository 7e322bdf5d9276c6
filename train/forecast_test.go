package train

import (
	"math"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
)

// A network that gives the last value and its double forecasts powers of two when it
// goes on from its own forecasts.
func TestForecastsAreFedBack(t *testing.T) {
	series := data.NewSeries("y", []float64{5, 3, 1})
	b := reference.New()
	net, err := model.New(b, model.Spec{{Name: "head", Layer: model.Dense{Out: 2}}}, model.Shape{Steps: 1, Batch: 2, Width: 2}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// y(t+1) = 2·y(t), y(t+2) = 4·y(t), of the window y(t−1), y(t).
	file := &model.File{Tensors: map[string]model.Array{
		"head.weight": {Shape: []int{2, 2}, Data: []float32{0, 2, 0, 4}}, "head.bias": {Shape: []int{2}, Data: []float32{0, 0}},
	}}
	if err := net.Load(file); err != nil {
		t.Fatal(err)
	}
	for _, scaling := range []data.Scaling{data.Range(0, 1), {Shift: []float64{0}, Factor: []float64{0.25}}} {
		ends, err := series.Ends(data.Window{Rows: 2, Block: 2, Ahead: 6})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Forecast(net, ends, scaling)
		if err != nil {
			t.Fatal(err)
		}
		for h, y := range got {
			if want := math.Pow(2, float64(h+1)); math.Abs(y-want) > 1e-5*want {
				t.Errorf("%d ahead: %v, want %v", h+1, y, want)
			}
		}
	}
	ends, err := series.Ends(data.Window{Rows: 2, Block: 1, Ahead: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Forecast(net, ends, data.Range(0, 1)); err == nil || !strings.Contains(err.Error(), "the network has 2 outputs, but 1 rows of 1 targets") {
		t.Error(err)
	}
}
