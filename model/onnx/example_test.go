package onnx_test

import (
	"bytes"
	"fmt"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/model/onnx"
)

// A classifier of rows that have names, with the scaling and the classes inside.
func ExampleWrite() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 8}}, {Name: "tanh", Layer: model.Tanh},
		{Name: "head", Layer: model.Dense{Out: 2}}, {Name: "probability", Layer: model.Softmax},
	}, model.Shape{Steps: 1, Batch: 32, Width: 2}, model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(1) // or train it
	var file bytes.Buffer
	err = onnx.Write(&file, net, onnx.Options{
		Rows: true, Columns: []string{"length", "width"}, Classes: []string{"iris", "lily"},
		Scaling: data.Scaling{Shift: []float64{2, 9}, Factor: []float64{2, 1}},
	})
	fmt.Println(file.Len() > 0, err)
	// Output: true <nil>
}
