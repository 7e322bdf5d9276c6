package model

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gputrain/backend"
)

// trainPrefix begins the names of tensors in a File that belong to training,
// such as an optimizer's state. Load ignores them.
const trainPrefix = "train/"

// Save adds all parameters to f, under their names. It waits for the backend and
// returns its error.
func (n *Network) Save(f *File) error { return n.SaveValues(f, n.values) }

// SaveValues is Save with other values of the parameters. values is laid out as
// Values, such as a copy that was made earlier.
func (n *Network) SaveValues(f *File, values backend.Tensor) error {
	flat := make([]float32, n.values.Size())
	if err := n.backend.Download(flat, values); err != nil {
		return fmt.Errorf("model: saving parameters: %w", err)
	}
	if f.Tensors == nil {
		f.Tensors = make(map[string]Array, len(n.parameters))
	}
	for _, p := range n.parameters {
		from := p.Value.Off - n.values.Off
		to := from + p.Value.Size()
		f.Tensors[p.Name] = Array{Shape: p.Shape, Data: flat[from:to:to]}
	}
	return nil
}

// Load sets all parameters from f. It returns an error, and changes nothing, if a
// parameter is missing, has another shape or is not finite, or if f has a tensor
// that the network does not have, unless its name begins with "train/".
func (n *Network) Load(f *File) error {
	known := make(map[string]bool, len(n.parameters))
	for _, p := range n.parameters {
		a, ok := f.Tensors[p.Name]
		if !ok {
			return fmt.Errorf("model: tensor %q is missing, want shape %v", p.Name, p.Shape)
		}
		if !slices.Equal(a.Shape, p.Shape) {
			return fmt.Errorf("model: tensor %q has shape %v, want %v", p.Name, a.Shape, p.Shape)
		}
		if len(a.Data) != p.Value.Size() {
			return fmt.Errorf("model: tensor %q of shape %v has %d values", p.Name, a.Shape, len(a.Data))
		}
		if i := slices.IndexFunc(a.Data, notFinite); i >= 0 {
			return fmt.Errorf("model: tensor %q: value %d is %v", p.Name, i, a.Data[i])
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

func notFinite(x float32) bool {
	return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0)
}
