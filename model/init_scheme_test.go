package model_test

import (
	"math"
	"testing"

	"gputrain/model"
)

// spread returns the statistics that tell the schemes apart.
func spread(values []float64) (deviation, most float64) {
	for _, v := range values {
		deviation += v * v
		most = max(most, math.Abs(v))
	}
	return math.Sqrt(deviation / float64(len(values))), most
}

func TestMatricesAreDrawnAsInPyTorch(t *testing.T) {
	const in, out = 25, 400 // of weight_ih: 4 gates of 100 units, inputs of width 25
	for _, test := range []struct {
		init            model.Initialization
		deviation, most float64 // most is 0 if there is no bound
	}{
		// The bounds and deviations are those of torch.nn.init.
		{model.XavierUniform, math.Sqrt(2. / (in + out)), math.Sqrt(6. / (in + out))},
		{model.XavierNormal, math.Sqrt(2. / (in + out)), 0},
		{model.KaimingUniform, math.Sqrt(2. / in), math.Sqrt(6. / in)},
		{model.KaimingNormal, math.Sqrt(2. / in), 0},
	} {
		layer := model.LSTM{Hidden: 100, ForgetBias: 3, LayerNorm: true}
		own := initialised(t, model.Spec{{Name: "s", Layer: layer}}, 1)
		drawn := initialised(t, model.Spec{{Name: "s", Layer: layer, Init: test.init}}, 1)
		deviation, most := spread(drawn["s.weight_ih_l0"])
		if math.Abs(deviation/test.deviation-1) > 0.05 {
			t.Errorf("%v: deviation %v, want %v", test.init, deviation, test.deviation)
		}
		if test.most == 0 {
			if most < 3*test.deviation {
				t.Errorf("%v: the largest of 10000 is %v, with a deviation of %v", test.init, most, deviation)
			}
		} else if most > test.most || most < 0.99*test.most {
			t.Errorf("%v: the largest is %v, want nearly %v", test.init, most, test.most)
		}
		for _, vector := range []string{"s.bias_ih_l0", "s.bias_hh_l0", "s.weight_norm_ih_l0"} {
			for i, v := range drawn[vector] {
				if v != own[vector][i] {
					t.Fatalf("%v: %s[%d] is %v, want the layer's own %v", test.init, vector, i, v, own[vector][i])
				}
			}
		}
	}
}

func TestOrthogonalMatricesAreOrthogonal(t *testing.T) {
	for _, out := range []int{7, 25, 60} {
		w := initialised(t, model.Spec{{Name: "s", Layer: model.Dense{Out: out}, Init: model.Orthogonal}}, 2)["s.weight"]
		const in = 25
		vectors, length, next, step := out, in, in, 1
		if out > in {
			vectors, length, next, step = in, out, 1, in
		}
		for a := range vectors {
			for b := range vectors {
				dot, want := 0.0, 0.0
				for i := range length {
					dot += w[a*next+i*step] * w[b*next+i*step]
				}
				if a == b {
					want = 1
				}
				if math.Abs(dot-want) > 1e-6 {
					t.Fatalf("%d×%d: the product of %d and %d is %v, want %v", out, in, a, b, dot, want)
				}
			}
		}
	}
}

func TestInitializationsHaveNames(t *testing.T) {
	if got := model.KaimingNormal.String() + model.Initialization(9).String(); got != "KaimingNormalInitialization(9)" {
		t.Error(got)
	}
}
