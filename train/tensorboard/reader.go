package tensorboard

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// ErrDamaged is wrapped by the errors of a Reader that finds no whole event: the
// file is no event file, or ends in the middle of one, as that of a killed process
// may.
var ErrDamaged = errors.New("damaged")

// maxEvent bounds the bytes of an event. One with scalars has some dozens for each.
const maxEvent = 1 << 20

// Reader reads the events of a file.
type Reader struct {
	from *bufio.Reader
	at   int64 // bytes read
	end  int64
}

// NewReader returns a Reader of the file that begins at from.
func NewReader(from io.Reader) *Reader { return &Reader{from: bufio.NewReader(from)} }

// Next returns the next event. What it has besides scalars is left out; the first
// events of a file have none. At the end of the file the error is io.EOF.
func (r *Reader) Next() (Event, error) {
	data, err := r.frame()
	if err != nil {
		return Event{}, err
	}
	e, err := parseEvent(data)
	if err != nil {
		return Event{}, fmt.Errorf("tensorboard: %w: the event at byte %d: %v", ErrDamaged, r.end, err)
	}
	r.end = r.at
	return e, nil
}

// End returns the bytes from the beginning of the file to the end of the last event
// that Next returned.
func (r *Reader) End() int64 { return r.end }

// frame returns the data of the next frame.
func (r *Reader) frame() ([]byte, error) {
	begin := r.at
	damaged := func(why string) error {
		return fmt.Errorf("tensorboard: %w: the frame at byte %d %s", ErrDamaged, begin, why)
	}
	var head [12]byte
	n, err := io.ReadFull(r.from, head[:])
	r.at += int64(n)
	switch {
	case err == io.ErrUnexpectedEOF:
		return nil, damaged("ends too early")
	case err != nil:
		return nil, err
	}
	length := binary.LittleEndian.Uint64(head[:])
	if checksum(head[:8]) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, damaged("has another checksum than its length")
	}
	if length > maxEvent {
		return nil, damaged(fmt.Sprintf("claims %d bytes, of %d at most", length, maxEvent))
	}
	data := make([]byte, length+4)
	n, err = io.ReadFull(r.from, data)
	r.at += int64(n)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return nil, damaged("ends too early")
	case err != nil:
		return nil, err
	}
	data, sum := data[:length], binary.LittleEndian.Uint32(data[length:])
	if checksum(data) != sum {
		return nil, damaged("has another checksum than its data")
	}
	return data, nil
}

func parseEvent(data []byte) (e Event, err error) {
	err = fields(data, func(field, kind int, number uint64, content []byte) error {
		switch {
		case field == eventTime && kind == typeFixed64:
			if seconds := math.Float64frombits(number); math.Abs(seconds) < 1e12 { // not NaN, and within what UnixMicro takes
				e.Time = time.UnixMicro(int64(math.Round(seconds * 1e6)))
			}
		case field == eventStep && kind == typeVarint:
			e.Step = int64(number)
		case field == eventSummary && kind == typeBytes:
			return fields(content, func(field, kind int, _ uint64, value []byte) error {
				if field != summaryValue || kind != typeBytes {
					return nil
				}
				s, found, err := parseScalar(value)
				if found {
					e.Scalars = append(e.Scalars, s)
				}
				return err
			})
		}
		return nil
	})
	return e, err
}

// parseScalar reads a Summary.Value. It may hold something else than a scalar.
func parseScalar(data []byte) (s Scalar, found bool, err error) {
	err = fields(data, func(field, kind int, number uint64, content []byte) error {
		switch {
		case field == valueTag && kind == typeBytes:
			s.Tag = string(content)
		case field == valueSimple && kind == typeFixed32:
			s.Value, found = float64(math.Float32frombits(uint32(number))), true
		}
		return nil
	})
	return s, found, err
}

// fields calls use with each field of a message: with its number if it is one, else
// with its content.
func fields(message []byte, use func(field, kind int, number uint64, content []byte) error) error {
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return errors.New("a field without a key")
		}
		message = message[n:]
		var number uint64
		var content []byte
		size := 0 // of the field, without its key
		switch key & 7 {
		case typeVarint:
			if number, size = binary.Uvarint(message); size <= 0 {
				return errors.New("a number without an end")
			}
		case typeFixed64:
			if size = 8; len(message) >= size {
				number = binary.LittleEndian.Uint64(message)
			}
		case typeFixed32:
			if size = 4; len(message) >= size {
				number = uint64(binary.LittleEndian.Uint32(message))
			}
		case typeBytes:
			length, n := binary.Uvarint(message)
			if n <= 0 || length > uint64(len(message)-n) {
				return fmt.Errorf("field %d claims %d bytes, of %d that are there", key>>3, length, len(message))
			}
			size = n + int(length)
			content = message[n:size]
		default:
			return fmt.Errorf("field %d is of type %d, which there is not", key>>3, key&7)
		}
		if size > len(message) {
			return fmt.Errorf("field %d ends too early", key>>3)
		}
		if err := use(int(key>>3), int(key&7), number, content); err != nil {
			return err
		}
		message = message[size:]
	}
	return nil
}
