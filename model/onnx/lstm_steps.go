package onnx

import (
	"cmp"

	"gputrain/model"
)

// lstmSteps adds an LSTM with a Projection, LayerNorm or zoneout, which ONNX's LSTM does
// not have. model/lstm_steps.go has the equations.
func (e *exporter) lstmSteps(l model.LSTM, x value) value {
	directions, width := 1, cmp.Or(l.Projection, l.Hidden)
	if l.Bidirectional {
		directions = 2
	}
	return e.overSteps(x, directions*width, func(y string) string {
		for layer := range cmp.Or(l.Layers, 1) {
			var both []string
			for direction, suffix := range suffixes(layer, directions) {
				both = append(both, e.lstmDirection(l, suffix, direction == 1, y))
			}
			if y = both[0]; directions == 2 {
				y = e.concat(both...)
			}
		}
		if e.lengths != "" {
			y = e.binary("Mul", y, e.mask)
		}
		return y
	})
}

// lstmDirection adds a layer in one direction. Its parameters end in suffix.
func (e *exporter) lstmDirection(l model.LSTM, suffix string, reverse bool, x string) string {
	width := cmp.Or(l.Projection, l.Hidden)
	z := e.binary("MatMul", x, e.transposedParameter("weight_ih"+suffix))
	if l.LayerNorm {
		z = e.layerNorm(z, "weight_norm_ih"+suffix)
	}
	if !l.NoBias {
		z = e.binary("Add", z, e.parameter("bias_ih"+suffix))
		z = e.binary("Add", z, e.parameter("bias_hh"+suffix))
	}
	return e.scan(loop{
		states:   []state{{"h" + suffix, width}, {"c" + suffix, l.Hidden}},
		stateful: l.Stateful, reverse: reverse, held: true, out: width,
		step: func(e *exporter, before []string, z string) ([]string, string) {
			h, c := before[0], before[1]
			recurrent := e.binary("MatMul", h, e.transposedParameter("weight_hh"+suffix))
			if l.LayerNorm {
				recurrent = e.layerNorm(recurrent, "weight_norm_hh"+suffix)
			}
			gates := e.split(e.binary("Add", z, recurrent), l.Hidden, l.Hidden, l.Hidden, l.Hidden)
			i, f, g, o := e.unary("Sigmoid", gates[0]), e.unary("Sigmoid", gates[1]), e.unary("Tanh", gates[2]), e.unary("Sigmoid", gates[3])
			cell := e.binary("Add", e.binary("Mul", f, c), e.binary("Mul", i, g))
			squashed := cell
			if l.LayerNorm {
				squashed = e.layerNorm(cell, "weight_norm_c"+suffix, "bias_norm_c"+suffix)
			}
			hidden := e.binary("Mul", o, e.unary("Tanh", squashed))
			if l.Projection > 0 {
				hidden = e.binary("MatMul", hidden, e.transposedParameter("weight_hr"+suffix))
			}
			hidden, cell = e.zoneout(l.ZoneoutHidden, h, hidden), e.zoneout(l.ZoneoutCell, c, cell)
			return []string{hidden, cell}, hidden
		},
	}, z, 4*l.Hidden)
}

// layerNorm adds the layer norm of the rows of x, times a gain and, if there is one, with
// a bias.
func (e *exporter) layerNorm(x string, parameters ...string) string {
	inputs := []string{x}
	for _, name := range parameters {
		inputs = append(inputs, e.parameter(name))
	}
	const epsilon = 1e-5
	return e.op("LayerNormalization", inputs, attributeInt("axis", -1), attributeFloat("epsilon", epsilon))
}

// zoneout adds before + (1−rate)·(candidate − before), the mean of what happens in
// training.
func (e *exporter) zoneout(rate float64, before, candidate string) string {
	if rate == 0 {
		return candidate
	}
	change := e.scaled(e.binary("Sub", candidate, before), "keep", 1-rate)
	return e.binary("Add", before, change)
}
