package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gputrain/model"
)

type importCommand struct {
	File string `arg:"" placeholder:"FILE" help:"The state dict, a safetensors file."`
	Out  string `required:"" placeholder:"FILE" help:"Where to write the model, a safetensors file."`

	As      string            `placeholder:"KIND" help:"What it is of: lstm, gru, rnn or mlp. The sizes are those of its tensors."`
	Data    string            `placeholder:"SOURCE" help:"With --as: the data that it learned from, as for train. They give the features, their scaling and the classes."`
	Target  columnNames       `sep:"none" placeholder:"COLUMN" help:"As for train."`
	Scaling string            `default:"learned" help:"learned: the features are scaled as train would, by the training part of the data. none: the network takes them as they are."`
	Like    string            `placeholder:"RUN" help:"Instead of --as and --data: the run or model file whose network, features, scaling and classes it has."`
	Classes []string          `placeholder:"NAME" help:"The classes in the order of its outputs; by default the order of train."`
	Prefix  string            `placeholder:"TEXT" help:"Take only tensors whose names begin so, without it, such as model. or module."`
	Rename  map[string]string `mapsep:"," placeholder:"OURS=THEIRS" help:"What a part of our network is called there, such as head=fc."`
	Partial bool              `help:"Take what fits. Parameters that are missing or have another shape begin as in train, missing biases at 0; what is left over is left out."`
	Seed    int64             `default:"1" help:"Seed of parameters that are missing."`
	Quiet   bool              `help:"Print nothing."`
}

// Help is what "gputrain import --help" says in more detail.
func (*importCommand) Help() string {
	return `Makes a model that eval, predict and train --init-from take. Each parameter is said, with the tensor that it is and a type that was converted to float32.

Our networks have the parts lstm, gru or rnn, then head, or hidden0, hidden1, ... and head; between the layers of an mlp is ReLU, in an rnn tanh. A state dict with the names of PyTorch's own modules is recognized: the recurrent module by weight_ih_l0, the Linear modules in the order of their names. --rename says what is meant otherwise; THEIRS is empty for a module that was saved alone.

PyTorch's .pt files hold Python objects. For one of those, the command says the lines of Python that convert it. docs/pytorch.md walks through all this.`
}

// Run makes a model of a state dict.
func (c *importCommand) Run(con console) error {
	if c.Quiet {
		con.err = io.Discard
	}
	if err := c.check(); err != nil {
		return err
	}
	dict, err := readStateDict(c.File, c.Prefix)
	if err != nil {
		return err
	}
	d, notes, err := c.describe(dict)
	if err != nil {
		return err
	}
	order, err := c.outputOrder(d)
	if err != nil {
		return err
	}
	places, err := dict.places(d.spec(), c.Rename)
	if err != nil {
		return err
	}
	file, more, err := c.take(dict, d, places, order)
	if err != nil {
		return err
	}
	if err := file.Write(c.Out); err != nil {
		return err
	}
	end := fmt.Sprintf("%s: %s, which eval, predict and train --init-from take", c.Out, d.network())
	for _, line := range slices.Concat(notes, more, []string{end}) {
		if err := printLine(con.err, line); err != nil {
			return err
		}
	}
	return nil
}

// check reports flags that are wrong or contradict each other.
func (c *importCommand) check() error {
	switch {
	case (c.As == "") == (c.Like == ""):
		return usagef("one of --as and --like must say what %s is of", c.File)
	case c.As != "" && c.Data == "":
		return usagef("--data is missing: the data that it learned from give the features and the classes")
	case c.Like != "" && (c.Data != "" || len(c.Target) > 0 || c.Scaling != "learned"):
		return usagef("--like has the data and the scaling of its run: --data, --target and --scaling are for --as")
	case c.Seed < 0:
		return outOfRange("seed", c.Seed, "0 or more")
	}
	if c.As != "" {
		if err := checkOneOf("as", c.As, plainKinds()); err != nil {
			return err
		}
	}
	if err := checkOneOf("scaling", c.Scaling, []string{"learned", "none"}); err != nil {
		return err
	}
	return checkAbsent("out", c.Out)
}

// describe returns what the model is to be, and notes on the data.
func (c *importCommand) describe(dict *stateDict) (*description, []string, error) {
	if c.Like != "" {
		name, err := findRun(c.Like)
		if err != nil {
			return nil, nil, err
		}
		d, _, err := readModel(name)
		if err != nil {
			return nil, nil, err
		}
		return d.withoutErrors(), nil, nil
	}
	if from, err := parseSource(c.Data); err == nil && from.isSeries() {
		return nil, nil, usagef("--data is %q, but series do not say what the inputs of the network were: give a run with the same columns and window as --like", c.Data)
	}
	var s settings
	if err := kong.ApplyDefaults(&s); err != nil {
		return nil, nil, err
	}
	s.Data, s.Target, s.Model = c.Data, c.Target, c.As
	if err := s.check(); err != nil {
		return nil, nil, err
	}
	sizes, err := dict.sizes(c.As, c.Rename)
	if err != nil {
		return nil, nil, err
	}
	s.Hidden, s.Layers, s.layerOptions = sizes.hidden, sizes.layers, sizes.options
	from, err := parseSource(s.Data)
	if err != nil {
		return nil, nil, err
	}
	if from.kind == "text" {
		return nil, nil, usagef("--data is %q, but a text does not say which id its units had: give a run with the same vocabulary as --like", s.Data)
	}
	parts, err := from.load(s.tableChoice(), nil)
	if err != nil {
		return nil, nil, err
	}
	features := parts.train.Steps * parts.train.Width
	if sizes.width > 0 && features%sizes.width != 0 {
		return nil, nil, fmt.Errorf("%s takes %s at a time, but a sample of %v has %d", c.File, plural(sizes.width, "feature", "features"), from, features)
	}
	if sizes.width > 0 {
		s.Steps = features / sizes.width
	}
	d, err := s.describe(from, parts)
	if err != nil {
		return nil, nil, err
	}
	notes := slices.Concat(parts.notes, understood(parts))
	if c.Scaling == "none" {
		d.Shift, d.Factor = []float64{0}, []float64{1}
		for i := range d.Targets {
			d.TargetShift[i], d.TargetFactor[i] = 0, 1
		}
	} else {
		notes = append(notes, "the features are scaled as train does; if the network learned from them as they are, say --scaling none")
	}
	return d, notes, nil
}

// outputOrder returns, for each class of d, its place among the outputs of the state
// dict.
func (c *importCommand) outputOrder(d *description) ([]int, error) {
	switch {
	case c.Classes != nil && d.ofText():
		return nil, usagef("--classes is set, but the outputs are those of a vocabulary, in its order")
	case c.Classes != nil && d.Targets != nil:
		return nil, usagef("--classes is for classes, but the model gives %s", d.outputsKind())
	}
	order := make([]int, d.outputs())
	for i := range order {
		order[i] = i
	}
	for i, class := range d.Classes {
		order[i] = i
		if c.Classes != nil {
			order[i] = slices.Index(c.Classes, class)
		}
	}
	if c.Classes != nil && (len(c.Classes) != len(order) || slices.Contains(order, -1)) {
		return nil, fmt.Errorf("--classes: %w", d.otherClasses(c.Classes))
	}
	return order, nil
}

// take returns the model with the tensors of dict, and a line for each.
func (c *importCommand) take(dict *stateDict, d *description, places map[string]string, order []int) (*model.File, []string, error) {
	b, err := openCPU()
	if err != nil {
		return nil, nil, err
	}
	defer b.Close()
	net, err := model.New(b, d.spec(), d.input(1), model.Options{})
	if err != nil {
		return nil, nil, tooLarge(err)
	}
	if err := checkMemory("import", need{"the initial values", initBytes(net)}); err != nil {
		return nil, nil, err
	}
	net.Init(uint64(c.Seed))
	file, err := d.newFile()
	if err != nil {
		return nil, nil, err
	}
	if err := net.Save(file); err != nil {
		return nil, nil, err
	}
	m := match(dict, net.Parameters(), places)
	if err := m.check(c.Partial); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.File, err)
	}
	for _, p := range net.Parameters() {
		theirs, taken := m.from[p.Name]
		switch {
		case taken && strings.HasPrefix(p.Name, headName+"."):
			file.Tensors[p.Name] = permuted(dict.tensors[theirs], order)
		case taken:
			file.Tensors[p.Name] = dict.tensors[theirs]
		case m.zero[p.Name]:
			clear(file.Tensors[p.Name].Data)
		}
	}
	if err := net.Load(file); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.File, err)
	}
	lines := m.lines
	if _, taken := m.from[headName+".weight"]; taken && !d.ofText() {
		names := make([]string, len(order))
		for i, at := range order {
			names[at] = d.outputNames()[i]
		}
		remedy := "if not, say --classes"
		switch d.task() {
		case taskRegress:
			remedy = "scaled as the model describes it"
		case taskMultilabel:
			remedy = "each a logit"
		}
		lines = append(lines, "the outputs stand for "+some(names)+", in this order; "+remedy)
	}
	return file, lines, nil
}
