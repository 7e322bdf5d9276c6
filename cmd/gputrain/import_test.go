package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gputrain/model"
)

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func sameArray(a, b model.Array) bool {
	return slices.Equal(a.Shape, b.Shape) && slices.Equal(a.Data, b.Data)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stateDictOf returns the tensors of a model file under other names.
func stateDictOf(t *testing.T, path string, rename ...string) map[string]model.Array {
	t.Helper()
	file, err := model.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string]model.Array{}
	for name, a := range file.Tensors {
		tensors[strings.NewReplacer(rename...).Replace(name)] = a
	}
	return tensors
}

// writeTensors writes a file without metadata, as other programs do, with values of a
// type.
func writeTensors(t *testing.T, path, kind string, tensors map[string]model.Array) {
	t.Helper()
	encode := map[string]func(b []byte, x float32) []byte{
		"F32": func(b []byte, x float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(x)) },
		"F64": func(b []byte, x float32) []byte {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(x)))
		},
		"BF16": func(b []byte, x float32) []byte {
			return binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(x)>>16))
		},
		"F16": func(b []byte, x float32) []byte { return binary.LittleEndian.AppendUint16(b, 0x3c00) }, // 1
	}[kind]
	header, data := map[string]any{}, []byte{}
	for name, a := range tensors {
		from := len(data)
		for _, x := range a.Data {
			data = encode(data, x)
		}
		header[name] = map[string]any{"dtype": kind, "shape": a.Shape, "data_offsets": []int{from, len(data)}}
	}
	text := asJSON(t, header)
	writeFile(t, path, string(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))+text+string(data))
}

// predictions returns what a model makes of the flowers.
func predictions(t *testing.T, path string) string {
	t.Helper()
	return gputrain("predict", "--model", path, "--input", "flowers.csv", "--target", "species", "--quiet").want(t, 0).out
}

func TestWhatWasExportedIsImported(t *testing.T) {
	for _, kind := range plainKinds() {
		t.Run(kind, func(t *testing.T) {
			makeFlowerModel(t, kind, 2)
			gputrain("export", "--model", "run", "--pytorch", "dict.safetensors").want(t, 0)
			gputrain("import", "dict.safetensors", "--like", "run", "--out", "like.safetensors").want(t, 0)
			if readFile(t, "like.safetensors") != readFile(t, "run/"+modelName) {
				t.Error("--like gave another model")
			}
			gputrain("import", "dict.safetensors", "--as", kind, "--data", "csv:flowers.csv", "--target", "species", "--out", "as.safetensors").want(t, 0)
			if readFile(t, "as.safetensors") != readFile(t, "run/"+modelName) {
				t.Error("--as gave another model")
			}
		})
	}
}

func TestNamesOfOtherProgramsAreRecognized(t *testing.T) {
	makeFlowerModel(t, "lstm", 1)
	want := predictions(t, "run")
	for i, test := range []struct {
		rename, flags []string
		said          string
	}{
		{[]string{"lstm.", "rnn.", "head.", "fc."}, nil, "lstm.weight_ih_l0 [12 2] is rnn.weight_ih_l0"},
		{[]string{"lstm.", "module.a.b.", "head.", "module.out."}, nil, "head.bias [3] is module.out.bias"},
		{[]string{"lstm.", "module.lstm.", "head.", "module.head."}, []string{"--prefix", "module."}, "lstm.bias_hh_l0 [12] is lstm.bias_hh_l0"},
		{[]string{"lstm.", "", "head.", "0."}, nil, "lstm.weight_hh_l0 [12 3] is weight_hh_l0"},
		{[]string{"lstm.", "enc.", "head.", "dec."}, []string{"--rename", "lstm=enc,head=dec."}, "head.weight [3 3] is dec.weight"},
	} {
		writeTensors(t, "dict.safetensors", "F32", stateDictOf(t, "run/"+modelName, test.rename...))
		out := fmt.Sprintf("%d.safetensors", i)
		said := gputrain(append([]string{"import", "dict.safetensors", "--like", "run", "--out", out}, test.flags...)...).want(t, 0).errors
		if !strings.Contains(said, test.said) {
			t.Errorf("%q: it says %q, want %q in it", test.rename, said, test.said)
		}
		if predictions(t, out) != want {
			t.Errorf("%q: the model predicts something else", test.rename)
		}
	}
}

// The Linear modules of a stack are in the order of their numbers: 10 comes after 2.
func TestAStackOfLinearModulesIsAnMLP(t *testing.T) {
	makeFlowerModel(t, "mlp", 2)
	for _, rename := range [][]string{
		{"hidden0.", "net.0.", "hidden1.", "net.2.", "head.", "net.10."},
		{"hidden0.", "fc1.", "hidden1.", "fc2.", "head.", "out."},
	} {
		writeTensors(t, "dict.safetensors", "F64", stateDictOf(t, "run/"+modelName, rename...))
		os.Remove("out.safetensors")
		said := gputrain("import", "dict.safetensors", "--as", "mlp", "--data", "csv:flowers.csv", "--target", "species", "--out", "out.safetensors").want(t, 0).errors
		if want := "head.weight [3 3] is " + rename[5] + "weight, converted from F64"; !strings.Contains(said, want) {
			t.Errorf("it says %q, want %q in it", said, want)
		}
		if predictions(t, "out.safetensors") != predictions(t, "run") {
			t.Errorf("%q: the model predicts something else", rename)
		}
	}
	gputrain("train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "3", "--layers", "2",
		"--init-from", "out.safetensors", "--epochs", "1", "--quiet", "--out", "further").want(t, 0)
}

func TestImportTakesTheOrderOfTheClasses(t *testing.T) {
	makeFlowerModel(t, "mlp", 1)
	tensors := stateDictOf(t, "run/"+modelName)
	for _, name := range []string{"head.weight", "head.bias"} {
		tensors[name] = permuted(tensors[name], []int{2, 0, 1}) // rose, iris, lily
	}
	writeTensors(t, "dict.safetensors", "F32", tensors)
	gputrain("import", "dict.safetensors", "--like", "run", "--classes", "rose,iris,lily", "--out", "out.safetensors").want(t, 0)
	if readFile(t, "out.safetensors") != readFile(t, "run/"+modelName) {
		t.Error("the classes are not in the order of the data")
	}
	got := gputrain("import", "dict.safetensors", "--like", "run", "--classes", "rose,iris,tulip", "--out", "wrong.safetensors").want(t, exitFailure).errors
	if !strings.Contains(got, "--classes: the classes") || !strings.Contains(got, "tulip") {
		t.Errorf("it says %q", got)
	}
}

func TestScalingNoneTakesTheFeaturesAsTheyAre(t *testing.T) {
	makeFlowerModel(t, "mlp", 1)
	gputrain("import", "run/"+modelName, "--as", "mlp", "--data", "csv:flowers.csv", "--target", "species", "--scaling", "none", "--out", "out.safetensors").want(t, 0)
	d, _, err := readModel("out.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Shift, []float64{0}) || !slices.Equal(d.Factor, []float64{1}) {
		t.Errorf("shift %v, factor %v", d.Shift, d.Factor)
	}
}

func TestPartOfAStateDictIsTaken(t *testing.T) {
	makeFlowerModel(t, "gru", 1)
	tensors := stateDictOf(t, "run/"+modelName)
	delete(tensors, "gru.bias_ih_l0")
	delete(tensors, "gru.weight_hh_l0")
	tensors["head.weight"] = model.Array{Shape: []int{2, 3}, Data: make([]float32, 6)}
	tensors["norm.weight"] = model.Array{Shape: []int{3}, Data: make([]float32, 3)}
	writeTensors(t, "dict.safetensors", "BF16", tensors)
	args := []string{"import", "dict.safetensors", "--like", "run", "--out", "out.safetensors"}
	refused := gputrain(args...).want(t, exitFailure).errors
	want := "gputrain: dict.safetensors: missing: gru.weight_hh_l0 [9 3], gru.bias_ih_l0 [9]; " +
		"of another shape: head.weight of shape [2 3], want [3 3]; not in the network: norm.weight [3]; --partial takes what fits\n"
	if refused != want || exists("out.safetensors") {
		t.Errorf("it says %q, want %q", refused, want)
	}
	said := gputrain(append(args, "--partial", "--seed", "7")...).want(t, 0).errors
	for _, line := range []string{
		"gru.weight_ih_l0 [9 2] is gru.weight_ih_l0, converted from BF16\n",
		"gru.weight_hh_l0 [9 3] begins as in train: there is no gru.weight_hh_l0\n",
		"gru.bias_ih_l0 [9] is 0, as with bias=False: there is no gru.bias_ih_l0\n",
		"head.weight [3 3] begins as in train: head.weight has shape [2 3]\n",
		"norm.weight [3] is left out\n",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("it says %q, want %q in it", said, line)
		}
	}
	got := stateDictOf(t, "out.safetensors")
	if bias := got["gru.bias_ih_l0"].Data; slices.Max(bias) != 0 || slices.Min(bias) != 0 {
		t.Errorf("the missing bias is %v", bias)
	}
	if drawn := got["gru.weight_hh_l0"].Data; slices.Max(drawn) == 0 {
		t.Errorf("the missing weight is %v", drawn)
	}
}

// A batch norm counts its batches in an integer, which is no parameter.
func TestIntegersAreLeftOutByName(t *testing.T) {
	makeFlowerModel(t, "mlp", 1)
	const header = `{"head.bias":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"norm.count":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}`
	writeFile(t, "dict.safetensors", string(binary.LittleEndian.AppendUint64(nil, uint64(len(header))))+header+strings.Repeat("\x00", 20))
	args := []string{"import", "dict.safetensors", "--like", "run", "--out", "out.safetensors"}
	if got := gputrain(args...).want(t, exitFailure).errors; !strings.Contains(got, "; not in the network: norm.count of I64; --partial takes what fits") {
		t.Errorf("it says %q", got)
	}
	if got := gputrain(append(args, "--partial")...).want(t, 0).errors; !strings.Contains(got, "norm.count of I64 is left out\n") {
		t.Errorf("it says %q", got)
	}
}

func TestImportRefuses(t *testing.T) {
	skipUnderRace(t)
	makeFlowerModel(t, "lstm", 1)
	write := func(path string, change func(tensors map[string]model.Array), rename ...string) {
		tensors := stateDictOf(t, "run/"+modelName, rename...)
		change(tensors)
		writeTensors(t, path, "F32", tensors)
	}
	array := func(shape ...int) model.Array {
		size := 1
		for _, d := range shape {
			size *= d
		}
		return model.Array{Shape: shape, Data: make([]float32, size)}
	}
	write("both.st", func(a map[string]model.Array) { a["lstm.weight_ih_l0_reverse"] = array(12, 2) })
	write("projected.st", func(a map[string]model.Array) { a["lstm.weight_hr_l0"] = array(2, 3) })
	write("two.st", func(a map[string]model.Array) { a["other.weight_ih_l0"] = array(12, 2) }, "lstm.", "one.")
	write("heads.st", func(a map[string]model.Array) { a["fc2.weight"] = array(3, 3) }, "head.", "fc1.")
	write("nan.st", func(a map[string]model.Array) { a["head.bias"].Data[1] = float32(math.NaN()) })
	write("wide.st", func(a map[string]model.Array) { a["lstm.weight_ih_l0"] = array(12, 3) })
	write("none.st", func(a map[string]model.Array) { clear(a) })
	write("flat.st", func(a map[string]model.Array) { a["lstm.weight_hh_l0"] = array(36) })
	whole := readFile(t, "both.st")
	writeFile(t, "torn.st", whole[:len(whole)-9])
	writeFile(t, "huge.st", string(binary.LittleEndian.AppendUint64(nil, 1<<60))+"{}")
	writeFile(t, "lie.st", strings.Replace(whole, `"shape":[12]`, `"shape":[99]`, 1))
	writeFile(t, "m.pt", "PK\x03\x04 and more")
	writeFile(t, "old.bin", "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
	writeFile(t, "m.onnx", "\x08\x08\x12\x07pytorch")
	const as = " --as lstm --data csv:flowers.csv --target species"
	for line, want := range map[string]outcome{
		"both.st" + as:                     {exitFailure, "", "missing: lstm.weight_hh_l0_reverse [12 3], lstm.bias_ih_l0_reverse [12]"},
		"projected.st" + as:                {exitFailure, "", "of another shape: lstm.weight_hh_l0 of shape [12 3], want [12 2], head.weight of shape [3 3], want [3 2]"},
		"two.st" + as:                      {exitUsage, "", "two.st has one., other.: say which is the lstm, as in --rename lstm=one"},
		"heads.st" + as:                    {exitUsage, "", "heads.st has fc1., fc2.: say which is the head, as in --rename head=fc1"},
		"nan.st" + as:                      {exitFailure, "", `tensor "head.bias": value 1 is NaN`},
		"wide.st" + as:                     {exitFailure, "", "wide.st takes 3 features at a time, but a sample of flowers.csv has 2"},
		"wide.st --like run":               {exitFailure, "", "of another shape: lstm.weight_ih_l0 of shape [12 3], want [12 2]"},
		"none.st" + as:                     {exitFailure, "", "none.st has no tensors"},
		"flat.st" + as:                     {exitFailure, "", "flat.st: no recurrent module"},
		"torn.st" + as:                     {exitFailure, "", "torn.st: model: tensor"},
		"huge.st" + as:                     {exitFailure, "", "the header should have 1152921504606846976 bytes, but only 2 are there"},
		"lie.st" + as:                      {exitFailure, "", "damaged file: "},
		"m.pt" + as:                        {exitFailure, "", `import torch, safetensors.torch; safetensors.torch.save_file(torch.load("m.pt", map_location="cpu", weights_only=True), "m.safetensors")`},
		"old.bin" + as:                     {exitFailure, "", `torch.load("old.bin"`},
		"m.onnx" + as:                      {exitFailure, "", `save_file(module.state_dict(), "m.safetensors")`},
		"nothing.st" + as:                  {exitFailure, "", "nothing.st: no such file"},
		"flowers.csv" + as:                 {exitFailure, "", "flowers.csv: model: not a safetensors file"},
		"both.st":                          {exitUsage, "", "one of --as and --like must say what both.st is of"},
		"both.st --like run" + as:          {exitUsage, "", "one of --as and --like"},
		"both.st --as lstm":                {exitUsage, "", "--data is missing"},
		"both.st --as ltsm --data digits":  {exitUsage, "", `did you mean "lstm"?`},
		"both.st --like run --data digits": {exitUsage, "", "--data, --target and --scaling are for --as"},
		"both.st --like run --scaling non": {exitUsage, "", "are for --as"},
		"both.st --scaling non" + as:       {exitUsage, "", `did you mean "none"?`},
		"both.st --seed -1" + as:           {exitUsage, "", "--seed is -1"},
		"run/model.safetensors --as gru --data digits":                                     {exitFailure, "", `of shape [12 2] is not of a gru but of an lstm: say --as lstm`},
		"run/model.safetensors --as mlp --data digits":                                     {exitFailure, "", "an mlp has at least two Linear modules"},
		"run/model.safetensors --as lstm --data csv:flowers.csv":                           {exitUsage, "", "--target is missing"},
		"run/model.safetensors --like run --prefix model.":                                 {exitFailure, "", "no name begins with the --prefix model.; the names are head.bias"},
		"run/model.safetensors --like run --rename haed=fc":                                {exitUsage, "", `there is no part "haed": our network has head, lstm`},
		"run/model.safetensors --like run --prefix lstm. --rename head=x,lstm=y --partial": {exitFailure, "", "no tensor fits; missing: "},
	} {
		got := gputrain(append([]string{"import", "--out", "new.st"}, strings.Fields(line)...)...).want(t, want.code)
		if !strings.Contains(got.errors, want.errors) || strings.Count(got.errors, "\n") != 1 {
			t.Errorf("%s: it says %q, want one line with %q", line, got.errors, want.errors)
		}
		if exists("new.st") {
			t.Fatalf("%s: a file was written", line)
		}
	}
	there := gputrain("import", "both.st", "--like", "run", "--out", "flowers.csv").want(t, exitFailure).errors
	if !strings.Contains(there, "flowers.csv exists already") || readFile(t, "flowers.csv") != flowers(60) {
		t.Errorf("it says %q", there)
	}
}

// A state dict of any names and shapes may be wrong, but is no reason to panic.
func FuzzStateDict(f *testing.F) {
	for _, header := range []string{
		`{"lstm.weight_ih_l0":{"dtype":"F32","shape":[4,1],"data_offsets":[0,16]},"lstm.weight_hh_l0":{"dtype":"F32","shape":[4,1],"data_offsets":[16,32]}}`,
		`{"a.weight":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},"b.weight":{"dtype":"F64","shape":[3,1],"data_offsets":[8,32]}}`,
		`{"weight_ih_l0":{"dtype":"F32","shape":[40000000,0],"data_offsets":[0,0]},"weight_hh_l0":{"dtype":"F32","shape":[40000000,0],"data_offsets":[0,0]}}`,
		`{"hidden0.weight":{"dtype":"F32","shape":[0,0],"data_offsets":[0,0]},"head.weight":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}}`,
	} {
		f.Add(append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), make([]byte, 32)...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := model.ParseFile(data)
		if err != nil {
			return
		}
		for _, kind := range plainKinds() {
			dict := &stateDict{path: "fuzz", tensors: file.Tensors, converted: file.Converted}
			sizes, err := dict.sizes(kind, nil)
			if err != nil || sizes.hidden > 100 || sizes.layers > 10 {
				continue
			}
			d := &description{Model: kind, Steps: 1, Width: 2, Hidden: sizes.hidden, Layers: sizes.layers, Classes: []string{"a", "b"}}
			places, err := dict.places(d.spec(), nil)
			if err != nil {
				continue
			}
			var parameters []model.Parameter
			in := d.input(1)
			for _, stage := range d.spec() {
				for _, p := range stage.Layer.Parameters(in) {
					parameters = append(parameters, model.Parameter{Name: stage.Name + "." + p.Name, Shape: p.Shape})
				}
				if in, err = stage.Layer.Output(in); err != nil {
					t.Fatalf("%+v: %v", d, err)
				}
			}
			m := match(dict, parameters, places)
			if m.check(false) == nil && len(m.from) != len(parameters) {
				t.Errorf("%d of %d parameters are there, and that is no error", len(m.from), len(parameters))
			}
		}
	})
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"", "0.", "2.", "10.", "a", "a1", "a1b", "a2", "a10", "b"}
	for i, a := range want {
		for j, b := range want {
			if got := natural(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
}
