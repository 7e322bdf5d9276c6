package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestFilesOfNetworksThatMakeNoSense(t *testing.T) {
	const lstm = "[[layer]]\nkind = \"lstm\"\nhidden = 4\n"
	for _, test := range []struct{ file, want string }{
		{"", "net.toml: it has no layer"},
		{"layer = []", "net.toml: it has no layer"},
		{"hidden = 3\n" + lstm, `net.toml:1: unknown key "hidden", a network is a list of layers`},
		{"[[layers]]\nkind = \"lstm\"\n", `net.toml:1: unknown key "layers", did you mean "layer"?`},
		{"[[Layer]]\nkind = \"lstm\"\n", `net.toml:1: unknown key "Layer", did you mean "layer"?`},
		{"[layer]\nkind = \"lstm\"\n", "net.toml: "},
		{"layer = 3", "net.toml: line 1"},
		{"layer = [3]", "net.toml:1: layer 1 (no kind): kind is missing"},
		{"[[layer]]\n", "net.toml:1: layer 1 (no kind): kind is missing; it is one of lstm, gru"},
		{"[[layer]]\nkind = 3\n", "net.toml:2: layer 1 (no kind): kind is missing; it is one of lstm, gru"},
		{"[[layer]]\nhidden = 3\n", "net.toml:1: layer 1 (no kind): kind is missing"},
		{lstm + "\n# next\n[[layer]]\n  kind = \"desne\"", `net.toml:7: layer 2 (desne): kind is "desne", not one of`},
		{lstm + "[[layer]]\n  kind = \"desne\"", `did you mean "dense"?`},
		{lstm + "[[layer]]\nkind = \"embedding\"", `net.toml:5: layer 2 (embedding): kind is "embedding", which the command puts before the layers of a text: --embedding is its width`},
		{lstm + "hiden = 3\n", `net.toml:4: layer 1 (lstm): hiden is unknown, did you mean "hidden"?`},
		{lstm + "Dropout = 0.3\n", `net.toml:4: layer 1 (lstm): Dropout is unknown, did you mean "dropout"?`},
		{lstm + "frobnicate = 3\n", `net.toml:4: layer 1 (lstm): frobnicate is unknown, the keys are kind, name, hidden, layers, bidirectional`},
		{lstm + "layer.x = 3\n", `net.toml:1: layer 1 (lstm): layer is unknown, did you mean "layers"?`},
		{lstm + "hidden = 5\n", "net.toml: line 4 (last key \"layer.hidden\"): Key 'layer.hidden' has already been defined"},
		{lstm + "dropout = \"much\"\n", "net.toml: line 4 (last key \"layer.dropout\"): incompatible types"},
		{lstm + "dropout = nan\n", "net.toml:4: layer 1 (lstm): dropout is NaN"},
		{lstm + "zoneout = \"much\"\n", "much is no rate: one number or two"},
		{lstm + "peepholes = true\n[[layer]]\nkind = \"gru\"\nhidden = 3\npeepholes = true\n", "net.toml:8: layer 2 (gru): peepholes goes with lstm, lstm1997, not with gru"},
		{lstm + "[[layer]]\nkind = \"dense\"\n", "net.toml:4: layer 2 (dense): hidden is 0; it must be 1 to 10000000"},
		{lstm + "[[layer]]\nkind = \"dense\"\nhidden = 99999999999999999999\n", "net.toml: line 6"},
		{"[[layer]]\nkind = \"dense\"\nhidden = 3\n" + lstm + "[[layer]]\nkind = \"relu\"\ninit = \"orthogonal\"\n", "net.toml:9: layer 3 (relu): init goes with"},
		{lstm + "name = \"a.b\"\n", `net.toml:4: layer 1 (lstm): name is "a.b"; it must be letters, digits, - and _`},
		{lstm + "name = \"head\"\n", `net.toml:4: layer 1 (lstm): name is "head", but embedding, last and head are the names`},
		{lstm + "name = \"a\"\n" + lstm + "name = \"a\"\n", `net.toml:8: layer 2 (lstm): name is "a", as that of a layer before`},
		{"[[layer]]\nkind = \"head\"\n" + lstm, "net.toml:2: layer 1 (head): kind is head: the head, and no other layer, is the last one"},
		{"[[layer]]\nkind = \"last-step\"\n" + lstm, "net.toml:2: layer 1 (last-step): kind is last-step, but lstm behind it needs all time steps"},
		{"[[layer]]\nkind = \"last-step\"\n", "net.toml:2: layer 1 (last-step): kind is last-step, but there is only one time step there"},
		{lstm + strings.Repeat("[[layer]]\nkind = \"last-step\"\n", 2), "net.toml:7: layer 3 (last-step): kind is last-step, but there is only one time step there"},
		{lstm + "bidirectional = true\n[[layer]]\nkind = \"dense\"\nhidden = 3\n[[layer]]\nkind = \"last-step\"\n", "the two directions of lstm end at different steps, and are mixed here"},
		{lstm + "[[layer]]\nkind = \"lstm1997\"\nhidden = 3\n", "net.toml:5: layer 2 (lstm1997): kind is lstm1997, which gives no error to layers before, and so lstm could not learn"},
		{"[[layer]]\nkind = \"lstm\"\nhidden = 4\nlayers = 600\n[[layer]]\nkind = \"gru\"\nhidden = 4\nlayers = 600\n", "net.toml:8: layer 2 (gru): layers are more than 1000 in all"},
		{"[[layer]]\nkind = \"dense\"\nhidden = 4\n[[layer]]\nkind = \"dropout\"\n", "net.toml:4: layer 2 (dropout): dropout is 0; it must be more than 0"},
		{strings.Repeat("[[layer]]\nkind = \"relu\"\n", 3001), "net.toml: it has 3001 layers; it must be 1 to 3000"},
		{"layer = [{kind = \"lstm\", hidden = 4, peephole = true}]", `net.toml:1: layer 1 (lstm): peephole is unknown, did you mean "peepholes"?`},
		{lstm + "\xff", "net.toml: "},
		{"# \x00\n" + lstm, "net.toml: line 1"},
	} {
		stack, err := parseStack("net.toml", []byte(test.file), false)
		if err == nil || !strings.HasPrefix(err.Error(), "net.toml:") || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.200q: got %v, error %v; want %q", test.file, stack, err, test.want)
		} else if exitCode(err) != exitUsage {
			t.Errorf("%.200q: %v is no mistake of usage", test.file, err)
		}
	}
	for file, want := range map[string]string{
		lstm + "bidirectional = true\n":                "net.toml:4: layer 1 (lstm): bidirectional does not go with text",
		lstm + "[[layer]]\nkind = \"last-step\"\n":     "net.toml:5: layer 2 (last-step): kind is last-step, but a text is learned at every step",
		"[[layer]]\nkind = \"dense\"\nhidden = 4\n":    "net.toml:2: layer 1 (dense): kind is dense: a text needs a layer with a memory, such as lstm",
		"[[layer]]\nkind = \"lstm1997\"\nhidden = 4\n": "net.toml:2: layer 1 (lstm1997): kind is lstm1997, which gives no error to the embedding of a text",
	} {
		if _, err := parseStack("net.toml", []byte(file), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", file, err, want)
		}
	}
}

func TestLayersOfAFileGetTheirNames(t *testing.T) {
	const file = `
layer = [
	{kind = "gru", hidden = 3},
	{kind = "lstm", hidden = 3, name = "first"},
	{kind = "lstm", hidden = 3},
	{kind = "dense", hidden = 3},
	{kind = "relu"},
	{kind = "dense", hidden = 3, name = "narrow"},
	{kind = "dense", hidden = 3},
	{kind = "softmax"},
]`
	stack, err := parseStack("net.toml", []byte(file), false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range stack {
		names = append(names, l.Name)
	}
	want := []string{"gru", "first", "lstm1", "last", "hidden0", "relu0", "narrow", "hidden2", "softmax0", "head"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func FuzzNetworkFile(f *testing.F) {
	for _, text := range []string{
		"[[layer]]\nkind = \"lstm\"\nhidden = 4\nzoneout = [0.1, 0.2]\nlayers = 2\ndropout = 0.5\n",
		"[[layer]]\nkind = \"gru\"\nhidden = 4\nbidirectional = true\n[[layer]]\nkind = \"last-step\"\n[[layer]]\nkind = \"dense\"\nhidden = 3\n[[layer]]\nkind = \"head\"\nno-bias = true\n",
		"layer = [{kind = \"jordan\", hidden = 3, out = 2, decay = 0.5, output-activation = \"identity\"}]",
		"[[layer]]\nkind = \"lstm1997\"\nhidden = 4\ncells = 2\nforget-gates = true\n",
		"[[layer]]\nkind = \"fully-recurrent\"\nhidden = 4\nrtrl = true\nout = 1\nactivation = \"tanh\"\n",
		"[[layer]]\nname = 3\n[[layer]]\n[[layer.x]]\n",
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, ofText bool) {
		stack, err := parseStack("net.toml", []byte(text), ofText)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "net.toml:") {
				t.Errorf("error %q names no file", err)
			}
			return
		}
		// What is accepted is a network, and the same again when it is written.
		if spec := stackSpec(stack, 2, ofText); len(spec) != len(stack) {
			t.Errorf("%d stages of %d layers", len(spec), len(stack))
		}
		var written strings.Builder
		if err := toml.NewEncoder(&written).Encode(struct {
			Layer []layer `toml:"layer"`
		}{stack}); err != nil {
			t.Fatal(err)
		}
		again, err := parseStack("net.toml", []byte(written.String()), ofText)
		if err != nil || !reflect.DeepEqual(again, stack) {
			t.Errorf("%s\ncomes back as %+v, error %v; want %+v", written.String(), again, err, stack)
		}
	})
}
