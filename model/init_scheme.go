package model

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Initialization is how the matrices of a Stage are drawn: all its parameters of two
// dimensions, [out, in], each as a whole. It is the function of torch.nn.init of that
// name, applied to the parameters with dim() > 1. Vectors, such as biases, are drawn as
// the layer says.
type Initialization int

const (
	OwnInit        Initialization = iota // as the layer says
	XavierUniform                        // U(±√(6/(in+out))) (Glorot, Bengio 2010)
	XavierNormal                         // N(0, 2/(in+out))
	KaimingUniform                       // U(±√(6/in)), for ReLU (He et al. 2015)
	KaimingNormal                        // N(0, 2/in)
	Orthogonal                           // orthonormal rows or, if there are more rows than columns, columns (Saxe et al. 2014)
)

// String returns the name of i, such as "XavierUniform".
func (i Initialization) String() string {
	names := [...]string{"OwnInit", "XavierUniform", "XavierNormal", "KaimingUniform", "KaimingNormal", "Orthogonal"}
	if i < 0 || int(i) >= len(names) {
		return fmt.Sprintf("Initialization(%d)", int(i))
	}
	return names[i]
}

// drawing returns the Init of p in a stage with i.
func (i Initialization) drawing(p ParameterSpec) func(dst []float64, rng *rand.Rand) {
	if i == OwnInit || len(p.Shape) != 2 {
		return p.Init
	}
	out, in := p.Shape[0], p.Shape[1]
	switch i {
	case XavierUniform:
		return uniformWithin(math.Sqrt(6 / float64(in+out)))
	case XavierNormal:
		return normal(math.Sqrt(2 / float64(in+out)))
	case KaimingUniform:
		return uniformWithin(math.Sqrt(6 / float64(in)))
	case KaimingNormal:
		return normal(math.Sqrt(2 / float64(in)))
	}
	return func(dst []float64, rng *rand.Rand) {
		normal(1)(dst, rng)
		if out <= in {
			orthonormalize(dst, in)
			return
		}
		columns := make([]float64, len(dst))
		for i, v := range dst {
			columns[i%in*out+i/in] = v
		}
		orthonormalize(columns, out)
		for i := range dst {
			dst[i] = columns[i%in*out+i/in]
		}
	}
}

// normal draws from N(0, deviation²).
func normal(deviation float64) func(dst []float64, rng *rand.Rand) {
	return func(dst []float64, rng *rand.Rand) {
		for i := range dst {
			dst[i] = deviation * rng.NormFloat64()
		}
	}
}

// orthonormalize makes the rows of m, of that length, orthonormal, in their order, by
// the method of Gram and Schmidt.
func orthonormalize(m []float64, length int) {
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	for at := 0; at < len(m); at += length {
		row := m[at:][:length]
		for range 2 { // the second time removes what rounding has left
			for before := 0; before < at; before += length {
				other := m[before:][:length]
				share := dot(row, other)
				for i := range row {
					row[i] -= share * other[i]
				}
			}
		}
		norm := math.Sqrt(dot(row, row))
		for i := range row {
			row[i] /= norm
		}
	}
}
