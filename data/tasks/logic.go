package tasks

import (
	"fmt"
	"math/rand/v2"

	"gputrain/data"
)

// Gate is a logic gate with two inputs, written as its truth table: bit 2a+b is
// the output for the inputs a and b.
type Gate uint8

// The gates of the tutorial. A perceptron learns all but XOR, which no line
// separates.
const (
	NOR  Gate = 0b0001
	XOR  Gate = 0b0110
	NAND Gate = 0b0111
	AND  Gate = 0b1000
	OR   Gate = 0b1110
)

// String returns the name of the gate.
func (g Gate) String() string {
	switch g {
	case NOR:
		return "NOR"
	case XOR:
		return "XOR"
	case NAND:
		return "NAND"
	case AND:
		return "AND"
	case OR:
		return "OR"
	}
	return fmt.Sprintf("Gate(%04b)", uint8(g))
}

// Table returns the four samples of g, the inputs 00, 01, 10 and 11 as 0 and 1.
// The target of a sample is 1 where the gate is on, and off where it is not: 0
// for a sigmoid unit, −1 for a perceptron. The label is 1 or 0.
func (g Gate) Table(off float32) *data.Dataset {
	d := &data.Dataset{Steps: 1, Width: 2, Classes: []string{"0", "1"}, TargetWidth: 1}
	for i := range 4 {
		on := int32(g>>i) & 1
		target := off
		if on == 1 {
			target = 1
		}
		d.X = append(d.X, float32(i/2), float32(i%2))
		d.Labels = append(d.Labels, on)
		d.Targets = append(d.Targets, target)
	}
	return d
}

// Parity asks, after the last of 1 to MaxSteps random bits, whether the number
// of ones was odd. All lengths are equally likely. The input is 0 or 1; the
// classes are even and odd.
type Parity struct {
	MaxSteps int
}

// Format implements data.Task.
func (Parity) Format() data.Format {
	return data.Format{Width: 1, Outputs: 2, Classes: []string{"even", "odd"}}
}

// Next implements data.Task. It panics if MaxSteps is less than 1.
func (p Parity) Next(dst *data.Sequence, rng *rand.Rand) {
	atLeast("Parity", "MaxSteps", p.MaxSteps, 1)
	dst.Reset(1+rng.IntN(p.MaxSteps), 1, 2)
	ones := 0
	for t := range dst.X {
		bit := rng.IntN(2)
		ones += bit
		dst.X[t] = float32(bit)
	}
	dst.AnswerClass(dst.Steps-1, ones%2)
}
