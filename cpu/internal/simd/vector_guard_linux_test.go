package simd

import "testing"

// operandMemory is memory for some operands, each between two pages that nobody may
// touch.
type operandMemory [8]guarded

func newOperandMemory(t *testing.T) *operandMemory {
	var m operandMemory
	for i := range m {
		m[i] = newGuarded(t, 1)
	}
	return &m
}

// before returns n elements for operand i, at the end of a page.
func (m *operandMemory) before(i, n int) []float32 {
	page := m[i].floats()
	return page[len(page)-n:]
}

// behind returns n elements at the beginning of a page.
func (m *operandMemory) behind(i, n int) []float32 { return m[i].floats()[:n] }

// try calls f and returns what it touched that it must not.
func (*operandMemory) try(f func()) string {
	if err := fault(f); err != nil {
		return err.Error()
	}
	return ""
}
