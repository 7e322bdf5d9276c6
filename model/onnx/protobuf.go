package onnx

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// message is a protobuf message in the making
// (https://protobuf.dev/programming-guides/encoding). Long contents are not copied,
// however deeply messages are nested.
type message struct {
	chunks []chunk
	open   bool // the last chunk may grow
	size   int  // of all chunks, in bytes
}

// chunk is a part of a message: bytes, or numbers that become bytes when they are
// written.
type chunk struct {
	bytes  []byte
	floats []float32
}

// The wire types that ONNX needs.
const (
	wireVarint  = 0
	wireBytes   = 2
	wireFixed32 = 5
)

func (m *message) raw(b ...byte) {
	if !m.open {
		m.chunks, m.open = append(m.chunks, chunk{}), true
	}
	last := &m.chunks[len(m.chunks)-1].bytes
	*last = append(*last, b...)
	m.size += len(b)
}

func (m *message) uvarint(v uint64) { m.raw(binary.AppendUvarint(nil, v)...) }

func (m *message) key(field, wire int) { m.uvarint(uint64(field<<3 | wire)) }

// integer adds a field of an integer type or an enum.
func (m *message) integer(field int, v int) {
	m.key(field, wireVarint)
	m.uvarint(uint64(v))
}

func (m *message) float(field int, v float32) {
	m.key(field, wireFixed32)
	m.raw(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))...)
}

func (m *message) text(field int, s string) {
	m.key(field, wireBytes)
	m.uvarint(uint64(len(s)))
	m.raw([]byte(s)...)
}

// floats adds a field of bytes, which are the values as float32, little-endian. It
// shares values.
func (m *message) floats(field int, values []float32) {
	m.key(field, wireBytes)
	m.uvarint(uint64(4 * len(values)))
	m.share(4*len(values), chunk{floats: values})
}

// message adds a field that is a message, which is complete.
func (m *message) message(field int, inner *message) {
	m.key(field, wireBytes)
	m.uvarint(uint64(inner.size))
	if len(inner.chunks) == 1 && inner.open {
		m.raw(inner.chunks[0].bytes...)
		return
	}
	m.share(inner.size, inner.chunks...)
}

// share adds chunks of a size together.
func (m *message) share(size int, chunks ...chunk) {
	m.chunks, m.open = append(m.chunks, chunks...), false
	m.size += size
}

// write writes the message.
func (m *message) write(w io.Writer) error {
	const most = 1 << 14 // numbers at a time
	buffer := make([]byte, 0, 4*most)
	for _, c := range m.chunks {
		if _, err := w.Write(c.bytes); err != nil {
			return err
		}
		for part := range slices.Chunk(c.floats, most) {
			buffer = buffer[:0]
			for _, x := range part {
				buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
			}
			if _, err := w.Write(buffer); err != nil {
				return err
			}
		}
	}
	return nil
}
