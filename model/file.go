package model

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
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
// (https://github.com/huggingface/safetensors).
type File struct {
	Meta    map[string]string
	Tensors map[string]Array
}

// Array is a tensor of a File, row-major. len(Data) is the product of Shape; a
// scalar has an empty Shape.
type Array struct {
	Shape []int
	Data  []float32
}

// ReadFile reads a safetensors file. An error names the file and, if one tensor is
// at fault, the tensor.
func ReadFile(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	f, err := ParseFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFile reads a safetensors file from memory. The format is the length of
// a header (8 bytes, little-endian), the header (JSON), and the data of the
// tensors without gaps.
func ParseFile(data []byte) (*File, error) {
	const lengthBytes = 8
	if len(data) < lengthBytes {
		return nil, fmt.Errorf("model: not a safetensors file: it has only %d bytes", len(data))
	}
	length, body := binary.LittleEndian.Uint64(data), data[lengthBytes:]
	if length > uint64(len(body)) {
		return nil, fmt.Errorf("model: not a safetensors file, or cut short: the header should have %d bytes, but only %d are there", length, len(body))
	}
	header, body := body[:length], body[length:]
	// The library reads the header. Its own check of the offsets does not name the
	// tensor at fault, but parseArray does.
	var meta safetensors.Metadata
	if err := json.Unmarshal(header, &meta); err != nil {
		return nil, fmt.Errorf("model: not a safetensors file, or damaged: header: %w", err)
	}
	infos := meta.Tensors()
	names := slices.SortedFunc(maps.Keys(infos), func(a, b string) int {
		x, y := infos[a].DataOffsets, infos[b].DataOffsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	})
	f := &File{Meta: meta.Metadata(), Tensors: make(map[string]Array, len(names))}
	var end uint64 // where the tensor before ends
	for _, name := range names {
		array, err := parseArray(infos[name], body, end)
		if err != nil {
			return nil, fmt.Errorf("model: tensor %q: %w", name, err)
		}
		f.Tensors[name] = array
		end = infos[name].DataOffsets[1]
	}
	if end != uint64(len(body)) {
		return nil, fmt.Errorf("model: damaged file: it has %d bytes of data, but the tensors have %d", len(body), end)
	}
	return f, nil
}

// parseArray reads the tensor that info describes, which must start at byte
// start of body.
func parseArray(info *safetensors.TensorInfo, body []byte, start uint64) (Array, error) {
	from, to := info.DataOffsets[0], info.DataOffsets[1]
	switch {
	case info.DType != safetensors.F32:
		return Array{}, fmt.Errorf("type is %v, want F32", info.DType)
	case from != start:
		return Array{}, fmt.Errorf("damaged file: data starts at byte %d, want %d", from, start)
	case to < from || to > uint64(len(body)):
		return Array{}, fmt.Errorf("cut short or damaged: data is bytes %d to %d of %d", from, to, len(body))
	}
	a := Array{Shape: make([]int, len(info.Shape))}
	for i, d := range info.Shape {
		a.Shape[i] = int(d) // negative if too large, which product rejects
	}
	data := body[from:to]
	size, ok := product(a.Shape)
	if !ok || len(data)%4 != 0 || size != len(data)/4 {
		return Array{}, fmt.Errorf("damaged file: shape %d, but %d bytes of data", info.Shape, len(data))
	}
	a.Data = make([]float32, size)
	for i := range a.Data {
		a.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return a, nil
}

// Write writes f to path, atomically: on error an existing file is untouched. The
// same content gives the same bytes. Write panics if a tensor's Data does not fit
// its Shape.
func (f *File) Write(path string) error {
	if err := atomicfile.Write(path, f.encode); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

func (f *File) encode(w io.Writer) error {
	views := make(map[string]view, len(f.Tensors))
	for name, a := range f.Tensors {
		if size, ok := product(a.Shape); !ok || size != len(a.Data) {
			panic(fmt.Sprintf("model: Write: tensor %q of shape %v has %d values", name, a.Shape, len(a.Data)))
		}
		views[name] = view{a}
	}
	return safetensors.SerializeToWriter(views, f.Meta, w)
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

func (v view) Data() []byte {
	data := make([]byte, 0, v.DataLen())
	for _, x := range v.array.Data {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return data
}
