package main

import (
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// parsedSettings returns the settings of a command line of train.
func parsedSettings(t *testing.T, line string) *settings {
	t.Helper()
	ctx, err := parse(append([]string{"train"}, strings.Fields(line)...), console{out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	s := &ctx.Selected().Target.Addr().Interface().(*trainCommand).settings
	if err := s.check(); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return s
}

// trainedBytes returns the parameters of a network after a step.
func trainedBytes(t *testing.T, spec model.Spec) *model.File {
	t.Helper()
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, spec, model.Shape{Steps: 4, Batch: 2, Width: 2}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 1, Batch: 2, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	set := &data.Dataset{Steps: 4, Width: 2, X: make([]float32, 16), Labels: []int32{0, 1}, Classes: []string{"a", "b"}}
	for i := range set.X {
		set.X[i] = float32(i%5) - 2
	}
	trainer.Step(data.NewBatches(set, 2).Batch(0))
	file := &model.File{}
	if err := net.Save(file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFlagsMakeTheNetworksOfTheLibrary(t *testing.T) {
	last, head := model.Stage{Name: "last", Layer: model.LastStep{}}, model.Stage{Name: "head", Layer: model.Dense{Out: 2}}
	with := func(name string, layer model.Layer) model.Spec {
		return model.Spec{{Name: name, Layer: layer}, last, head}
	}
	for line, want := range map[string]model.Spec{
		"--model lstm": with("lstm", model.LSTM{Hidden: 3, Layers: 1}),
		"--bidirectional": {{Name: "lstm", Layer: model.LSTM{Hidden: 3, Layers: 1, Bidirectional: true}},
			{Name: "last", Layer: model.LastStep{Bidirectional: true}}, head},
		"--layers 2 --dropout 0.25": with("lstm", model.LSTM{Hidden: 3, Layers: 2, Dropout: 0.25}),
		"--projection 2":            with("lstm", model.LSTM{Hidden: 3, Layers: 1, Projection: 2}),
		"--peepholes":               with("lstm", model.LSTM{Hidden: 3, Layers: 1, Peepholes: true}),
		"--layer-norm":              with("lstm", model.LSTM{Hidden: 3, Layers: 1, LayerNorm: true}),
		"--zoneout 0.5":             with("lstm", model.LSTM{Hidden: 3, Layers: 1, ZoneoutHidden: 0.5}),
		"--zoneout 0.5,0.25":        with("lstm", model.LSTM{Hidden: 3, Layers: 1, ZoneoutHidden: 0.5, ZoneoutCell: 0.25}),
		"--zoneout 0,0.25":          with("lstm", model.LSTM{Hidden: 3, Layers: 1, ZoneoutCell: 0.25}),
		"--forget-bias 1.5":         with("lstm", model.LSTM{Hidden: 3, Layers: 1, ForgetBias: 1.5}),
		"--bptt-window 2":           with("lstm", model.LSTM{Hidden: 3, Layers: 1, Window: 2}),
		"--model gru --layers 2 --dropout 0.5 --bidirectional": {{Name: "gru", Layer: model.GRU{Hidden: 3, Layers: 2, Dropout: 0.5, Bidirectional: true}},
			{Name: "last", Layer: model.LastStep{Bidirectional: true}}, head},
		"--model rnn --activation relu":   with("rnn", model.RNN{Hidden: 3, Layers: 1, ReLU: true}),
		"--model rnn --activation tanh":   with("rnn", model.RNN{Hidden: 3, Layers: 1}),
		"--model rnn --bptt-window 3":     with("rnn", model.RNN{Hidden: 3, Layers: 1, Window: 3}),
		"--model grid-lstm --layers 2":    with("grid-lstm", model.GridLSTM{Hidden: 3, Layers: 2}),
		"--model lstm1997 --peepholes":    with("lstm1997", model.LSTM1997{Blocks: 3, Cells: 1, Peepholes: true}),
		"--model elman --activation tanh": with("elman", model.Elman{Hidden: 3, Activation: model.Tanh}),
		"--model elman --bptt-window 4":   with("elman", model.Elman{Hidden: 3, Window: 4}),
		"--model partially-recurrent":     with("partially-recurrent", model.PartiallyRecurrent{Hidden: 3}),
		"--model fully-recurrent --rtrl":  with("fully-recurrent", model.FullyRecurrent{Hidden: 3, Gradient: model.RTRL}),
		"--model fully-recurrent":         with("fully-recurrent", model.FullyRecurrent{Hidden: 3}),
		"--model elman --layers 2":        {{Name: "elman0", Layer: model.Elman{Hidden: 3}}, {Name: "elman1", Layer: model.Elman{Hidden: 3}}, last, head},
		"--init orthogonal": {{Name: "lstm", Layer: model.LSTM{Hidden: 3, Layers: 1}, Init: model.Orthogonal}, last,
			{Name: "head", Layer: model.Dense{Out: 2}, Init: model.Orthogonal}},
	} {
		s := parsedSettings(t, "--hidden 3 "+line)
		stack, err := s.stack()
		if err != nil {
			t.Fatal(err)
		}
		d := &description{Classes: []string{"a", "b"}}
		d.setStack(stack)
		if got := d.spec(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", line, got, want)
			continue
		}
		if !reflect.DeepEqual(trainedBytes(t, d.spec()), trainedBytes(t, want)) {
			t.Errorf("%s: it learns something else", line)
		}
	}
}

func TestFlagsOfAnMLP(t *testing.T) {
	d := &description{Classes: []string{"a", "b"}}
	stack, err := parsedSettings(t, "--model mlp --hidden 3 --layers 2 --activation tanh --dropout 0.5 --init xavier-normal").stack()
	if err != nil {
		t.Fatal(err)
	}
	d.setStack(stack)
	dense := func(name string, out int) model.Stage {
		return model.Stage{Name: name, Layer: model.Dense{Out: out}, Init: model.XavierNormal}
	}
	want := model.Spec{
		dense("hidden0", 3), {Name: "tanh0", Layer: model.Tanh}, {Name: "dropout0", Layer: model.Dropout{Rate: 0.5}},
		dense("hidden1", 3), {Name: "tanh1", Layer: model.Tanh}, {Name: "dropout1", Layer: model.Dropout{Rate: 0.5}},
		dense("head", 2),
	}
	if got := d.spec(); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// Files of before had no stack, and those of such networks still have none.
func TestPlainNetworksHaveNoStack(t *testing.T) {
	for _, line := range []string{"", "--model gru --layers 3", "--model rnn --activation tanh --hidden 5", "--model mlp --layers 2", "--zoneout 0", "--model mlp --activation relu", "--layers 1000", "--model mlp --layers 1000"} {
		s := parsedSettings(t, line)
		stack, err := s.stack()
		if err != nil {
			t.Fatal(err)
		}
		var d description
		if d.setStack(stack); d.Stack != nil || d.Model != s.Model || d.Hidden != s.Hidden || d.Layers != s.Layers {
			t.Errorf("%q: %+v", line, d)
		}
		if !reflect.DeepEqual(d.layers(), stack) {
			t.Errorf("%q: the stack comes back as %+v, want %+v", line, d.layers(), stack)
		}
	}
}

func TestOptionsOfTheNetworkThatMakeNoSense(t *testing.T) {
	skipUnderRace(t)
	for line, want := range map[string]string{
		"--model gru --peepholes":                        "--peepholes goes with --model lstm, lstm1997, not with gru",
		"--model gru --bptt-window 3":                    "--bptt-window goes with --model lstm, rnn, elman, partially-recurrent, fully-recurrent, not with gru",
		"--model mlp --bidirectional":                    "--bidirectional goes with --model lstm, gru, rnn, not with mlp",
		"--model elman --dropout 0.1":                    "--dropout goes with --model lstm, gru, rnn, mlp, not with elman",
		"--activation tanh":                              "--activation goes with --model rnn, mlp, elman, partially-recurrent, fully-recurrent, not with lstm",
		"--model rnn --activation sigmoid":               `--activation is "sigmoid", not one of tanh, relu`,
		"--model mlp --activation identity":              `--activation is "identity", not one of relu, tanh, sigmoid`,
		"--rtrl":                                         "--rtrl goes with --model fully-recurrent, not with lstm",
		"--dropout 0.1":                                  "--dropout is 0.1, but acts between the layers of the lstm, which has one",
		"--layers 2 --dropout 1":                         "--dropout is 1; it must be 0 or more and less than 1",
		"--layers 2 --dropout nan":                       "--dropout is NaN",
		"--layers 2 --dropout -0.1":                      "--dropout is -0.1",
		"--projection 64":                                "--projection is 64; it must be less than the hidden units, 1 to 63, or 0 for none",
		"--projection -1":                                "--projection is -1",
		"--peepholes --projection 3":                     "--peepholes does not go with projection",
		"--peepholes --layer-norm":                       "--peepholes does not go with layer-norm",
		"--peepholes --zoneout 0.1":                      "--peepholes does not go with zoneout",
		"--bptt-window 2 --zoneout 0.1":                  "--bptt-window is 2, which does not go with zoneout",
		"--bptt-window -2":                               "--bptt-window is -2",
		"--zoneout 0.1,0.2,0.3":                          "--zoneout is 0.1,0.2,0.3; it must be one or two rates",
		"--zoneout 1":                                    "--zoneout is 1; it must be one or two rates",
		"--zoneout nan":                                  "--zoneout is NaN",
		"--zoneout a":                                    `--zoneout is "a"; it must be a number`,
		"--forget-bias inf":                              "--forget-bias is +Inf",
		"--forget-bias 1e300":                            "--forget-bias is 1e+300",
		"--init orthogonl":                               `--init is "orthogonl", not one of xavier-uniform, xavier-normal, kaiming-uniform, kaiming-normal, orthogonal; did you mean "orthogonal"?`,
		"--model elman --init orthogonal":                "--init goes with --model lstm, gru, rnn, mlp, grid-lstm, not with elman",
		"--model lstm1997 --layers 2":                    "--layers is 2; it must be 1: lstm1997 gives no error to a layer before it",
		"--model fully-recurrent --rtrl --layers 2":      "--layers is 2; it must be 1",
		"--model fully-recurrent --rtrl --bptt-window 2": "--bptt-window is 2, but rtrl looks at all of the past",
		"--layers 1001":                                  "--layers is 1001; it must be 1 to 1000",
		"--data text:a --bidirectional":                  "--bidirectional does not go with text",
		"--data text:a --model lstm1997":                 "--model is lstm1997, which gives no error to the embedding of a text",
		"--data text:a --model fully-recurrent --rtrl":   "--model is fully-recurrent with rtrl, which gives no error to the embedding",
		"--network a.toml --peepholes":                   "--peepholes goes without --network",
		"--network a.toml --model gru":                   "--model goes without --network",
		"--network a.toml --hidden 3":                    "--hidden goes without --network",
		"--network a.toml --layers 3":                    "--layers goes without --network",
		"--network missing.toml":                         "missing.toml",
		"--bptt-window 9":                                "the bptt-window of lstm is 9, but the network sees 8 time steps at a time",
		"--init-from missing --network missing.toml":     "missing.toml",
	} {
		o := gputrain(append([]string{"explain"}, strings.Fields(line)...)...)
		if o.code == 0 || strings.Count(o.errors, "\n") != 1 || !strings.Contains(o.errors, want) || o.out != "" {
			t.Errorf("%s: code %d, %s%swant %q", line, o.code, o.errors, o.out, want)
		}
	}
}

func TestAFileOfTheSameNetworkGivesTheSameModel(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(30))
	for flags, file := range map[string]string{
		"--hidden 4": "[[layer]]\nkind = \"lstm\"\nhidden = 4\n",
		"--model mlp --hidden 4 --layers 2 --dropout 0.5": strings.Repeat("[[layer]]\nkind = \"dense\"\nhidden = 4\n[[layer]]\nkind = \"relu\"\n[[layer]]\nkind = \"dropout\"\ndropout = 0.5\n", 2),
		"--hidden 4 --bidirectional --zoneout 0.1,0.2":    "[[layer]]\nkind = \"lstm\"\nhidden = 4\nbidirectional = true\nzoneout = [0.1, 0.2]\n[[layer]]\nkind = \"last-step\"\n",
		"--model gru --hidden 4 --init orthogonal":        "layer = [{kind = \"gru\", hidden = 4, init = \"orthogonal\"}, {kind = \"head\", init = \"orthogonal\"}]\n",
	} {
		writeFile(t, "net.toml", file)
		args := func(more ...string) []string {
			return append([]string{"train", "--data", "csv:flowers.csv", "--target", "species", "--epochs", "2", "--quiet"}, more...)
		}
		gputrain(args(append(strings.Fields(flags), "--out", "flags")...)...).want(t, 0)
		gputrain(args("--network", "net.toml", "--out", "file")...).want(t, 0)
		gputrain("train", "--config", "flags/config.toml", "--quiet", "--out", "again").want(t, 0)
		model := readFile(t, "flags/model.safetensors")
		if readFile(t, "file/model.safetensors") != model {
			t.Errorf("%s: the file gives another model", flags)
		}
		if readFile(t, "again/model.safetensors") != model {
			t.Errorf("%s: its config.toml gives another model", flags)
		}
		for _, dir := range []string{"flags", "file", "again"} {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOptionsWithParametersAreExportedAndImported(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(30))
	for flags, module := range map[string]string{
		"--model gru --hidden 4 --layers 2 --bidirectional": "self.gru = nn.GRU(2, 4, num_layers=2, bidirectional=True), self.head = nn.Linear(8, 3)",
		"--model lstm --hidden 4 --projection 2":            "self.lstm = nn.LSTM(2, 4, num_layers=1, proj_size=2), self.head = nn.Linear(2, 3)",
	} {
		gputrain(append([]string{"train", "--data", "csv:flowers.csv", "--target", "species", "--epochs", "1", "--quiet", "--out", "run"}, strings.Fields(flags)...)...).want(t, 0)
		o := gputrain("export", "--model", "run", "--pytorch", "dict.safetensors", "--onnx", "m.onnx").want(t, 0)
		if !strings.Contains(o.errors, module) {
			t.Errorf("%s: %s", flags, o.errors)
		}
		kind := strings.Fields(flags)[1]
		gputrain("import", "dict.safetensors", "--as", kind, "--data", "csv:flowers.csv", "--target", "species", "--out", "as.safetensors").want(t, 0)
		gputrain("import", "dict.safetensors", "--like", "run", "--out", "like.safetensors").want(t, 0)
		model := readFile(t, "run/model.safetensors")
		if readFile(t, "as.safetensors") != model || readFile(t, "like.safetensors") != model {
			t.Errorf("%s: another model was imported", flags)
		}
		if err := errors.Join(os.RemoveAll("run"), os.Remove("dict.safetensors"), os.Remove("m.onnx"), os.Remove("as.safetensors"), os.Remove("like.safetensors")); err != nil {
			t.Fatal(err)
		}
	}
	gputrain("train", "--data", "csv:flowers.csv", "--target", "species", "--epochs", "1", "--quiet", "--out", "run", "--peepholes").want(t, 0)
	wantFailure(t, 1, []string{"--pytorch: PyTorch has no lstm with peepholes; --onnx has it"}, "export", "--model", "run", "--pytorch", "dict.safetensors", "--onnx", "m.onnx")
}

func TestRunsWithANetworkOfTheirOwnGoOn(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	const text = "# mine\n[[layer]]\nkind = \"gru\"\nhidden = 3\nname = \"first\"\n"
	writeFile(t, "net.toml", text)
	gputrain("train", "--network", "net.toml", "--epochs", "1", "--batch", "256", "--quiet", "--out", "run").want(t, 0)
	if got := readFile(t, "run/network.toml"); got != text {
		t.Errorf("the run has %q", got)
	}
	if config := readFile(t, "run/config.toml"); !strings.Contains(config, `/net.toml"`) {
		t.Error(config)
	}
	writeFile(t, "net.toml", "damaged")
	o := gputrain("train", "--resume", "run", "--epochs", "2").want(t, 0)
	if strings.Contains(o.errors, "with network") || !strings.Contains(o.errors, "resumed in epoch 2 with epochs 2 (before 1)") {
		t.Error(o.errors)
	}
	if err := os.Remove("net.toml"); err != nil {
		t.Fatal(err)
	}
	gputrain("train", "--resume", "run", "--epochs", "3", "--quiet").want(t, 0)
	gputrain(quick("--out", "dropped", "--dropout", "0.25", "--quiet")...).want(t, 0)
	if o := gputrain("runs", "run", "dropped").want(t, 0); !strings.Contains(o.out, " net ") || !strings.Contains(o.out, " mlp 8 dropout 0.25 ") || strings.Count(o.out, "dropout") != 1 {
		t.Error(o.out)
	}
	if o := gputrain("runs", "run", "dropped", "--where", "model=lstm"); strings.Contains(o.out, " net ") {
		t.Errorf("the network of a file is found as an lstm: %s", o.out)
	}

	writeFile(t, "run/network.toml", strings.Replace(text, "3", "4", 1))
	wantFailure(t, 1, []string{"the run began with the network gru 3, and cannot go on with gru 4"}, "train", "--resume", "run", "--epochs", "4")
	writeFile(t, "net.toml", strings.Replace(text, "hidden = 3", "hidden = 4", 1))
	wantFailure(t, 1, []string{"--init-from run: its network is gru 3, but this run's is gru 4"}, "train", "--init-from", "run", "--network", "net.toml")
	// What has a part in learning only may be another.
	writeFile(t, "net.toml", text+"[[layer]]\nkind = \"dropout\"\ndropout = 0.1\n")
	gputrain("train", "--init-from", "run", "--network", "net.toml", "--epochs", "1", "--batch", "256", "--quiet", "--out", "further").want(t, 0)
}
