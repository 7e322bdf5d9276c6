package model_test

import (
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// forwardColumns gives x to a network with columns of ids.
func forwardColumns(t testing.TB, net *model.Network, x []float64, steps int, mode model.Mode) backend.Tensor {
	t.Helper()
	width := net.Input().Width
	on := newTensor(t, net.Backend(), len(x)/width, width)
	upload(net.Backend(), on, x)
	host := make([]float32, len(x))
	for i, v := range x {
		host[i] = float32(v)
	}
	net.SetColumnIDs(host)
	return net.Forward(on, steps, mode)
}

func TestColumnEmbeddingMatchesPyTorch(t *testing.T) {
	for _, on := range backends {
		for _, c := range readPytorchFixture(t).Columns {
			t.Run(on.name+"/"+c.Name, func(t *testing.T) {
				b := on.open(t)
				defer b.Close()
				var layer model.ColumnEmbedding
				x := c.draw("x", c.Steps*c.Batch*c.Width, 1024)
				for _, column := range c.Columns {
					layer.Columns = append(layer.Columns, model.EmbeddedColumn{Column: column[0], IDs: column[1], Out: column[2]})
					for i := column[0]; i < len(x); i += c.Width {
						x[i] = float64((int(1024*x[i]) + 1024*column[1]) % column[1])
					}
				}
				net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: c.Steps, Batch: c.Batch, Width: c.Width}, model.Options{})
				for _, p := range net.Parameters() {
					upload(b, p.Value, c.draw(p.Name, p.Value.Size(), 1024))
				}
				y := forwardColumns(t, net, x, c.Steps, model.Training)
				compare(t, "y", download(t, b, y), c.Tensors["y"], on.tolerance)
				dy := newTensor(t, b, y.Rows, y.Cols)
				upload(b, dy, c.draw("dy", dy.Size(), 1024))
				net.Backward(dy)
				for _, p := range net.Parameters() {
					compare(t, "gradient of "+p.Name, download(t, b, p.Grad), c.Tensors["grad."+p.Name], on.tolerance)
				}
			})
		}
	}
}

func TestGradientOfAColumnEmbeddingMatchesDifferences(t *testing.T) {
	b := reference.New()
	defer b.Close()
	spec := model.Spec{
		{Name: "embedding", Layer: model.ColumnEmbedding{Columns: []model.EmbeddedColumn{{Column: 1, IDs: 4, Out: 3}, {Column: 3, IDs: 2, Out: 1}}}},
		{Name: "gru", Layer: model.GRU{Hidden: 3}}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 2}},
	}
	net := build(t, b, spec, model.Shape{Steps: 2, Batch: 2, Width: 4}, model.Options{})
	for _, p := range net.Parameters() {
		upload(b, p.Value, draws(p.Value.Size(), p.Name))
	}
	x := []float64{0.5, 3, -1, 0, 0.25, 0, 2, 1, 1.5, 3, -0.5, 1, 0, 2, 0.125, 1}
	weights := draws(4, "dy")
	loss := func() float64 { return dot(download(t, b, forwardColumns(t, net, x, 2, model.Evaluation)), weights) }
	dy := newTensor(t, b, 2, 2)
	upload(b, dy, weights)
	forwardColumns(t, net, x, 2, model.Training)
	net.Backward(dy)
	for _, p := range net.Parameters() {
		values, got := download(t, b, p.Value), download(t, b, p.Grad)
		want := make([]float64, len(values))
		for i, v := range values {
			at := func(offset float64) float64 {
				values[i] = v + offset*gradientStep
				upload(b, p.Value, values)
				return loss()
			}
			want[i] = (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * gradientStep)
			values[i] = v
		}
		upload(b, p.Value, values)
		compare(t, "gradient of "+p.Name, got, want, gradientTolerance)
	}
}

func TestUnknownCategoryBeginsAtZero(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{{Name: "e", Layer: model.ColumnEmbedding{Columns: []model.EmbeddedColumn{{IDs: 3, Out: 2}}}}}, model.Shape{Steps: 1, Batch: 3, Width: 1}, model.Options{})
	net.Init(1)
	y := download(t, b, forwardColumns(t, net, []float64{0, 1, 2}, 1, model.Evaluation))
	if y[0] != 0 || y[1] != 0 || y[2] == 0 || y[4] == 0 || y[2] == y[4] {
		t.Errorf("vectors %v: want zero for id 0 alone", y)
	}
}

func TestMisuseOfColumnIDsIsNamed(t *testing.T) {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 1, Batch: 2, Width: 2}
	columns := func(columns ...model.EmbeddedColumn) model.Layer { return model.ColumnEmbedding{Columns: columns} }
	layer, dense := columns(model.EmbeddedColumn{Column: 1, IDs: 4, Out: 2}), model.Dense{Out: 2}
	net := build(t, b, model.Spec{{Name: "s", Layer: layer}}, in, model.Options{})
	numbers := build(t, b, model.Spec{{Name: "s", Layer: dense}}, in, model.Options{})
	x := newTensor(t, b, 2, 2)
	wantPanic(t, "model: Forward: x has 2 rows, but SetColumnIDs got 0: call it for each batch", func() { net.Forward(x, 1, model.Evaluation) })
	wantPanic(t, "model: SetColumnIDs: no column of the input holds ids", func() { numbers.SetColumnIDs(make([]float32, 2)) })
	wantPanic(t, "model: SetColumnIDs: x has length 3, want a multiple of 2 up to 4", func() { net.SetColumnIDs(make([]float32, 3)) })
	wantPanic(t, "model: SetColumnIDs: x has length 6, want a multiple of 2 up to 4", func() { net.SetColumnIDs(make([]float32, 6)) })
	for _, c := range []struct {
		spec model.Spec
		o    model.Options
		want string
	}{
		{model.Spec{{Name: "s", Layer: columns()}}, model.Options{}, `stage "s": it has no Columns`},
		{model.Spec{{Name: "s", Layer: columns(model.EmbeddedColumn{Column: 2, IDs: 1, Out: 1})}}, model.Options{}, `stage "s": entry 0 of Columns is column 2; want increasing ones below the width of the input, 2`},
		{model.Spec{{Name: "s", Layer: columns(model.EmbeddedColumn{Column: 1, IDs: 1, Out: 1}, model.EmbeddedColumn{Column: 1, IDs: 1, Out: 1})}}, model.Options{}, `stage "s": entry 1 of Columns is column 1; want increasing`},
		{model.Spec{{Name: "s", Layer: columns(model.EmbeddedColumn{IDs: 1<<24 + 1, Out: 1})}}, model.Options{}, `stage "s": IDs is 16777217, want 1 to 16777216`},
		{model.Spec{{Name: "s", Layer: columns(model.EmbeddedColumn{IDs: 1})}}, model.Options{}, `stage "s": Out is 0, want 1 to`},
		{model.Spec{{Name: "dense", Layer: dense}, {Name: "s", Layer: layer}}, model.Options{}, `stage "s": it takes ids, which only the first stage gets`},
		{model.Spec{{Name: "s", Layer: layer}}, model.Options{InputGrad: true}, `stage "s": it takes ids, which have no gradient`},
	} {
		_, err := model.New(b, c.spec, in, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.spec, err, c.want)
		}
	}
	net.SetColumnIDs([]float32{0, 4})
	if net.Forward(x.Slice(0, 1), 1, model.Evaluation); b.Err() == nil {
		t.Error("an id that the column does not have is no error")
	}
}
