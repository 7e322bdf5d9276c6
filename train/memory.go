package train

import "gputrain/backend"

// memory collects allocations, to free them together. It keeps the first error in
// err; all allocations after it are absent.
type memory struct {
	b       backend.Backend
	buffers []backend.Buffer
	err     error
}

func (m *memory) tensor(rows, cols int) backend.Tensor {
	if m.err != nil {
		return backend.Tensor{}
	}
	t, err := m.b.New(rows, cols)
	if err != nil {
		m.err = err
		return backend.Tensor{}
	}
	m.buffers = append(m.buffers, t.Buf)
	return t
}

func (m *memory) ints(n int) backend.Ints {
	if m.err != nil {
		return backend.Ints{}
	}
	t, err := m.b.NewInts(n)
	if err != nil {
		m.err = err
		return backend.Ints{}
	}
	m.buffers = append(m.buffers, t.Buf)
	return t
}

func (m *memory) bytes() int64 {
	var sum int64
	for _, buf := range m.buffers {
		sum += tensorBytes(buf.Meta().Len)
	}
	return sum
}

func (m *memory) free() {
	for _, buf := range m.buffers {
		if !buf.Meta().Freed { // as after the backend's Close
			m.b.Free(buf)
		}
	}
	m.buffers = nil
}
