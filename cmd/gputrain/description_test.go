package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"gputrain/data"
)

// validDescription returns the description of a network for a CSV file of two
// columns.
func validDescription() *description {
	return &description{
		Format: descriptionFormat, Data: "csv:flowers.csv", Features: []string{"length", "width"}, Target: "species",
		Model: "mlp", Steps: 1, Width: 2, Hidden: 8, Layers: 1, Classes: []string{"iris", "rose"},
		Shift: []float64{0.1, 1.7e9}, Factor: []float64{1 / 3., 2e-30},
	}
}

// validRegression returns the description of a network for two columns that become four
// features, and two targets.
func validRegression() *description {
	d := validDescription()
	d.Target, d.Classes, d.Width = "", nil, 4
	d.Encodings, d.Missing = []data.Encoding{{Indicator: true}, {Categories: []string{"no", "yes"}, Indicator: true}}, "indicator"
	d.Shift, d.Factor = []float64{1, 2, 3, 4}, []float64{1, 0, 1, 1}
	d.Targets, d.TargetShift, d.TargetFactor = []string{"price", "rent"}, []float64{1e6, 0}, []float64{1e-5, 2}
	d.Loss, d.HuberDelta = "huber", 0.5
	return d
}

func TestDescriptionComesBackAsItWas(t *testing.T) {
	digits := &description{
		Format: descriptionFormat, Data: "digits", Model: "lstm", Steps: 8, Width: 8, Hidden: 8, Layers: 1,
		Classes: []string{"0", "1"}, Shift: []float64{0}, Factor: []float64{0.0625},
	}
	for _, want := range []*description{validDescription(), validRegression(), digits} {
		file, err := want.newFile()
		if err != nil {
			t.Fatal(err)
		}
		got, err := descriptionOf(file)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, error %v; want %+v", got, err, want)
		}
	}
}

func TestDescriptionRefusesAllElse(t *testing.T) {
	valid, err := json.Marshal(validDescription())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"no JSON", `{`, ``, "invalid"},
		{"two objects", `}`, `}{}`, "invalid"},
		{"cut short", `}`, ``, "unexpected end"},
		{"not an object", string(valid), `[1]`, "cannot unmarshal array"},
		{"nothing", string(valid), `null`, "its format is 0"},
		{"not UTF-8", `iris`, "\xff", "not UTF-8"},
		{"a later format", `"format":1`, `"format":2`, "its format is 2, and this version of gputrain reads format 1; "},
		{"an earlier format", `"format":1,`, ``, "its format is 0, "},
		{"format as text", `"format":1`, `"format":"1"`, "format"},
		{"format twice", `"format":1`, `"format":2,"format":1`, `"format" is there twice`},
		{"classes twice", `"classes"`, `"classes":["a","b"],"classes"`, `"classes" is there twice`},
		{"unknown key", `"model"`, `"dropout":0.5,"model"`, `unknown key "dropout"`},
		{"key in another case", `"hidden"`, `"Hidden"`, `unknown key "Hidden"`},
		{"a part of a step", `"steps":1`, `"steps":1.5`, `"steps": `},
		{"steps as text", `"steps":1`, `"steps":"1"`, `"steps": `},
		{"a missing key", `"hidden":8,`, ``, "hidden is 0, want 1 to"},
		{"null", `"hidden":8`, `"hidden":null`, "hidden is 0, want 1 to"},
		{"negative size", `"hidden":8`, `"hidden":-8`, "hidden is -8, want 1 to"},
		{"absurd size", `"hidden":8`, `"hidden":99999999999`, "hidden is 99999999999, want 1 to"},
		{"beyond int", `"hidden":8`, `"hidden":99999999999999999999`, `"hidden": `},
		{"absurd layers", `"layers":1`, `"layers":1001`, "layers is 1001, want 1 to 1000"},
		{"unknown model", `"mlp"`, `"mpl"`, `model is "mpl"`},
		{"unknown source", `"csv:flowers.csv"`, `"url:flowers.csv"`, `data is "url:flowers.csv"`},
		{"an absolute path", `"csv:flowers.csv"`, `"csv:/dev/zero"`, `data is "csv:/dev/zero", but a model names no path`},
		{"a path", `"csv:flowers.csv"`, `"csv:../flowers.csv"`, "names no path"},
		{"a path of Windows", `"csv:flowers.csv"`, `"csv:C:\\flowers.csv"`, "names no path"},
		{"target without columns", `"csv:flowers.csv"`, `"digits"`, `the target is "species" for data "digits"`},
		{"no target", `"target":"species",`, ``, `the target is "" for data`},
		{"a name too few", `["length","width"]`, `["length"]`, "1 names for 2 features"},
		{"a name twice", `["length","width"]`, `["length","length"]`, `two features are called "length"`},
		{"a class twice", `["iris","rose"]`, `["iris","iris"]`, `two classes are called "iris"`},
		{"a class without a name", `["iris","rose"]`, `["iris",""]`, `a class is called ""`},
		{"a class for the terminal", `["iris","rose"]`, `["iris","\u001b[2J"]`, `a class is called "\x1b[2J"`},
		{"no classes", `["iris","rose"]`, `[]`, "classes is 0"},
		{"a class that is null", `["iris","rose"]`, `["iris",null]`, `a class is called ""`},
		{"a shift too few", `"shift":[0.1,`, `"shift":[`, "1 shifts and 2 factors for 2 features"},
		{"factor below 0", `2e-30`, `-1`, "feature 2 has shift 1.7e+09 and factor -1"},
		{"factor beyond float64", `2e-30`, `2e400`, `"factor": `},
		{"loss of numbers", `"model"`, `"loss":"mae","model"`, "a scaling or a loss of targets, but there are classes"},
		{"factor NaN", `2e-30`, `NaN`, "invalid character 'N'"},
	} {
		text := strings.Replace(string(valid), c.old, c.new, 1)
		if text == string(valid) {
			t.Fatalf("%s: %q is not in %s", c.name, c.old, valid)
		}
		_, err := parseDescription(text)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestDescriptionOfARegressionRefusesAllElse(t *testing.T) {
	valid, err := json.Marshal(validRegression())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"hidden":8`, `"classes":["a"],"hidden":8`, "both classes and numbers to learn"},
		{`"targets":["price","rent"]`, `"target":"a"`, "classes is 0, want 1 to"},
		{`"targets":["price","rent"]`, `"targets":["price"]`, "2 shifts and 2 factors for 1 targets"},
		{`"targets":["price","rent"]`, `"targets":[]`, "targets is 0, want 1 to"},
		{`["price","rent"]`, `["price","price"]`, `two targets are called "price"`},
		{`"target_factor":[0.00001,2]`, `"target_factor":[0,2]`, "target 1 has shift 1e+06 and factor 0"},
		{`"loss":"huber"`, `"loss":"cubic"`, `loss is "cubic", which this version does not know`},
		{`"loss":"huber"`, `"loss":"mae"`, `huber_delta is 0.5 for loss "mae"`},
		{`"huber_delta":0.5`, `"huber_delta":-1`, `huber_delta is -1 for loss "huber"`},
		{`"missing":"indicator"`, `"missing":"guess"`, `missing is "guess", which this version does not know`},
		{`"missing":"indicator"`, `"missing":"mean"`, `an indicator of missing values, but missing is "mean"`},
		{`["no","yes"]`, `["no","no"]`, `two categories are called "no"`},
		{`["no","yes"]`, `["no","perhaps","yes"]`, "the columns become 6 features, but the network takes 4"},
		{`["length","width"]`, `["length"]`, "1 names for 2 features"},
		{`"data":"csv:flowers.csv"`, `"data":"digits"`, `the target is "" for data "digits"`},
	} {
		text := strings.Replace(string(valid), c.old, c.new, 1)
		if text == string(valid) {
			t.Fatalf("%q is not in %s", c.old, valid)
		}
		_, err := parseDescription(text)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.new, err, c.want)
		}
	}
}

func TestSourceInAModelHasNoPath(t *testing.T) {
	for text, want := range map[string]string{
		"digits":                       "digits",
		"csv:flowers.csv":              "csv:flowers.csv",
		"csv:/home/ada/flowers.csv":    "csv:flowers.csv",
		"csv:../data/flowers.csv.gz":   "csv:flowers.csv.gz",
		`csv:C:\Users\ada\flowers.csv`: "csv:flowers.csv",
		"csv:a:b.csv":                  "csv:a:b.csv",
		"idx:/home/ada/mnist/":         "idx:mnist",
		"idx:/":                        "idx:.",
		"idx:..":                       "idx:..",
	} {
		from, err := parseSource(text)
		if err != nil {
			t.Fatal(err)
		}
		got := from.public()
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		if again, err := parseSource(got); err != nil || again.public() != got {
			t.Errorf("%s: %q is no source of its own: %v", text, got, err)
		}
	}
}

func FuzzDescription(f *testing.F) {
	valid, err := json.Marshal(validDescription())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(valid))
	f.Add(strings.Replace(string(valid), `"shift"`, `"shift":[],"shift"`, 1))
	f.Add(strings.Replace(string(valid), `"csv:flowers.csv"`, `"csv:/etc/passwd"`, 1))
	f.Add(`{"format":1,"classes":null}`)
	regression, err := json.Marshal(validRegression())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(regression))
	f.Add(textDescription)
	f.Add(strings.Replace(textDescription, `"char","vocabulary":["\n","a"]`, `"byte","vocabulary":[]`, 1))
	for _, stack := range []string{
		`[{"kind":"lstm","name":"lstm","hidden":8,"layers":2,"dropout":0.1,"zoneout":[0.1,0.2]},{"kind":"last-step","name":"last"},{"kind":"head","name":"head"}]`,
		`[{"kind":"dense","name":"hidden0","hidden":8,"init":"orthogonal"},{"kind":"head","name":"head"}]`,
	} {
		f.Add(withStack(string(valid), stack))
	}
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDescription(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		// What is accepted is a network, and what would be written for it.
		if d.Steps*d.Width < 1 || d.outputs() < 1 || !d.ofText() && d.scaling().Factor[0] <= 0 || strings.ContainsAny(d.Data, `/\`) {
			t.Errorf("accepted %+v", d)
		}
		if len(d.spec()) < 1 || d.title(1) == "" {
			t.Errorf("no network of %+v", d)
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := parseDescription(string(again)); err != nil || !reflect.DeepEqual(same, d) {
			t.Errorf("%+v comes back as %+v, error %v", d, same, err)
		}
	})
}
