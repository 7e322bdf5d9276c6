package backendtest

import (
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
)

var lossChecks = []check{
	{"SoftmaxCrossEntropy", checkCrossEntropy},
	{"SquaredError", checkSquaredError},
}

func checkCrossEntropy(p *probe) {
	for _, s := range p.shapes() {
		if s.rows > 0 && s.cols == 0 {
			continue // no label is valid
		}
		for _, ignore := range []struct {
			name  string
			every int // a row of so many has IgnoreLabel
		}{{"", math.MaxInt}, {", some ignored", 3}, {", all ignored", 1}} {
			name := s.String() + ignore.name
			g := p.source(name)
			logits, labels := g.uniform(s.size(), -8, 8), g.ids(s.rows, s.cols)
			for i := range labels {
				if (i+1)%ignore.every == 0 {
					labels[i] = backend.IgnoreLabel
					logits[i*s.cols] = float32(math.NaN()) // of no influence
				}
			}
			p.crossEntropy(name, s, logits, labels, 1/float64(max(1, s.rows)))
		}
	}
	for _, s := range p.manyRows() {
		g := p.source(s.String())
		logits, labels := g.uniform(s.size(), -8, 8), g.ids(s.rows, s.cols)
		for i := s.rows - tail; i >= 0 && i < s.rows; i++ {
			logits[i*s.cols+int(labels[i])] -= 1000 // so that the losses of the last rows show
		}
		p.crossEntropy(s.String(), s, logits, labels, 1/float64(s.rows))
	}
	for _, s := range p.longRow() {
		logits := withTail(p.source(s.String()).uniform(s.size(), -8, 8), dominating)
		for _, label := range []int{0, s.cols - 1} {
			p.crossEntropy(fmt.Sprintf("%v, the last dominate, label %d", s, label), s, logits, []int32{int32(label)}, 1)
		}
	}
	for _, n := range p.sizes() {
		s := shape{min(n, 33), n}
		name := s.String() + ", one column dominates"
		p.crossEntropy(name, s, dominated(s), p.source(name).ids(s.rows, s.cols), 1/float64(s.rows))
	}
	s := shape{len(specialLogits) / 3, 3}
	for label := range int32(3) {
		labels := make([]int32, s.rows)
		for i := range labels {
			labels[i] = label
		}
		for i := range s.rows { // one by one, lest NaN hide the others' loss
			p.crossEntropy(fmt.Sprintf("special row %d, label %d", i, label),
				shape{1, 3}, specialLogits[i*3:(i+1)*3], labels[:1], 0.5)
		}
		p.crossEntropy(fmt.Sprintf("special rows, label %d", label), s, specialLogits, labels, 0.5)
	}
	x := pairs()
	labels := make([]int32, len(x)/2)
	for i := range labels {
		labels[i] = int32(i/2) % 2
	}
	t := crossEntropyTrial("every exponent against 0", shape{len(labels), 2}, x, labels, 1e-3)
	t.once = true
	p.verify(t)
	x = exponents(p.source("exponents"))
	t = crossEntropyTrial("exponents", shape{len(x) / 2, 2}, x, make([]int32, len(x)/2), 1)
	t.once = true
	p.verify(t)
	p.verify(logarithmTrial())
	for _, scale := range []float64{-1, 0, smallestNormal} {
		name := fmt.Sprintf("scale %v", scale)
		g := p.source(name)
		p.crossEntropy(name, shape{3, 5}, g.uniform(15, -8, 8), []int32{4, 0, backend.IgnoreLabel}, scale)
	}
}

// crossEntropy tries the loss with and without its gradient.
func (p *probe) crossEntropy(name string, s shape, logits []float32, labels []int32, scale float64) {
	t := crossEntropyTrial(name, s, logits, labels, scale)
	p.verify(t)
	if !t.long() {
		p.verify(t.without("dlogits"))
	}
}

func crossEntropyTrial(name string, s shape, logits []float32, labels []int32, scale float64) trial {
	loss, gradient := crossEntropyTolerance(s, logits, labels, scale)
	return trial{
		name: name,
		operands: []operand{
			out("loss", 1, 1), out("dlogits", s.rows, s.cols), in("logits", s.rows, s.cols, logits), inInts("labels", labels)},
		call: func(b backend.Backend, x tensors) {
			b.SoftmaxCrossEntropy(x["loss"], x["dlogits"], x["logits"], x.ints("labels"), scale)
		},
		tolerance: map[string]tolerance{"loss": loss, "dlogits": gradient},
		sharing:   []sharing{{"dlogits": "logits"}},
	}
}

// logarithmError is that of a logarithm within 4 units in the last place, in roundings.
const logarithmError = 8

// logarithmTrial is the loss of rows, each by itself, that is a logarithm and nothing
// else: the label's logit is 0 and the largest. First come pairs whose exponentials, 1
// and e, add up to 1 + n·2⁻²³ as nearly as a logit can say it. So float32 has next to
// nothing to round in the sum, and near 1, where the loss is small, it is as accurate
// as the logarithm is. Then come 1, 2, ... exponentials of 0, whose sum is exact.
func logarithmTrial() trial {
	const cols = 40
	var logits []float32
	var bound []float64
	row := func(allowed float64, x ...float32) {
		logits = append(append(logits, x...), slices.Repeat([]float32{float32(-inf)}, cols-len(x))...)
		bound = append(bound, allowed)
	}
	const roundings = logarithmError + 2 // with the scale and the sum over rows
	for n := 1; n <= 1<<23; n += 1 + n/16 {
		x := float32(math.Log(float64(n) * 0x1p-23))
		e := math.Exp(float64(x))
		var off float64
		for _, err := range []float64{-exponentialError, exponentialError} {
			off = max(off, math.Abs(float64(float32(1+e*(1+err*unit)))-(1+e)))
		}
		row(off+roundings*unit*math.Log1p(e), 0, x)
	}
	for n := range cols {
		row(roundings*unit*math.Log(float64(n+1)), make([]float32, n+1)...)
	}
	rows := len(bound)
	return trial{
		name:     "logarithms",
		operands: []operand{out("loss", rows, 1), in("logits", rows, cols, logits), inInts("labels", make([]int32, rows))},
		call: func(b backend.Backend, x tensors) {
			for i := range rows {
				b.SoftmaxCrossEntropy(x["loss"].Slice(i, i+1), backend.Tensor{}, x["logits"].Slice(i, i+1), x.ints("labels").Slice(i, i+1), 1)
			}
		},
		tolerance: map[string]tolerance{"loss": within(bound)},
		once:      true,
	}
}

// crossEntropyTolerance sums what rounds in log Σ exp(x−m) + m − x[label]: the
// differences x−m and the exponentials, which count by their share of the
// sum; the sum of cols terms; the logarithm; and the terms of the last sum. The
// gradient is off by what the softmax is (see softmaxTolerance) and rounds in
// a difference and a product.
func crossEntropyTolerance(s shape, logits []float32, labels []int32, scale float64) (loss, gradient tolerance) {
	cols := float64(s.cols)
	var total float64
	gradients := make([]float64, s.size())
	sums := newExponentials(logits, s)
	for i, label := range labels {
		if label == backend.IgnoreLabel {
			continue
		}
		for j := range s.cols {
			k := i*s.cols + j
			share := sums.share(k)
			if share > 0 {
				gradients[k] = (exponentialError + cols + 5 + sums.errorAt(k)/unit) * share
			}
			if int32(j) == label {
				share--
			}
			gradients[k] += 4 * math.Abs(share)
		}
		m, chosen := sums.largest[i], float64(logits[i*s.cols+int(label)])
		logarithm := math.Log(sums.sum[i])
		value := logarithm + m - chosen
		total += exponentialError + cols + sums.err[i]/unit + logarithmError*logarithm + 2*math.Abs(m) + 2*math.Abs(chosen) +
			(float64(s.rows)+2)*math.Abs(value)
	}
	bound := unit * math.Abs(scale) * total
	gradient = func(k int, _ float64) float64 {
		return math.Abs(scale)*unit*gradients[k] + (math.Abs(scale)+1)*tiny
	}
	return within([]float64{bound}), gradient
}

// manyParts returns a tensor whose sum goes beyond 1,024 parts of 2,048 elements.
func (p *probe) manyParts() []shape { return p.affordable(shape{1, 1024*2048 + 63}) }

func checkSquaredError(p *probe) {
	for _, s := range p.shapes() {
		scale := 1 / float64(max(1, s.size()))
		name := s.String()
		g := p.source(name)
		p.squaredError(name, s, g.uniform(s.size(), -1, 1), g.uniform(s.size(), -1, 1), scale, float64(s.size())+6)
		name += ", whole numbers" // whose sum is exact
		g = p.source(name)
		p.squaredError(name, s, g.whole(s.size(), 2), g.whole(s.size(), 2), 0.5, 6)
	}
	for _, scale := range []float64{-1, 0, smallestNormal} {
		name := fmt.Sprintf("scale %v", scale)
		g := p.source(name)
		p.squaredError(name, shape{3, 5}, g.uniform(15, -1, 1), g.uniform(15, -1, 1), scale, 24)
	}
	g := p.source("subnormal")
	p.squaredError("subnormal", shape{3, 5},
		g.uniform(15, -largestSubnormal, largestSubnormal), g.uniform(15, -largestSubnormal, largestSubnormal), 1, 24)
	for _, s := range append(p.longShapes(), p.manyParts()...) {
		g := p.source(s.String())
		p.squaredError(s.String()+", whole numbers", s, g.whole(s.size(), 2), g.whole(s.size(), 2), 0.5, 6)
	}
	for i, v := range []float64{inf, -inf, math.NaN(), negativeNaN, 1e15, -1<<24 + 2} {
		x := []float32{1, 2, float32(v)}
		p.squaredError(fmt.Sprintf("special %d", i), shape{1, 3}, x, []float32{1, 1, 1}, 1, 9)
	}
}

// squaredError tries the loss, whose sum is off by some roundings, with and
// without its gradient.
func (p *probe) squaredError(name string, s shape, y, target []float32, scale, roundings float64) {
	t := trial{
		name: name,
		operands: []operand{
			out("loss", 1, 1), out("dy", s.rows, s.cols), in("y", s.rows, s.cols, y), in("target", s.rows, s.cols, target)},
		call: func(b backend.Backend, x tensors) {
			b.SquaredError(x["loss"], x["dy"], x["y"], x["target"], scale)
		},
		tolerance: map[string]tolerance{
			"loss": func(_ int, want float64) float64 { return roundings * (unit*math.Abs(want) + tiny) },
			"dy":   ulps(4),
		},
		sharing: []sharing{{"dy": "y"}, {"dy": "target"}},
	}
	p.verify(t)
	if !t.long() {
		p.verify(t.without("dy"))
	}
}
