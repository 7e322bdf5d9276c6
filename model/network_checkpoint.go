package model

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// trainPrefix begins the names of tensors in a File that belong to training,
// such as an optimizer's state. Load ignores them.
const trainPrefix = "train/"

// Save adds all parameters to f, under their names. It waits for the backend and
// returns its error.
func (n *Network) Save(f *File) error {
	flat := make([]float32, n.values.Size())
	if err := n.backend.Download(flat, n.values); err != nil {
		return fmt.Errorf("model: saving parameters: %w", err)
	}
	if f.Tensors == nil {
		f.Tensors = make(map[string]Array, len(n.parameters))
	}
	for _, w := range n.parameters {
		from := w.Value.Off - n.values.Off
		to := from + w.Value.Size()
		f.Tensors[w.Name] = Array{Shape: w.Shape, Data: flat[from:to:to]}
	}
	return nil
}

// Load sets all parameters from f. It returns an error, and changes nothing, if a
// parameter is missing, has another shape or is not finite, or if f has a tensor
// that the network does not have, unless its name begins with "train/".
func (n *Network) Load(f *File) error {
	known := make(map[string]bool, len(n.parameters))
	for _, w := range n.parameters {
		a, ok := f.Tensors[w.Name]
		if !ok {
			return fmt.Errorf("model: tensor %q is missing, want shape %v", w.Name, w.Shape)
		}
		if !slices.Equal(a.Shape, w.Shape) {
			return fmt.Errorf("model: tensor %q has shape %v, want %v", w.Name, a.Shape, w.Shape)
		}
		if len(a.Data) != w.Value.Size() {
			return fmt.Errorf("model: tensor %q of shape %v has %d values", w.Name, a.Shape, len(a.Data))
		}
		if i := slices.IndexFunc(a.Data, notFinite); i >= 0 {
			return fmt.Errorf("model: tensor %q: value %d is %v", w.Name, i, a.Data[i])
		}
		known[w.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(f.Tensors)) {
		if !known[name] && !strings.HasPrefix(name, trainPrefix) {
			return fmt.Errorf("model: tensor %q of shape %v is not in the network", name, f.Tensors[name].Shape)
		}
	}
	for _, w := range n.parameters {
		n.backend.Upload(w.Value, f.Tensors[w.Name].Data)
	}
	return nil
}

func notFinite(x float32) bool {
	return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0)
}
