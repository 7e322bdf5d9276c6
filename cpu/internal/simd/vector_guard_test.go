//go:build linux

package simd

import "testing"

// Functions touch nothing outside of their slices, wherever these begin and end.
func TestVectorStaysWithinItsSlices(t *testing.T) {
	var memory [8]guarded
	for i := range memory {
		memory[i] = newGuarded(t, 4*70)
	}
	for _, f := range vectorFunctions() {
		t.Run(f.name, func(t *testing.T) {
			for n := range 71 {
				x := f.content(n)
				for _, level := range Levels() {
					for _, atEnd := range []bool{true, false} {
						placed := make([][]float32, len(x))
						for i := range x {
							placed[i] = memory[i].place(x[i], atEnd)
						}
						var got outcome
						if err := fault(func() { got = outcome{placed, f.call(level.Vector(), placed)} }); err != nil {
							t.Fatalf("%v, %d elements, at the end %t: %v", level, n, atEnd, err)
						}
						if d := differences(got, f.run(level, x), exactly); d != "" {
							t.Fatalf("%v, %d elements, at the end %t: %s", level, n, atEnd, d)
						}
					}
				}
			}
		})
	}
}
