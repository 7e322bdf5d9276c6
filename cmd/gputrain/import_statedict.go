package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gputrain/internal/inputfile"
	"gputrain/model"
)

// stateDict is what PyTorch calls the parameters of a module by their names.
type stateDict struct {
	path      string
	tensors   map[string]model.Array
	converted map[string]string // the types of those that were not float32
	leftOut   map[string]string // the types of those that are no floating-point numbers
}

// headName is the stage that computes the outputs.
const headName = "head"

// readStateDict reads the tensors whose names begin with prefix, and leaves that out.
func readStateDict(path, prefix string) (*stateDict, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	const widest = 2 // bytes in memory for a byte of F16
	if err := checkMemory(path, need{"its tensors as float32", widest * info.Size()}); err != nil {
		return nil, err
	}
	file, err := readModelFile(path)
	if err != nil {
		return nil, cmp.Or(foreign(path), err)
	}
	d := &stateDict{path: path, tensors: map[string]model.Array{}, converted: map[string]string{}, leftOut: map[string]string{}}
	for name, tensor := range file.Tensors {
		if rest, found := strings.CutPrefix(name, prefix); found {
			d.tensors[rest], d.converted[rest] = tensor, file.Converted[name]
		}
	}
	for name, kind := range file.LeftOut {
		if rest, found := strings.CutPrefix(name, prefix); found {
			d.leftOut[rest] = kind
		}
	}
	if len(d.tensors) == 0 {
		names := slices.Sorted(maps.Keys(file.Tensors))
		if len(names) == 0 {
			return nil, fmt.Errorf("%s has no tensors", path)
		}
		return nil, fmt.Errorf("%s: no name begins with the --prefix %s; the names are %s", path, prefix, some(names))
	}
	return d, nil
}

// foreign returns an error for a file of another kind, with the lines of Python that
// convert it.
func foreign(path string) error {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	start := make([]byte, 4)
	n, _ := io.ReadFull(file, start)
	extension := filepath.Ext(path)
	out := strconv.Quote(strings.TrimSuffix(path, extension) + ".safetensors")
	switch text := string(start[:n]); {
	case extension == ".onnx":
		return fmt.Errorf("%s is an ONNX model, which is a graph and no state dict; where it was exported from, these lines of Python write one: "+
			"from safetensors.torch import save_file; save_file(module.state_dict(), %s)", path, out)
	case strings.HasPrefix(text, "PK\x03\x04"), strings.HasPrefix(text, "\x80"): // what torch.save writes, and wrote before 2020
		return fmt.Errorf("%s is a file of Python objects; these lines of Python convert it: "+
			"import torch, safetensors.torch; safetensors.torch.save_file(torch.load(%q, map_location=\"cpu\", weights_only=True), %s)", path, path, out)
	}
	return nil
}

// below returns the beginning of the names of what a module called name has.
func below(name string) string {
	if name == "" {
		return ""
	}
	return strings.TrimSuffix(name, ".") + "."
}

// has reports whether there is a tensor whose name begins with prefix.
func (d *stateDict) has(prefix string) bool {
	for name := range d.tensors {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// modules returns the beginnings of the names that end in suffix and have two
// dimensions, in natural order: 2.weight before 10.weight.
func (d *stateDict) modules(suffix string) []string {
	var modules []string
	for name, tensor := range d.tensors {
		module, found := strings.CutSuffix(name, suffix)
		if found && len(tensor.Shape) == 2 && (module == "" || strings.HasSuffix(module, ".")) {
			modules = append(modules, module)
		}
	}
	slices.SortFunc(modules, natural)
	return modules
}

var number = regexp.MustCompile(`[0-9]+`)

// natural compares names with their numbers as numbers.
func natural(a, b string) int {
	padded := func(name string) string {
		const digits = 20
		return number.ReplaceAllStringFunc(name, func(n string) string { return strings.Repeat("0", max(0, digits-len(n))) + n })
	}
	return strings.Compare(padded(a), padded(b))
}

// module returns the beginning of the names of a part of our network: the one that
// rename says, or that has the part's own name, or the only one with suffix.
func (d *stateDict) module(part, suffix string, rename map[string]string) (string, error) {
	if theirs, renamed := rename[part]; renamed {
		return below(theirs), nil
	}
	found := d.modules(suffix)
	if own := below(part); slices.Contains(found, own) || len(found) == 0 {
		return own, nil
	}
	if len(found) > 1 {
		return "", usagef("%s has %s: say which is the %s, as in --rename %s=%s", d.path, some(found), part, part, strings.TrimSuffix(found[0], "."))
	}
	return found[0], nil
}

// places returns for each stage of spec the beginning of the names of its parameters.
func (d *stateDict) places(spec model.Spec, rename map[string]string) (map[string]string, error) {
	places := map[string]string{}
	var linear []string // stages that have no place yet
	for _, stage := range spec {
		switch layer := stage.Layer.(type) {
		case model.LSTM, model.GRU, model.RNN:
			place, err := d.module(stage.Name, "weight_ih_l0", rename)
			if err != nil {
				return nil, err
			}
			places[stage.Name] = place
		default:
			theirs, renamed := rename[stage.Name]
			switch {
			case len(layer.Parameters(model.Shape{Steps: 1, Batch: 1, Width: 1})) == 0:
			case renamed:
				places[stage.Name] = below(theirs)
			case d.has(below(stage.Name)):
				places[stage.Name] = below(stage.Name)
			default:
				linear = append(linear, stage.Name)
			}
		}
	}
	for _, part := range slices.Sorted(maps.Keys(rename)) {
		if _, known := places[part]; !known {
			return nil, usagef("--rename: there is no part %q: our network has %s", part, strings.Join(slices.Concat(slices.Sorted(maps.Keys(places)), linear), ", "))
		}
	}
	left := slices.DeleteFunc(d.modules("weight"), func(module string) bool {
		return slices.Contains(slices.Collect(maps.Values(places)), module)
	})
	if len(left) > len(linear) && len(linear) > 0 {
		return nil, usagef("%s has %s: say which is the %s, as in --rename %s=%s", d.path, some(left), linear[0], linear[0], strings.TrimSuffix(left[0], "."))
	}
	for i, stage := range linear {
		places[stage] = below(stage)
		if i < len(left) {
			places[stage] = left[i]
		}
	}
	return places, nil
}

// sizes are what the tensors of a network say about it. What no tensor says is that of
// the settings' defaults, or 0 for the width.
type sizes struct {
	width, hidden, layers int
	options               layerOptions // that have parameters
}

// sizes returns the sizes of a network of a kind.
func (d *stateDict) sizes(kind string, rename map[string]string) (sizes, error) {
	if kind == "mlp" {
		return d.sizesMLP(rename)
	}
	module, err := d.module(kind, "weight_ih_l0", rename)
	if err != nil {
		return sizes{}, err
	}
	ih, hh := d.tensors[module+"weight_ih_l0"].Shape, d.tensors[module+"weight_hh_l0"].Shape
	if len(ih) != 2 || len(hh) != 2 || ih[0] != hh[0] || ih[1] == 0 || hh[1] == 0 {
		return sizes{}, fmt.Errorf("%s: no recurrent module: it wants %q and %q, two matrices with as many rows; the names are %s",
			d.path, module+"weight_ih_l0", module+"weight_hh_l0", some(slices.Sorted(maps.Keys(d.tensors))))
	}
	has := func(name string) bool { return len(d.tensors[module+name].Shape) > 0 }
	s := sizes{width: ih[1], hidden: hh[1], layers: 1, options: layerOptions{
		Bidirectional: has("weight_ih_l0_reverse"), Peepholes: has("weight_peep_l0"), LayerNorm: has("weight_norm_ih_l0"),
	}}
	if hr := d.tensors[module+"weight_hr_l0"].Shape; len(hr) == 2 {
		s.options.Projection, s.hidden = hr[0], hr[1]
	}
	gates := map[string]int{"rnn": 1, "gru": 3, "lstm": 4}
	if ih[0] != gates[kind]*s.hidden {
		for other, n := range gates {
			if ih[0] == n*s.hidden {
				return sizes{}, fmt.Errorf("%s: %q of shape %v is not of %s but of %s: say --as %s", d.path, module+"weight_ih_l0", ih, article(kind), article(other), other)
			}
		}
	}
	for d.has(fmt.Sprintf("%sweight_ih_l%d", module, s.layers)) && s.layers < maxLayers {
		s.layers++
	}
	return s, nil
}

// article returns a kind of network with its article.
func article(kind string) string {
	if kind == "gru" {
		return "a gru"
	}
	return "an " + kind
}

// sizesMLP returns the sizes of a stack of Linear modules.
func (d *stateDict) sizesMLP(rename map[string]string) (sizes, error) {
	modules := d.modules("weight")
	own := func(i int) string { return fmt.Sprintf("hidden%d", i) }
	if _, renamed := rename[own(0)]; renamed || d.has(below(own(0))) {
		modules = nil
		for i := 0; ; i++ {
			theirs, renamed := rename[own(i)]
			if !renamed && !d.has(below(own(i))) {
				break
			}
			modules = append(modules, below(cmp.Or(theirs, own(i))))
		}
		modules = append(modules, below(cmp.Or(rename[headName], headName)))
	}
	if len(modules) < 2 {
		return sizes{}, fmt.Errorf("%s: an mlp has at least two Linear modules, a hidden layer and the head; the names are %s", d.path, some(slices.Sorted(maps.Keys(d.tensors))))
	}
	first := d.tensors[modules[0]+"weight"].Shape
	for i, module := range modules[:len(modules)-1] {
		shape := d.tensors[module+"weight"].Shape
		if len(shape) != 2 || shape[0] == 0 || len(first) != 2 || shape[0] != first[0] || i > 0 && shape[1] != first[0] {
			return sizes{}, fmt.Errorf("%s: %q has shape %v behind %q of shape %v: all hidden layers of our mlp have the same size; if the order is another one, --rename gives it, as in --rename hidden0=first,head=last",
				d.path, module+"weight", shape, modules[max(0, i-1)]+"weight", d.tensors[modules[max(0, i-1)]+"weight"].Shape)
		}
	}
	return sizes{width: 0, hidden: first[0], layers: len(modules) - 1}, nil
}

// matched says which tensors of a state dict the parameters of a network are.
type matched struct {
	from  map[string]string // the name of the tensor for a parameter
	zero  map[string]bool   // biases that are missing beside their weights
	lines []string          // what is said of each

	missing, misshapen, left []string
}

// match looks for the parameters in dict.
func match(dict *stateDict, parameters []model.Parameter, places map[string]string) *matched {
	m := &matched{from: map[string]string{}, zero: map[string]bool{}}
	taken := map[string]bool{}
	for _, p := range parameters {
		stage, name, _ := strings.Cut(p.Name, ".")
		theirs := places[stage] + name
		tensor, there := dict.tensors[theirs]
		title := fmt.Sprintf("%s %v", p.Name, p.Shape)
		_, weighted := dict.tensors[places[stage]+strings.Replace(name, "bias", "weight", 1)]
		switch {
		case there && slices.Equal(tensor.Shape, p.Shape):
			m.from[p.Name], taken[theirs] = theirs, true
			line := title + " is " + theirs
			if kind := dict.converted[theirs]; kind != "" {
				line += ", converted from " + kind
			}
			m.lines = append(m.lines, line)
		case there:
			taken[theirs] = true
			m.misshapen = append(m.misshapen, fmt.Sprintf("%s of shape %v, want %v", theirs, tensor.Shape, p.Shape))
			m.lines = append(m.lines, fmt.Sprintf("%s begins as in train: %s has shape %v", title, theirs, tensor.Shape))
		case weighted && strings.HasPrefix(name, "bias"):
			m.zero[p.Name] = true
			m.missing = append(m.missing, fmt.Sprintf("%s %v", theirs, p.Shape))
			m.lines = append(m.lines, title+" is 0, as with bias=False: there is no "+theirs)
		default:
			m.missing = append(m.missing, fmt.Sprintf("%s %v", theirs, p.Shape))
			m.lines = append(m.lines, title+" begins as in train: there is no "+theirs)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(dict.tensors)) {
		if !taken[name] {
			title := fmt.Sprintf("%s %v", name, dict.tensors[name].Shape)
			m.left = append(m.left, title)
			m.lines = append(m.lines, title+" is left out")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(dict.leftOut)) {
		title := name + " of " + dict.leftOut[name]
		m.left, m.lines = append(m.left, title), append(m.lines, title+" is left out")
	}
	return m
}

// check returns an error unless all fits, or part of it if that is enough.
func (m *matched) check(partial bool) error {
	var faults []string
	for _, fault := range []struct {
		what  string
		names []string
	}{{"missing: ", m.missing}, {"of another shape: ", m.misshapen}, {"not in the network: ", m.left}} {
		if len(fault.names) > 0 {
			faults = append(faults, fault.what+some(fault.names))
		}
	}
	switch {
	case len(faults) == 0 || partial && len(m.from) > 0:
		return nil
	case partial:
		return fmt.Errorf("no tensor fits; %s", strings.Join(faults, "; "))
	}
	return fmt.Errorf("%s; --partial takes what fits", strings.Join(faults, "; "))
}

// permuted returns a with its rows in another order.
func permuted(a model.Array, order []int) model.Array {
	size := len(a.Data) / len(order)
	p := model.Array{Shape: a.Shape, Data: make([]float32, 0, len(a.Data))}
	for _, row := range order {
		p.Data = append(p.Data, a.Data[row*size:(row+1)*size]...)
	}
	return p
}
