package model_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// newIDs returns ids on b, which live until it is closed.
func newIDs(t testing.TB, b backend.Backend, ids ...int32) backend.Ints {
	t.Helper()
	x, err := b.NewInts(len(ids))
	if err != nil {
		t.Fatal(err)
	}
	b.UploadInts(x, ids)
	return x
}

func TestEmbeddingMatchesPyTorch(t *testing.T) {
	for _, on := range backends {
		for _, c := range readPytorchFixture(t).Embeddings {
			t.Run(on.name+"/"+c.Name, func(t *testing.T) {
				b := on.open(t)
				defer b.Close()
				spec := model.Spec{{Name: "layer", Layer: model.Embedding{IDs: c.IDs, Out: c.Hidden}}}
				net := build(t, b, spec, model.Shape{Steps: c.Steps, Batch: c.Batch, Width: c.Width}, model.Options{})
				weight := net.Parameters()[0]
				upload(b, weight.Value, c.draw("weight", weight.Value.Size(), 1024))
				ids := make([]int32, c.Steps*c.Batch*c.Width)
				for i, v := range c.draw("ids", len(ids), 1024) {
					ids[i] = int32((int(1024*v) + 1024*c.IDs) % c.IDs)
				}
				y := net.ForwardIDs(newIDs(t, b, ids...), c.Steps, model.Training)
				compare(t, "y", download(t, b, y), c.Tensors["y"], on.tolerance)
				dy := newTensor(t, b, y.Rows, y.Cols)
				upload(b, dy, c.draw("dy", dy.Size(), 1024))
				net.Backward(dy)
				compare(t, "gradient of "+weight.Name, download(t, b, weight.Grad), c.Tensors["grad.weight"], on.tolerance)
			})
		}
	}
}

// oneHot is the Embedding that is a product: of its weight and rows with a 1.
func oneHot(ids []int32, count int) []float64 {
	x := make([]float64, len(ids)*count)
	for row, id := range ids {
		x[row*count+int(id)] = 1
	}
	return x
}

// The outputs, the states and all gradients are those of a net that gets one-hot rows,
// whose gradients are checked by differences elsewhere.
func TestEmbeddingIsADenseLayerOfOneHotRows(t *testing.T) {
	const count = 5
	ids := []int32{3, 0, 3, 3, 1, 0, 4, 4} // 2 never occurs
	rest := model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 3, Layers: 2, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 2}},
	}
	b := reference.New()
	defer b.Close()
	embedded := build(t, b, append(model.Spec{{Name: "first", Layer: model.Embedding{IDs: count, Out: 4}}}, rest...), model.Shape{Steps: 4, Batch: 2, Width: 1}, model.Options{})
	dense := build(t, b, append(model.Spec{{Name: "first", Layer: model.Dense{Out: 4, NoBias: true}}}, rest...), model.Shape{Steps: 4, Batch: 2, Width: count}, model.Options{})
	for i, p := range embedded.Parameters() {
		values := draws(p.Value.Size(), "parameter", p.Name)
		upload(b, p.Value, values)
		if p.Name == "first.weight" { // a Dense holds the transpose
			values = transposed(values, 4)
		}
		upload(b, dense.Parameters()[i].Value, values)
	}
	x := newTensor(t, b, len(ids), count)
	upload(b, x, oneHot(ids, count))
	dy := newTensor(t, b, len(ids), 2)
	upload(b, dy, draws(dy.Size(), "dy"))
	for range 2 { // gradients add up
		compare(t, "y", download(t, b, embedded.ForwardIDs(newIDs(t, b, ids...), 4, model.Training)), download(t, b, dense.Forward(x, 4, model.Training)), 1e-14)
		embedded.Backward(dy)
		dense.Backward(dy)
	}
	for i, p := range embedded.Parameters() {
		want := download(t, b, dense.Parameters()[i].Grad)
		if p.Name == "first.weight" {
			want = transposed(want, count)
		}
		compare(t, "gradient of "+p.Name, download(t, b, p.Grad), want, 1e-13)
	}
}

// transposed returns the transpose of values, which have cols columns.
func transposed(values []float64, cols int) []float64 {
	rows := len(values) / cols
	result := make([]float64, len(values))
	for i, v := range values {
		result[i%cols*rows+i/cols] = v
	}
	return result
}

func TestGradientOfAnEmbeddingMatchesDifferences(t *testing.T) {
	b := reference.New()
	defer b.Close()
	spec := model.Spec{
		{Name: "embedding", Layer: model.Embedding{IDs: 4, Out: 2}},
		{Name: "gru", Layer: model.GRU{Hidden: 3}}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 2}},
	}
	net := build(t, b, spec, model.Shape{Steps: 3, Batch: 2, Width: 2}, model.Options{})
	for _, p := range net.Parameters() {
		upload(b, p.Value, draws(p.Value.Size(), p.Name))
	}
	ids := newIDs(t, b, 0, 3, 2, 2, 3, 3, 0, 0, 2, 0, 3, 2)
	weights := draws(4, "dy")
	loss := func() float64 { return dot(download(t, b, net.ForwardIDs(ids, 3, model.Evaluation)), weights) }
	dy := newTensor(t, b, 2, 2)
	upload(b, dy, weights)
	net.ForwardIDs(ids, 3, model.Training)
	net.Backward(dy)
	weight, _ := net.Parameter("embedding.weight")
	values, got := download(t, b, weight.Value), download(t, b, weight.Grad)
	want := make([]float64, len(values))
	for i, v := range values {
		at := func(offset float64) float64 {
			values[i] = v + offset*gradientStep
			upload(b, weight.Value, values)
			return loss()
		}
		want[i] = (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * gradientStep)
		values[i] = v
	}
	compare(t, "gradient", got, want, gradientTolerance)
	if !slices.Equal(got[2:4], []float64{0, 0}) || got[0] == 0 {
		t.Errorf("gradient %v: want 0 for id 1 alone, which does not occur", got)
	}
}

func TestEmbeddingBeginsAsPyTorchs(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{{Name: "embedding", Layer: model.Embedding{IDs: 1000, Out: 10}}}, model.Shape{Steps: 1, Batch: 1, Width: 1}, model.Options{})
	net.Init(1)
	sum, squares, beyond := 0.0, 0.0, 0
	for _, v := range download(t, b, net.Parameters()[0].Value) {
		sum, squares = sum+v, squares+v*v
		if math.Abs(v) > 2 {
			beyond++
		}
	}
	if n := 10000.0; math.Abs(sum/n) > 0.03 || math.Abs(squares/n-1) > 0.05 || math.Abs(float64(beyond)/n-0.0455) > 0.01 {
		t.Errorf("mean %v, variance %v, %v beyond 2: want those of N(0, 1)", sum/n, squares/n, float64(beyond)/n)
	}
}

func TestMisuseOfIDsIsNamed(t *testing.T) {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 3, Batch: 2, Width: 1}
	embedding, dense := model.Embedding{IDs: 4, Out: 2}, model.Dense{Out: 2}
	net := build(t, b, model.Spec{{Name: "embedding", Layer: embedding}}, in, model.Options{})
	numbers := build(t, b, model.Spec{{Name: "dense", Layer: dense}}, in, model.Options{})
	if net.IDs() != 4 || numbers.IDs() != 0 {
		t.Errorf("IDs: %d and %d, want 4 and 0", net.IDs(), numbers.IDs())
	}
	wantPanic(t, "model: Forward: the network takes ids, not numbers: call ForwardIDs", func() { net.Forward(newTensor(t, b, 3, 1), 3, model.Evaluation) })
	wantPanic(t, "model: ForwardIDs: the network takes numbers, not ids: call Forward", func() { numbers.ForwardIDs(newIDs(t, b, 0), 1, model.Evaluation) })
	wantPanic(t, "model: ForwardIDs: 4 steps, want 1 to 3", func() { net.ForwardIDs(newIDs(t, b, 0), 4, model.Evaluation) })
	wantPanic(t, "model: ForwardIDs: there are 4 ids, want a multiple of 3 up to 6", func() { net.ForwardIDs(newIDs(t, b, 0, 0, 0, 0), 3, model.Evaluation) })
	wantPanic(t, "model: ForwardIDs: there are 3 ids, want a multiple of 1 up to 2", func() { net.ForwardIDs(newIDs(t, b, 0, 0, 0), 1, model.Evaluation) })
	for _, c := range []struct {
		spec model.Spec
		o    model.Options
		want string
	}{
		{model.Spec{{Name: "s", Layer: model.Embedding{Out: 2}}}, model.Options{}, `stage "s": IDs is 0, want 1 to`},
		{model.Spec{{Name: "s", Layer: model.Embedding{IDs: 2}}}, model.Options{}, `stage "s": Out is 0, want 1 to`},
		{model.Spec{{Name: "dense", Layer: dense}, {Name: "s", Layer: embedding}}, model.Options{}, `stage "s": it takes ids, which only the first stage gets`},
		{model.Spec{{Name: "s", Layer: embedding}}, model.Options{InputGrad: true}, `stage "s": it takes ids, which have no gradient`},
		{model.Spec{{Name: "s", Layer: embedding}, {Name: "layer", Layer: model.FullyRecurrent{Hidden: 3, Gradient: model.RTRL}}}, model.Options{}, `stage "layer": RTRL gives no gradient of the input`},
		{model.Spec{{Name: "s", Layer: embedding}, {Name: "layer", Layer: model.LSTM1997{Blocks: 2, Cells: 1}}}, model.Options{}, `stage "layer": the truncated gradient of an LSTM1997 does not reach its input`},
	} {
		_, err := model.New(b, c.spec, in, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.spec, err, c.want)
		}
	}
}

// A smaller batch uses a part of the same memory.
func TestPassesOfIDsAllocateNothing(t *testing.T) {
	b := openCPU(t)
	defer b.Close()
	net := build(t, b, model.Spec{
		{Name: "embedding", Layer: model.Embedding{IDs: 5, Out: 3}}, {Name: "lstm", Layer: model.LSTM{Hidden: 4}},
	}, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	net.Init(1)
	whole, part := newIDs(t, b, make([]int32, 24)...), newIDs(t, b, 4, 1, 4, 2, 0, 0)
	dy := newTensor(t, b, 12, 4)
	var y backend.Tensor
	if n := testing.AllocsPerRun(100, func() {
		net.ForwardIDs(whole, 4, model.Training)
		net.Backward(dy)
		y = net.ForwardIDs(part, 3, model.Training)
		net.Backward(dy.Slice(0, 3))
	}); n != 0 {
		t.Errorf("a forward and a backward pass allocate %v times", n)
	}
	got := download(t, b, y)
	y = net.ForwardIDs(newIDs(t, b, 4, 1, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0), 3, model.Evaluation)
	var want []float64
	for step := range 3 {
		want = append(want, download(t, b, y.Slice(2*step, 2*step+1))...)
	}
	compare(t, "a batch of one, beside another", got, want, 1e-6)
}

// halved is a layer of its own around another one.
type halved struct{ model.Layer }

func (h halved) Build(b *model.Builder, in model.Shape) model.Module {
	return &halvedModule{b.Backend(), h.Layer.Build(b.Inner(0), in)}
}

type halvedModule struct {
	backend backend.Backend
	inner   model.Module
}

func (m *halvedModule) Forward(x backend.Tensor, in model.Shape, mode model.Mode) backend.Tensor {
	y := m.inner.Forward(x, in, mode)
	m.backend.Scale(y, 0.5, y)
	return y
}

func (m *halvedModule) Backward(dy backend.Tensor) backend.Tensor { return m.inner.Backward(dy) }

func TestIDsReachAnEmbeddingWithinALayer(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{{Name: "half", Layer: halved{model.Embedding{IDs: 3, Out: 2}}}}, model.Shape{Steps: 1, Batch: 2, Width: 1}, model.Options{})
	upload(b, net.Parameters()[0].Value, []float64{0, 1, 2, 3, 4, 5})
	compare(t, "y", download(t, b, net.ForwardIDs(newIDs(t, b, 2, 0), 1, model.Evaluation)), []float64{2, 2.5, 0, 0.5}, 0)
}
