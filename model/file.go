package model

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/nlpodyssey/safetensors"

	"gputrain/internal/atomicfile"
)

// File is a safetensors file in memory: float32 tensors and text, by name.
// PyTorch and others read and write the same format
// (https://github.com/huggingface/safetensors). Reading converts F16, BF16 and F64 to
// float32, and leaves out tensors of integers, as a batch norm counts by.
//
// A file that Write wrote also holds its format and a checksum, as the metadata
// gputrain.format and gputrain.sha256. The checksum is the SHA-256 of the whole
// file, in which its own 64 digits are 0. Reading checks both and leaves them out of
// Meta.
type File struct {
	Meta    map[string]string
	Tensors map[string]Array

	// Converted has the type of each tensor that was not F32 in the file that was read:
	// F16, BF16 or F64. LeftOut has that of each tensor that was not read, such as I64.
	// Write writes neither.
	Converted, LeftOut map[string]string

	unsealed bool             // read from a file without a checksum
	spare    map[string]Array // see Reuse
}

// Array is a tensor of a File, row-major. len(Data) is the product of Shape; a
// scalar has an empty Shape.
type Array struct {
	Shape []int
	Data  []float32
}

// Reuse lets f have the memory of before, which nobody may use any more. To take it anew would
// take longer than to fill it.
func (f *File) Reuse(before *File) { f.spare = before.Tensors }

// Room returns an array for the tensor of f with that name and shape, whose values may be
// anything. It does not add it to f.
func (f *File) Room(name string, shape ...int) Array {
	size, ok := product(shape)
	if !ok {
		panic(fmt.Sprintf("model: Room: tensor %q of shape %v", name, shape))
	}
	spare := f.spare[name]
	if len(spare.Data) != size {
		spare.Data = make([]float32, size)
	}
	delete(f.spare, name)
	return Array{Shape: shape, Data: spare.Data}
}

// Sealed reports whether f is what a program of gputrain made: it was not read from
// a file, or from one with a checksum, which was right. Files of other programs have
// none.
func (f *File) Sealed() bool { return !f.unsealed }

// ReadFile reads a safetensors file. An error names the file and, if one tensor is
// at fault, the tensor.
func ReadFile(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("model: %s is not a regular file", path)
	}
	f, err := parse(file, uint64(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFile reads a safetensors file from memory. The format is the length of
// a header (8 bytes, little-endian), the header (JSON), and the data of the
// tensors without gaps.
func ParseFile(data []byte) (*File, error) {
	return parse(bytes.NewReader(data), uint64(len(data)))
}

// parse reads a file of size bytes. It allocates nothing that such a file cannot
// fill.
func parse(r io.Reader, size uint64) (*File, error) {
	f, err := parseContent(r, size)
	if err != nil && !errors.Is(err, errVersion) {
		err = damaged{err}
	}
	return f, err
}

// ErrDamaged is what the errors of ReadFile and ParseFile are, as errors.Is tells,
// if the file cannot be what a program wrote. It may be cut short, changed, of
// another kind, or on a disk that cannot read it.
var ErrDamaged = errors.New("damaged file")

type damaged struct{ error }

func (damaged) Is(target error) bool { return target == ErrDamaged }

func (d damaged) Unwrap() error { return d.error }

func parseContent(r io.Reader, size uint64) (*File, error) {
	buffered := bufio.NewReaderSize(r, bufferBytes)
	header, err := readHeader(buffered, size)
	if err != nil {
		return nil, err
	}
	infos, body, meta := header.Tensors(), size-uint64(len(header.raw)), header.Metadata.Metadata()
	names := slices.SortedFunc(maps.Keys(infos), func(a, b string) int {
		x, y := infos[a].DataOffsets, infos[b].DataOffsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	})
	var end uint64 // where the tensor before ends
	for _, name := range names {
		if err := checkInfo(infos[name], body, end); err != nil {
			return nil, fmt.Errorf("model: tensor %q: %w", name, err)
		}
		end = infos[name].DataOffsets[1]
	}
	if end != body {
		return nil, fmt.Errorf("model: damaged file: it has %d bytes of data, but the tensors have %d", body, end)
	}
	seal, err := sealOf(meta, header.raw)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	f := &File{Meta: meta, Tensors: make(map[string]Array, len(names)), unsealed: seal == nil}
	content := io.Reader(buffered)
	if seal != nil {
		content = io.TeeReader(buffered, seal.hash)
	}
	for _, name := range names {
		if err := f.readTensor(content, name, infos[name]); err != nil {
			return nil, fmt.Errorf("model: tensor %q: %w", name, err)
		}
	}
	if seal != nil {
		if err := seal.check(); err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
	}
	return f, nil
}

// checkInfo says why info cannot describe the tensor that starts at byte start of
// body bytes of data.
func checkInfo(info *safetensors.TensorInfo, body, start uint64) error {
	from, to := info.DataOffsets[0], info.DataOffsets[1]
	switch {
	case from != start:
		return fmt.Errorf("damaged file: data starts at byte %d, want %d", from, start)
	case to < from || to > body:
		return fmt.Errorf("cut short or damaged: data is bytes %d to %d of %d", from, to, body)
	}
	width := info.DType.Size()
	if size, ok := product(shapeOf(info)); !ok || (to-from)%width != 0 || uint64(size) != (to-from)/width {
		return fmt.Errorf("damaged file: shape %d, but %d bytes of data", info.Shape, to-from)
	}
	return nil
}

func shapeOf(info *safetensors.TensorInfo) []int {
	shape := make([]int, len(info.Shape))
	for i, d := range info.Shape {
		shape[i] = int(d) // negative if too large, which product rejects
	}
	return shape
}

// readTensor reads the tensor that info describes, or leaves it out.
func (f *File) readTensor(r io.Reader, name string, info *safetensors.TensorInfo) (err error) {
	note := func(types *map[string]string) {
		if *types == nil {
			*types = map[string]string{}
		}
		(*types)[name] = info.DType.String()
	}
	kind, isFloat := floatTypes[info.DType]
	if !isFloat {
		note(&f.LeftOut)
		_, err = io.CopyN(io.Discard, r, int64(info.DataOffsets[1]-info.DataOffsets[0]))
		return err
	}
	if info.DType != safetensors.F32 {
		note(&f.Converted)
	}
	f.Tensors[name], err = readArray(r, info, kind)
	return err
}

// readArray reads the tensor that info describes, of a kind of numbers.
func readArray(r io.Reader, info *safetensors.TensorInfo, kind floatType) (Array, error) {
	a := Array{Shape: shapeOf(info)}
	size, _ := product(a.Shape)
	a.Data = make([]float32, size)
	buffer := make([]byte, min(kind.bytes*size, bufferBytes))
	for i := 0; i < size; {
		part := buffer[:min(kind.bytes*(size-i), len(buffer))]
		if _, err := io.ReadFull(r, part); err != nil {
			return Array{}, fmt.Errorf("cut short: %w", err)
		}
		for ; len(part) > 0; part = part[kind.bytes:] {
			var fits bool
			if a.Data[i], fits = kind.decode(part); !fits {
				return Array{}, fmt.Errorf("value %d is beyond float32", i)
			}
			i++
		}
	}
	return a, nil
}

// Write writes f to path, atomically: on error an existing file is untouched. The
// same content gives the same bytes.
//
// Write panics if a tensor's Data does not fit its Shape, or if its name is empty,
// "__metadata__", not UTF-8, or has control characters. Text in Meta that is not
// UTF-8 is an error.
func (f *File) Write(path string) error {
	if f == nil {
		panic("model: Write: the file is nil")
	}
	if err := atomicfile.Write(path, f.encode); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

func (f *File) encode(w io.Writer) error {
	for name, a := range f.Tensors {
		if err := checkName(name); err != nil {
			panic(fmt.Sprintf("model: Write: %v", err))
		}
		if size, ok := product(a.Shape); !ok || size != len(a.Data) {
			panic(fmt.Sprintf("model: Write: tensor %q of shape %v has %d values", name, a.Shape, len(a.Data)))
		}
	}
	meta, err := f.unsealedMeta()
	if err != nil {
		return err
	}
	var tensors []Array
	views := make(map[string]view, len(f.Tensors))
	for _, name := range slices.Sorted(maps.Keys(f.Tensors)) {
		tensors = append(tensors, f.Tensors[name])
		views[name] = view{f.Tensors[name]}
	}
	// The views give the library no data. So it writes the header alone, and the
	// values follow without a copy of them all.
	var header bytes.Buffer
	if err := safetensors.SerializeToWriter(views, meta, &header); err != nil {
		return err
	}
	if n := header.Len() - lengthBytes; n > maxHeader {
		return fmt.Errorf("the names, shapes and metadata have %d bytes, more than the %d that the format allows", n, maxHeader)
	}
	if _, err := w.Write(sealed(header.Bytes(), tensors)); err != nil {
		return err
	}
	for _, a := range tensors {
		if err := writeFloats(w, a.Data); err != nil {
			return err
		}
	}
	return nil
}

// bufferBytes is how many bytes of tensors are read and written at a time.
const bufferBytes = 1 << 16

// writeFloats writes values, little-endian.
func writeFloats(w io.Writer, values []float32) error {
	buffer := make([]byte, 0, min(4*len(values), bufferBytes))
	for part := range slices.Chunk(values, bufferBytes/4) {
		buffer = buffer[:0]
		for _, x := range part {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

// view is an Array in the form that the library takes.
type view struct{ array Array }

func (v view) DType() safetensors.DType { return safetensors.F32 }

func (v view) Shape() []uint64 {
	shape := make([]uint64, len(v.array.Shape))
	for i, d := range v.array.Shape {
		shape[i] = uint64(d)
	}
	return shape
}

func (v view) DataLen() uint64 { return 4 * uint64(len(v.array.Data)) }

func (v view) Data() []byte { return nil }
