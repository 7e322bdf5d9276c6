package onnx

import (
	"encoding/binary"
	"io"
	"math"
)

// message is a protobuf message in the making
// (https://protobuf.dev/programming-guides/encoding). Long contents are not copied,
// however deeply messages are nested.
type message struct {
	chunks [][]byte
	open   bool // the last chunk may grow
	size   int  // of all chunks
}

// The wire types that ONNX needs.
const (
	wireVarint  = 0
	wireBytes   = 2
	wireFixed32 = 5
)

func (m *message) raw(b ...byte) {
	if !m.open {
		m.chunks, m.open = append(m.chunks, nil), true
	}
	last := &m.chunks[len(m.chunks)-1]
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

// bytes adds a field that shares b.
func (m *message) bytes(field int, b []byte) {
	m.message(field, &message{chunks: [][]byte{b}, size: len(b)})
}

// message adds a field that is a message, which is complete.
func (m *message) message(field int, inner *message) {
	m.key(field, wireBytes)
	m.uvarint(uint64(inner.size))
	m.chunks, m.open = append(m.chunks, inner.chunks...), false
	m.size += inner.size
}

// write writes the message.
func (m *message) write(w io.Writer) error {
	for _, chunk := range m.chunks {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}
