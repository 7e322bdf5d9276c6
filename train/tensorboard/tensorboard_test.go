package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// someEvents are written into a file.
func someEvents() []Event {
	at := time.UnixMicro(1_700_000_000_123_456)
	return []Event{
		{at, 0, []Scalar{{"loss/train", 2.302585}, {"größe", -0.5}}},
		{at.Add(1500 * time.Millisecond), 40, []Scalar{{"loss/train", math.Inf(1)}}},
		{at.Add(time.Hour), math.MaxInt64, []Scalar{{strings.Repeat("long ", 100), 1e-40}}},
	}
}

func fileOf(t *testing.T, events []Event) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, time.Unix(1_700_000_000, 0), 300)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// slowChecksum is the masked CRC-32C, bit by bit, from its definition.
func slowChecksum(data []byte) uint32 {
	sum := ^uint32(0)
	for _, b := range data {
		sum ^= uint32(b)
		for range 8 {
			if sum&1 == 1 {
				sum = sum>>1 ^ 0x82f63b78
			} else {
				sum >>= 1
			}
		}
	}
	sum = ^sum
	return (sum>>15 | sum<<17) + 0xa282ead8
}

// decode reads a file in another way than Reader: it knows no fields, and prints
// what it sees.
func decode(file []byte) (events []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	var message func(data []byte, depth int) string
	message = func(data []byte, depth int) string {
		var text []string
		for len(data) > 0 {
			key := data[0]
			switch data = data[1:]; key & 7 {
			case 0:
				x, n := binary.Uvarint(data)
				text = append(text, fmt.Sprintf("%d:%d", key>>3, x))
				data = data[n:]
			case 1:
				text = append(text, fmt.Sprintf("%d:%.6f", key>>3, math.Float64frombits(binary.LittleEndian.Uint64(data))))
				data = data[8:]
			case 5:
				text = append(text, fmt.Sprintf("%d:%g", key>>3, math.Float32frombits(binary.LittleEndian.Uint32(data))))
				data = data[4:]
			case 2:
				length, n := binary.Uvarint(data)
				content := data[n : n+int(length)]
				if inner := key>>3 == 5 && depth == 0 || key>>3 == 1 && depth == 1; inner {
					text = append(text, fmt.Sprintf("%d:{%s}", key>>3, message(content, depth+1)))
				} else {
					text = append(text, fmt.Sprintf("%d:%q", key>>3, content))
				}
				data = data[n+int(length):]
			default:
				panic(fmt.Sprintf("type %d", key&7))
			}
		}
		return strings.Join(text, " ")
	}
	for len(file) > 0 {
		length := binary.LittleEndian.Uint64(file)
		if sum := slowChecksum(file[:8]); sum != binary.LittleEndian.Uint32(file[8:]) {
			return events, errors.New("checksum of the length")
		}
		data := file[12 : 12+length]
		if sum := slowChecksum(data); sum != binary.LittleEndian.Uint32(file[12+length:]) {
			return events, errors.New("checksum of the data")
		}
		events = append(events, message(data, 0))
		file = file[16+length:]
	}
	return events, nil
}

func TestTheBytesAreThoseOfTheFormat(t *testing.T) {
	got, err := decode(fileOf(t, someEvents()[:2]))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`1:1700000000.000000 3:"brain.Event:2"`,
		`1:1700000000.000000 2:300 7:"\b\x01"`,
		`1:1700000000.123456 2:0 5:{1:{1:"loss/train" 2:2.302585} 1:{1:"größe" 2:-0.5}}`,
		`1:1700000001.623456 2:40 5:{1:{1:"loss/train" 2:+Inf}}`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the file holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The control: what the decoder says depends on every byte.
func TestADecoderThatSeesEveryByte(t *testing.T) {
	file := fileOf(t, someEvents()[:1])
	want, err := decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := range file {
		broken := bytes.Clone(file)
		broken[at] ^= 4
		if got, err := decode(broken); err == nil && reflect.DeepEqual(got, want) {
			t.Errorf("the decoder does not see byte %d", at)
		}
	}
}

// read returns the events of a file until the first error.
func read(file []byte) (events []Event, err error) {
	r := NewReader(bytes.NewReader(file))
	for {
		e, err := r.Next()
		if err != nil {
			return events, err
		}
		if len(e.Scalars) > 0 {
			events = append(events, e)
		}
	}
}

func TestReaderReturnsWhatWriterWrote(t *testing.T) {
	want := someEvents()
	for _, e := range want {
		for i := range e.Scalars {
			e.Scalars[i].Value = float64(float32(e.Scalars[i].Value))
		}
	}
	got, err := read(fileOf(t, want))
	if err != io.EOF || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, error %v, want %v", got, err, want)
	}
}

func TestReaderSaysWhereEventsEnd(t *testing.T) {
	events := someEvents()
	file := fileOf(t, events)
	r := NewReader(bytes.NewReader(append(file, 1, 2, 3)))
	for n := -2; n < len(events); n++ {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if want := int64(len(fileOf(t, events[:max(n+1, 0)]))); n >= -1 && r.End() != want {
			t.Errorf("event %d ends at byte %d, want %d", n, r.End(), want)
		}
	}
	if _, err := r.Next(); !errors.Is(err, ErrDamaged) || r.End() != int64(len(file)) {
		t.Errorf("error %v at byte %d, want the end of the last whole event, %d", err, r.End(), len(file))
	}
}

func TestADamagedFileIsReadUpToThere(t *testing.T) {
	events := someEvents()
	file := fileOf(t, events)
	begins := []int{0, 40, // after the version
		len(fileOf(t, nil)), len(fileOf(t, events[:1])), len(fileOf(t, events[:2])), len(file)}
	frame := func(at int) (n int) { // the one that byte at belongs to
		for n+1 < len(begins) && begins[n+1] <= at {
			n++
		}
		return n
	}
	for at := range file {
		cut, err := read(file[:at])
		if want := max(frame(at)-2, 0); len(cut) != want || (err == io.EOF) != (at == begins[frame(at)]) || err != io.EOF && !errors.Is(err, ErrDamaged) {
			t.Errorf("the first %d bytes: %d events, error %v; want %d events", at, len(cut), err, want)
		}
		flipped := bytes.Clone(file)
		flipped[at] ^= 1
		if got, err := read(flipped); len(got) != max(frame(at)-2, 0) || !errors.Is(err, ErrDamaged) {
			t.Errorf("with another byte %d: %d events, error %v", at, len(got), err)
		}
	}
}

// framed makes a frame of data, with its checksums.
func framed(data []byte) []byte {
	var file bytes.Buffer
	(&Writer{to: &file}).write(data)
	return file.Bytes()
}

func TestHostileEvents(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, 1<<60)
	for _, c := range []struct {
		file []byte
		want string
	}{
		{binary.LittleEndian.AppendUint32(huge, checksum(huge)), "claims 1152921504606846976 bytes"},
		{[]byte("epoch,lr,train_loss\n1,0.1"), "checksum"},
		{framed([]byte{0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}), "field 5 claims"},
		{framed([]byte{0x0f}), "of type 7"},
		{framed([]byte{0x09, 1, 2}), "field 1 ends too early"},
		{framed([]byte{0x10, 0x80}), "without an end"},
		{framed([]byte{0x80}), "without a key"},
		{framed([]byte{0x2a, 2, 0x0a, 9}), "field 1 claims 9 bytes"},
	} {
		if _, err := read(c.file); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: got %v, want an error with %q", c.file, err, c.want)
		}
	}
	// Foreign events and times are no damage.
	foreign := framed([]byte{0x22, 1, 7})                                               // a graph
	foreign = append(foreign, framed([]byte{0x2a, 4, 0x0a, 2, 0x1a, 0})...)             // an image
	foreign = append(foreign, framed([]byte{0x2a, 7, 0x0a, 5, 0x15, 0, 0, 0, 0x3f})...) // without tag and time
	if got, err := read(foreign); err != io.EOF || len(got) != 1 || got[0].Scalars[0].Value != 0.5 {
		t.Errorf("got %v, error %v; want one event with the value 0.5", got, err)
	}
}

func TestATagThatNobodyCanReadPanics(t *testing.T) {
	for _, tag := range []string{"", "\xff"} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, "tensorboard: the tag") {
					t.Errorf("tag %q: got the panic %v", tag, r)
				}
			}()
			fileOf(t, []Event{{Scalars: []Scalar{{tag, 1}}}})
		}()
	}
}

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestAFullDiskIsAnError(t *testing.T) {
	if _, err := NewWriter(&full{}, time.Time{}, 0); err == nil {
		t.Error("no error at the beginning")
	}
	w, err := NewWriter(&full{100}, time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(someEvents()[0]); err == nil {
		t.Error("no error at an event")
	}
}

func TestMemoryStaysFlat(t *testing.T) {
	w, err := NewWriter(io.Discard, time.Now(), 0)
	if err != nil {
		t.Fatal(err)
	}
	e := someEvents()[0]
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range 10_000 {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if after := heap(); after > before+100_000 {
		t.Errorf("the heap grew from %d to %d bytes in 10,000 events", before, after)
	}
	runtime.KeepAlive(w)
}

func FuzzReader(f *testing.F) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, time.Unix(1_700_000_000, 0), 300)
	for _, e := range someEvents() {
		w.Write(e)
	}
	f.Add(file.Bytes(), false)
	f.Add([]byte{0x2a, 4, 0x0a, 2, 0x1a, 0}, true)
	f.Add([]byte{0x10, 0x80}, true)
	f.Fuzz(func(t *testing.T, file []byte, data bool) {
		if data { // or hardly any input would get through the checksums
			file = framed(file)
		}
		events, err := read(file)
		if err != io.EOF && !errors.Is(err, ErrDamaged) {
			t.Fatalf("error %v", err)
		}
		size := 0
		for _, e := range events {
			size += len(e.Scalars)
		}
		if size > len(file) {
			t.Fatalf("%d scalars in %d bytes", size, len(file))
		}
	})
}
