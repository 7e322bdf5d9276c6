package tasks

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/data"
)

func TestTruthTables(t *testing.T) {
	tests := []struct {
		gate Gate
		name string
		f    func(a, b bool) bool
	}{
		{AND, "AND", func(a, b bool) bool { return a && b }},
		{OR, "OR", func(a, b bool) bool { return a || b }},
		{NAND, "NAND", func(a, b bool) bool { return !(a && b) }},
		{NOR, "NOR", func(a, b bool) bool { return !(a || b) }},
		{XOR, "XOR", func(a, b bool) bool { return a != b }},
	}
	for _, test := range tests {
		if got := test.gate.String(); got != test.name {
			t.Errorf("name %q, want %q", got, test.name)
		}
		d := test.gate.Table(-1)
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		if d.Len() != 4 {
			t.Fatalf("%v: %d samples, want 4", test.gate, d.Len())
		}
		for i := range 4 {
			a, b := i >= 2, i%2 == 1
			label, target := int32(0), float32(-1)
			if test.f(a, b) {
				label, target = 1, 1
			}
			if !slices.Equal(d.X[2*i:2*i+2], []float32{float32(i / 2), float32(i % 2)}) || d.Labels[i] != label || d.Targets[i] != target {
				t.Errorf("%v: sample %d is %v, label %d, target %v, want label %d, target %v",
					test.gate, i, d.X[2*i:2*i+2], d.Labels[i], d.Targets[i], label, target)
			}
		}
	}
	if got := Gate(0b0010).String(); got != "Gate(0010)" {
		t.Errorf("a gate without a name is %q", got)
	}
	if got := NOR.Table(0).Targets; !slices.Equal(got, []float32{1, 0, 0, 0}) {
		t.Errorf("NOR with 0 for off: targets %v", got)
	}
}

func TestParityCountsOnes(t *testing.T) {
	lengths, classes, bits := map[int]int{}, map[int]int{}, map[int]int{}
	for i, s := range data.Draw(Parity{MaxSteps: 10}, rand.New(rand.NewPCG(1, 1)), 10000) {
		ones := 0
		for _, x := range s.X {
			ones += int(x)
			bits[int(x)]++
		}
		last := int(s.Labels[s.Steps-1])
		if last != ones%2 {
			t.Fatalf("sequence %d: %v has label %d", i, s.X, last)
		}
		lengths[s.Steps]++
		classes[last]++
	}
	wantUniform(t, "length", lengths, 1, 10)
	wantUniform(t, "class", classes, 0, 1)
	wantUniform(t, "bit", bits, 0, 1)
}
