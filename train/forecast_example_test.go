package train_test

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// A network forecasts 6 months at once, and from its own forecasts 6 more.
func ExampleForecast() {
	text := "month,sold\n"
	for i := range 120 {
		text += fmt.Sprintf("%d-%02d,%.1f\n", 2015+i/12, 1+i%12, 100+30*math.Sin(math.Pi*float64(i)/6))
	}
	series, err := data.ReadSeries(strings.NewReader(text), "sales.csv", data.SeriesOptions{Targets: []string{"sold"}, Time: "month"})
	if err != nil {
		fmt.Println(err)
		return
	}
	learned, checked, _, err := series.Split(data.Window{Rows: 12, Block: 6, Ahead: 6}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	scaling := series.Standardize()
	training, err := learned.Dataset(scaling)
	if err != nil {
		fmt.Println(err)
		return
	}
	validation, err := checked.Dataset(scaling)
	if err != nil {
		fmt.Println(err)
		return
	}

	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{{Name: "gru", Layer: model.GRU{Hidden: 16}}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 6}}},
		model.Shape{Steps: 12, Batch: 16, Width: series.Width()}, model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.02, Epochs: 60, Batch: 16, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), training, validation); err != nil {
		fmt.Println(err)
		return
	}

	ends, err := series.Ends(data.Window{Rows: 12, Block: 6, Ahead: 12})
	if err != nil {
		fmt.Println(err)
		return
	}
	forecast, err := train.Forecast(net, ends, scaling)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range []int{0, 3, 9} {
		fmt.Println(series.Time(0, 120+h), math.Round(forecast[h]/10)*10)
	}
	// Output:
	// 2025-01 100
	// 2025-04 130
	// 2025-10 70
}
