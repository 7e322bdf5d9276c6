// Package tensorboard writes and reads the event files of TensorBoard, as far as
// they hold scalars: figures that change while a network learns.
//
// A file is a sequence of frames. A frame is
//
//	length    uint64, little endian, of data
//	checksum  uint32, of the eight bytes of length
//	data      an Event, a protocol buffer
//	checksum  uint32, of data
//
// The first event names the version of the format. The second says at which step a
// session begins: what TensorBoard has read of that step and later ones, in files of the
// folder that it sorts before this one, is void then. Each later event has a wall time, a
// step, and the figures that were measured there. TensorBoard takes a file for one of its
// own if its name contains "tfevents".
package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"time"
	"unicode/utf8"
)

// Scalar is a figure. TensorBoard draws those of one tag as a curve over the steps,
// and puts tags together that have the same text before a slash. The files hold
// figures as float32.
type Scalar struct {
	Tag   string
	Value float64
}

// Event is what was measured at a step.
type Event struct {
	Time    time.Time // kept to the microsecond
	Step    int64
	Scalars []Scalar
}

// version is the content of the first event.
const version = "brain.Event:2"

// The fields of the messages Event, SessionLog, Summary and Summary.Value.
const (
	eventTime    = 1 // double: seconds since 1970
	eventStep    = 2 // int64
	eventVersion = 3 // string
	eventSummary = 5 // Summary
	eventSession = 7 // SessionLog

	sessionStatus = 1 // enum

	summaryValue = 1 // Summary.Value, repeated

	valueTag    = 1 // string
	valueSimple = 2 // float
)

// The types of fields.
const (
	typeVarint  = 0
	typeFixed64 = 1
	typeBytes   = 2
	typeFixed32 = 5
)

// sessionStart is a status.
const sessionStart = 1

// Writer writes events, each with one call of Write, so that who reads along sees
// whole ones.
type Writer struct {
	to    io.Writer
	frame []byte
}

// NewWriter begins a file at a time, of a session whose first step is first.
func NewWriter(to io.Writer, at time.Time, first int64) (*Writer, error) {
	w := &Writer{to: to}
	if err := w.write(appendBytes(appendTime(nil, at), eventVersion, []byte(version))); err != nil {
		return nil, err
	}
	begin := appendStep(appendTime(nil, at), first)
	return w, w.write(appendBytes(begin, eventSession, []byte{sessionStatus<<3 | typeVarint, sessionStart}))
}

// Write appends e. It panics if a tag is empty or no UTF-8, which TensorBoard could
// not read.
func (w *Writer) Write(e Event) error {
	var summary []byte
	for _, s := range e.Scalars {
		if s.Tag == "" || !utf8.ValidString(s.Tag) {
			panic(fmt.Sprintf("tensorboard: the tag %q is empty or no UTF-8", s.Tag))
		}
		value := appendBytes(nil, valueTag, []byte(s.Tag))
		value = append(value, valueSimple<<3|typeFixed32)
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(float32(s.Value)))
		summary = appendBytes(summary, summaryValue, value)
	}
	return w.write(appendBytes(appendStep(appendTime(nil, e.Time), e.Step), eventSummary, summary))
}

// write writes a frame.
func (w *Writer) write(data []byte) error {
	w.frame = binary.LittleEndian.AppendUint64(w.frame[:0], uint64(len(data)))
	w.frame = binary.LittleEndian.AppendUint32(w.frame, checksum(w.frame))
	w.frame = append(w.frame, data...)
	w.frame = binary.LittleEndian.AppendUint32(w.frame, checksum(data))
	_, err := w.to.Write(w.frame)
	return err
}

func appendTime(message []byte, at time.Time) []byte {
	message = append(message, eventTime<<3|typeFixed64)
	return binary.LittleEndian.AppendUint64(message, math.Float64bits(float64(at.UnixMicro())/1e6))
}

func appendStep(message []byte, step int64) []byte {
	return binary.AppendUvarint(append(message, eventStep<<3|typeVarint), uint64(step))
}

func appendBytes(message []byte, field byte, content []byte) []byte {
	message = binary.AppendUvarint(append(message, field<<3|typeBytes), uint64(len(content)))
	return append(message, content...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C of data, rotated and shifted, as the format has it: the
// CRC of data that hold their own CRC says little.
func checksum(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}
