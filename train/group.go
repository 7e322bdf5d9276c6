package train

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"gputrain/backend"
	"gputrain/internal/nearest"
	"gputrain/model"
)

// Group gives some parameters options of their own, as a parameter group of PyTorch's
// optimizers does. A parameter may be in several groups: then their LRFactors multiply,
// the last Optimizer counts, and it is frozen if one of them is.
type Group struct {
	// Parameters are the names of the parameters, or patterns of names such as
	// "lstm.*" (path.Match). Each must match one at least. nil means all.
	Parameters []string

	// Vectors leaves only those with fewer than two dimensions: biases, the gains of
	// layer norm, and peepholes. The usual exception from weight decay is
	//
	//	train.Group{Vectors: true, Optimizer: train.AdamW{}}
	//
	// The biases of Elman, Jordan, PartiallyRecurrent, FullyRecurrent and LSTM1997 are
	// columns of their weights, and so are not among them.
	Vectors bool

	LRFactor  float64   // of the learning rate; 0 means 1
	Optimizer Optimizer // nil means Options.Optimizer

	// Frozen parameters keep their values to the bit. They take no state of the
	// optimizer and have no part in ClipNorm, as with PyTorch's requires_grad=False. Unlike
	// there, their gradient is computed all the same.
	Frozen bool
}

func (g Group) check() error {
	if g.Parameters != nil && len(g.Parameters) == 0 {
		return errors.New("no Parameters are named: name some, or leave it nil for all")
	}
	if err := wantNotNegative("LRFactor", g.LRFactor); err != nil {
		return err
	}
	if g.Optimizer != nil {
		return g.Optimizer.Check()
	}
	return nil
}

// MatchNames returns the names that pattern matches, as in Group.Parameters. It returns
// an error that says what there is if pattern matches none.
func MatchNames(pattern string, names []string) ([]string, error) {
	var matches []string
	for _, name := range names {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return nil, fmt.Errorf("%q is no pattern of names: %w", pattern, err)
		}
		if ok {
			matches = append(matches, name)
		}
	}
	if len(matches) > 0 {
		return matches, nil
	}
	candidates := slices.Clone(names)
	for _, name := range names {
		stage, _, _ := strings.Cut(name, ".")
		candidates = append(candidates, stage+".*")
	}
	if near := nearest.Word(pattern, candidates); near != "" {
		return nil, fmt.Errorf("no parameter matches %q: did you mean %q?", pattern, near)
	}
	return nil, fmt.Errorf("no parameter matches %q: there are %s", pattern, strings.Join(names, ", "))
}

// treatment is how a parameter is updated.
type treatment struct {
	optimizer int // index of the group whose Optimizer it gets; −1 for Options.Optimizer
	factor    float64
	frozen    bool
}

// treatments returns those of the parameters of net.
func (o Options) treatments(net *model.Network) ([]treatment, error) {
	parameters := net.Parameters()
	names, all := make([]string, len(parameters)), make([]treatment, len(parameters))
	for i, p := range parameters {
		names[i], all[i] = p.Name, treatment{optimizer: -1, factor: 1}
	}
	for i, g := range o.Groups {
		chosen := names
		if g.Parameters != nil {
			chosen = nil
		}
		for _, pattern := range g.Parameters {
			matches, err := MatchNames(pattern, names)
			if err != nil {
				return nil, fmt.Errorf("option Groups, group %d: %w", i+1, err)
			}
			chosen = append(chosen, matches...)
		}
		for k, p := range parameters {
			if !slices.Contains(chosen, p.Name) || g.Vectors && len(p.Shape) > 1 {
				continue
			}
			t := &all[k]
			t.factor *= cmp.Or(g.LRFactor, 1)
			if g.Optimizer != nil {
				t.optimizer = i
			}
			t.frozen = t.frozen || g.Frozen
		}
	}
	if !slices.ContainsFunc(all, func(t treatment) bool { return !t.frozen }) {
		return nil, errors.New("option Groups: all parameters are Frozen: there is nothing to train")
	}
	return all, nil
}

// segment is a stretch of the flat parameters that are updated alike.
type segment struct {
	values, grads, average backend.Tensor   // [1, n]; average is absent without Options.EMA
	slots                  []backend.Tensor // of the optimizer, the same
	optimizer              Optimizer
	factor                 float64 // of the learning rate
}

// placed is a treatment of the elements from up to, not including, to of the flat
// parameters.
type placed struct {
	treatment
	from, to int
}

// stretches joins neighbours with the same treatment.
func stretches(net *model.Network, all []treatment) []placed {
	parameters, values := net.Parameters(), net.Values()
	var joined []placed
	for i, t := range all {
		from, to := parameters[i].Value.Off-values.Off, values.Size()
		if i+1 < len(all) {
			to = parameters[i+1].Value.Off - values.Off
		}
		if last := len(joined) - 1; last >= 0 && joined[last].treatment == t {
			joined[last].to = to
			continue
		}
		joined = append(joined, placed{t, from, to})
	}
	return joined
}

// divide divides the parameters into segments and allocates the optimizers' state.
func (t *Trainer) divide(all []treatment) {
	o, trained, slots := &t.options, 0, 0
	joined := stretches(t.net, all)
	for _, p := range joined {
		if !p.frozen {
			trained += p.to - p.from
			slots = max(slots, o.optimizer(p.optimizer).Slots())
		}
	}
	for range slots {
		t.slots = append(t.slots, t.memory.tensor(1, trained))
	}
	if t.memory.err != nil {
		return
	}
	first := 0 // element of the slots
	for _, p := range joined {
		if p.frozen {
			t.frozen = append(t.frozen, stretch(t.net.Grads(), p.from, p.to))
			continue
		}
		s := segment{
			values: stretch(t.net.Values(), p.from, p.to), grads: stretch(t.net.Grads(), p.from, p.to),
			optimizer: o.optimizer(p.optimizer), factor: p.factor,
		}
		if t.average.Present() {
			s.average = stretch(t.average, p.from, p.to)
		}
		size := p.to - p.from
		for _, slot := range t.slots[:s.optimizer.Slots()] {
			s.slots = append(s.slots, stretch(slot, first, first+size))
		}
		first += size
		t.segments = append(t.segments, s)
	}
}

// optimizer returns that of a group, or the one for all if group is −1.
func (o *Options) optimizer(group int) Optimizer {
	if group < 0 {
		return o.Optimizer
	}
	return o.Groups[group].Optimizer
}

// stretch returns the elements from up to, not including, to of flat, [1, n].
func stretch(flat backend.Tensor, from, to int) backend.Tensor {
	return flat.Reshape(flat.Size(), 1).Slice(from, to).Reshape(1, to-from)
}
