package main

import (
	"bytes"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// makeFlowerModel makes flowers.csv and run, with a model for them that has not learned,
// in a new current directory.
func makeFlowerModel(t *testing.T, kind string, layers int) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	var s settings
	if err := kong.ApplyDefaults(&s); err != nil {
		t.Fatal(err)
	}
	s.Data, s.Target, s.Model, s.Hidden, s.Layers = "csv:flowers.csv", columnNames{"species"}, kind, 3, layers
	d, _, _, err := s.load("")
	if err != nil {
		t.Fatal(err)
	}
	b, err := openCPU()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	net, err := model.New(b, d.spec(), d.input(1), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	file, err := d.newFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return net.Save(file) },
		func() error { return os.Mkdir("run", 0o777) },
		func() error { return file.Write("run/" + modelName) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExportWritesStateDictAndONNX(t *testing.T) {
	makeFlowerModel(t, "gru", 2)
	said := gputrain("export", "--model", "run", "--onnx", "m.onnx", "--pytorch", "m.safetensors").want(t, 0).errors
	for _, want := range []string{
		"m.onnx: an ONNX model of 2 features, scaling included, with an input for each column",
		"m.safetensors: a state dict for self.gru = nn.GRU(2, 3, num_layers=2), self.head = nn.Linear(3, 3)",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it says %q, want %q in it", said, want)
		}
	}
	trained, err := model.ReadFile("run/" + modelName)
	if err != nil {
		t.Fatal(err)
	}
	dict, err := model.ReadFile("m.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(trained.Tensors, dict.Tensors, sameArray) {
		t.Error("the state dict has other tensors than the model")
	}
	d, err := descriptionOf(trained)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"format": "pt", "features": `["length","width"]`, "classes": `["iris","lily","rose"]`, "shift": asJSON(t, d.Shift), "factor": asJSON(t, d.Factor),
	} {
		if got := dict.Meta[key]; got != want {
			t.Errorf("metadata %s are %s, want %s", key, got, want)
		}
	}
	graph := []byte(readFile(t, "m.onnx"))
	for _, name := range []string{"length", "width", "scaling/factor", "GRU", "probability", "iris", "class"} {
		if !bytes.Contains(graph, []byte(name)) {
			t.Errorf("the ONNX model has no %q", name)
		}
	}
	again := gputrain("export", "--model", "run", "--onnx", "again.onnx", "--quiet").want(t, 0)
	if again.out+again.errors != "" || readFile(t, "again.onnx") != string(graph) {
		t.Errorf("with --quiet it says %q%q, or writes another file", again.out, again.errors)
	}
}

// A checkpoint is a model too. What belongs to its training is no parameter.
func TestExportTakesACheckpoint(t *testing.T) {
	makeFlowerModel(t, "mlp", 1)
	file, err := model.ReadFile("run/" + modelName)
	if err != nil {
		t.Fatal(err)
	}
	file.Tensors["train/state"] = model.Array{Shape: []int{1}, Data: []float32{1}}
	if err := file.Write("checkpoint.safetensors"); err != nil {
		t.Fatal(err)
	}
	gputrain("export", "--model", "checkpoint.safetensors", "--pytorch", "dict.safetensors").want(t, 0)
	if got, want := stateDictOf(t, "dict.safetensors"), stateDictOf(t, "run/"+modelName); !maps.EqualFunc(got, want, sameArray) {
		t.Errorf("the state dict is %v, want %v", got, want)
	}
}

func TestExportWarnsOfWhatFloat32RoundsAway(t *testing.T) {
	d := &description{Features: []string{"seconds", "year", "constant"}, Shift: []float64{1.6e9, 2003, 1e30}, Factor: []float64{1e-5, 0.1, 0}}
	if got := d.roundedFeatures(); !slices.Equal(got, []string{"seconds"}) {
		t.Errorf("it warns of %q", got)
	}
	d = &description{Shift: []float64{-1e6}, Factor: []float64{1}}
	if got := d.roundedFeatures(); !slices.Equal(got, []string{"feature 1"}) {
		t.Errorf("it warns of %q", got)
	}
}

func TestExportRefuses(t *testing.T) {
	makeFlowerModel(t, "mlp", 1)
	writeFile(t, "there.onnx", "mine")
	for line, want := range map[string]outcome{
		"export --model run":                                           {code: exitUsage, errors: "--onnx and --pytorch are missing"},
		"export --model run --onnx there.onnx":                         {code: exitFailure, errors: "there.onnx exists already: choose another --onnx"},
		"export --model run --pytorch there.onnx":                      {code: exitFailure, errors: "there.onnx exists already: choose another --pytorch"},
		"export --model run --onnx same --pytorch ./same":              {code: exitUsage, errors: "--onnx and --pytorch are both same"},
		"export --model nothing --onnx new.onnx":                       {code: exitFailure, errors: "nothing: there is no such run or model file"},
		"export --model flowers.csv --onnx new.onnx":                   {code: exitFailure, errors: "flowers.csv: model: not a safetensors file"},
		"export --model run --onnx nowhere/new.onnx --pytorch also.st": {code: exitFailure, errors: "nowhere/new.onnx"},
	} {
		got := gputrain(strings.Fields(line)...).want(t, want.code)
		if !strings.Contains(got.errors, want.errors) || strings.Count(got.errors, "\n") != 1 {
			t.Errorf("%s: it says %q, want one line with %q", line, got.errors, want.errors)
		}
	}
	if readFile(t, "there.onnx") != "mine" || exists("new.onnx") || exists("same") || exists("also.st") {
		t.Error("a file was written")
	}
}

func TestExportOfNumbersIsInTheirUnits(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "houses.csv", houses(100))
	regress(t, "run", "--target", "price", "--target", "rent", "--ignore", "id", "--missing", "indicator", "--epochs", "2")
	said := gputrain("export", "--model", "run", "--onnx", "m.onnx", "--pytorch", "m.safetensors").want(t, 0).errors
	for _, want := range []string{"m.onnx: an ONNX model of 8 features, ", "0 or 1 for categories and what is missing; its outputs are 2 numbers in predicted"} {
		if !strings.Contains(said, want) {
			t.Errorf("it says %q, want %q in it", said, want)
		}
	}
	graph := readFile(t, "m.onnx")
	for _, name := range []string{"area", "rooms is missing", "city=Oslo", "garden", "predicted"} {
		if !strings.Contains(graph, name) {
			t.Errorf("the ONNX model has no %q", name)
		}
	}
	dict, err := model.ReadFile("m.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	d, file, err := readModel("run")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"targets": `["price","rent"]`, "target_shift": asJSON(t, d.TargetShift), "encodings": asJSON(t, d.Encodings), "classes": "null"} {
		if got := dict.Meta[key]; got != want {
			t.Errorf("metadata %s are %s, want %s", key, got, want)
		}
	}
	table, err := data.OpenCSV("houses.csv", d.csvOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	set, err := table.Dataset(d.scaling())
	if err != nil {
		t.Fatal(err)
	}
	predict := func(file *model.File) [][]float32 {
		b, err := openCPU()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		net, err := d.restore(b, file)
		if err != nil {
			t.Fatal(err)
		}
		y, err := train.Predict(net, set)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	scaled, got := predict(file), predict(d.unscaled(file))
	for i := range scaled {
		for j := range d.Targets {
			want := d.targetScaling().Restore(j, float64(scaled[i][j]))
			if off := math.Abs(float64(got[i][j]) - want); !(off <= 1e-5*math.Abs(want)+1e-4) {
				t.Fatalf("row %d, target %d: %v, want %v", i, j, got[i][j], want)
			}
		}
	}
}
