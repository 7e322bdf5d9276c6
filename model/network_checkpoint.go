package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gputrain/backend"
	"gputrain/internal/nearest"
)

// trainPrefix begins the names of tensors in a File that belong to training,
// such as an optimizer's state. Load ignores them.
const trainPrefix = "train/"

// ErrNotFinite is wrapped by the errors of Save and Load about parameters that are
// NaN or infinite.
var ErrNotFinite = errors.New("not a finite number")

// CheckFinite returns an error that wraps ErrNotFinite and names the first value
// that is NaN or infinite.
func (a Array) CheckFinite() error {
	if allFinite(a.Data) {
		return nil
	}
	for i, x := range a.Data {
		if notFinite(x) {
			return fmt.Errorf("value %d is %v, %w", i, x, ErrNotFinite)
		}
	}
	return nil
}

// allFinite reports whether all values are finite. Four sums at a time do not wait for each
// other, and so take a third of the time.
func allFinite(values []float32) bool {
	var a, b, c, d float32 // 0, or NaN
	for ; len(values) >= 4; values = values[4:] {
		v := values[:4]
		a += v[0] - v[0]
		b += v[1] - v[1]
		c += v[2] - v[2]
		d += v[3] - v[3]
	}
	for _, x := range values {
		a += x - x
	}
	return a+b+c+d == 0
}

// Save adds all parameters to f, under their names. It waits for the backend and
// returns its error. Parameters that are not finite are an error too: nobody could
// load them. On error f is unchanged.
func (n *Network) Save(f *File) error {
	if n == nil {
		panic("model: Save: the network is nil")
	}
	return n.SaveValues(f, n.values)
}

// SaveValues is Save with other values of the parameters. values is laid out as
// Values, such as a copy that was made earlier.
func (n *Network) SaveValues(f *File, values backend.Tensor) error {
	n.enter("Save")
	defer n.use.Leave()
	if f == nil {
		panic("model: Save: the file is nil")
	}
	tensors := make(map[string]Array, len(n.parameters))
	for _, p := range n.parameters {
		a := f.Room(p.Name, p.Shape...)
		from := p.Value.Off - n.values.Off
		if err := n.backend.Download(a.Data, values.Reshape(values.Size(), 1).Slice(from, from+p.Value.Size())); err != nil {
			return fmt.Errorf("model: saving parameters: %w", err)
		}
		if err := a.CheckFinite(); err != nil {
			return fmt.Errorf("model: saving tensor %q: %w", p.Name, err)
		}
		tensors[p.Name] = a
	}
	if f.Tensors == nil {
		f.Tensors = tensors
		return nil
	}
	maps.Copy(f.Tensors, tensors)
	return nil
}

// Load sets all parameters from f. It returns an error, and changes nothing, if a
// parameter is missing, has another shape or is not finite, or if f has a tensor
// that the network does not have, unless its name begins with "train/". PyTorch
// loads NaN and names that it does not know (strict=False); here such a file is a
// mistake that would only be seen later, in what the network answers.
func (n *Network) Load(f *File) error {
	n.enter("Load")
	defer n.use.Leave()
	if f == nil {
		panic("model: Load: the file is nil")
	}
	if names := slices.Sorted(maps.Keys(f.LeftOut)); len(names) > 0 {
		return fmt.Errorf("model: tensor %q has type %s, which no parameter has", names[0], f.LeftOut[names[0]])
	}
	known := make(map[string]bool, len(n.parameters))
	for _, p := range n.parameters {
		a, ok := f.Tensors[p.Name]
		if !ok {
			return n.missing(p, f)
		}
		if !slices.Equal(a.Shape, p.Shape) {
			return fmt.Errorf("model: tensor %q has shape %v, want %v", p.Name, a.Shape, p.Shape)
		}
		if len(a.Data) != p.Value.Size() {
			return fmt.Errorf("model: tensor %q of shape %v has %d values", p.Name, a.Shape, len(a.Data))
		}
		if err := a.CheckFinite(); err != nil {
			return fmt.Errorf("model: tensor %q: %w", p.Name, err)
		}
		known[p.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(f.Tensors)) {
		if !known[name] && !strings.HasPrefix(name, trainPrefix) {
			return fmt.Errorf("model: tensor %q of shape %v is not in the network", name, f.Tensors[name].Shape)
		}
	}
	for _, p := range n.parameters {
		n.backend.Upload(p.Value, f.Tensors[p.Name].Data)
	}
	return nil
}

// missing is the error for a file without p. It names the tensor of f that p may
// have been renamed to: of those that the network does not have, the one with the
// most similar name.
func (n *Network) missing(p Parameter, f *File) error {
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(f.Tensors)) {
		if _, known := n.Parameter(name); !known && !strings.HasPrefix(name, trainPrefix) {
			unknown = append(unknown, name)
		}
	}
	err := fmt.Errorf("model: tensor %q is missing, want shape %v", p.Name, p.Shape)
	if similar := nearest.Word(p.Name, unknown); similar != "" {
		err = fmt.Errorf("%w; the file has %q of shape %v instead", err, similar, f.Tensors[similar].Shape)
	}
	return err
}

func notFinite(x float32) bool { return x-x != 0 }
