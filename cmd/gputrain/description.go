package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gputrain/data"
	"gputrain/model"
)

// description is what a model file holds besides the parameters, so that using
// it takes no other file. It is JSON in the file's metadata. It names the source,
// but not where on a machine it is.
type description struct {
	Format int `json:"format"` // descriptionFormat

	Data     string   `json:"data"`               // the source that it learned from: digits, csv:NAME or idx:NAME
	Features []string `json:"features,omitempty"` // names of the columns, in their order; absent without a header
	Target   string   `json:"target,omitempty"`   // the class column of a csv source: its name, or its number

	// What csv sources may have besides. Encodings are those of Features, absent if all
	// are numbers. Targets are the columns of a regression, each with its scaling.
	Encodings    []data.Encoding `json:"encodings,omitempty"`
	Missing      string          `json:"missing,omitempty"` // mean, drop or indicator; absent: refuse
	Targets      []string        `json:"targets,omitempty"`
	TargetShift  []float64       `json:"target_shift,omitempty"`
	TargetFactor []float64       `json:"target_factor,omitempty"`
	Loss         string          `json:"loss,omitempty"` // of a regression: mae or huber; absent: mse
	HuberDelta   float64         `json:"huber_delta,omitempty"`

	labelDescription

	Model   string    `json:"model,omitempty"` // one of plainKinds; absent if there is a stack
	Steps   int       `json:"steps"`           // of a sample, of Width features each
	Width   int       `json:"width"`
	Hidden  int       `json:"hidden,omitempty"`
	Layers  int       `json:"layers,omitempty"`
	Classes []string  `json:"classes,omitempty"` // absent for a regression and for text
	Shift   []float64 `json:"shift,omitempty"`   // data.Scaling
	Factor  []float64 `json:"factor,omitempty"`

	// Of a network for text, in place of classes, features and their scaling.
	Units      string   `json:"units,omitempty"`      // data.TextUnits
	Vocabulary []string `json:"vocabulary,omitempty"` // absent for bytes
	Embedding  int      `json:"embedding,omitempty"`

	Series *seriesDescription `json:"series,omitempty"`
	Stack  stackDescription   `json:"stack,omitempty"`
}

// The key of the description in the file's metadata, and the version of what it
// holds.
const (
	descriptionKey    = "gputrain.model"
	descriptionFormat = 1
)

// describe returns the description of the network that s asks for and that
// fits the parts of a source.
func (s *settings) describe(from source, parts sets) (*description, error) {
	if parts.vocabulary != nil {
		return s.describeText(from, parts)
	}
	if parts.series != nil {
		return s.describeSeries(from, parts)
	}
	stack, err := s.stack()
	if err != nil {
		return nil, err
	}
	features := parts.train.Steps * parts.train.Width
	steps := s.Steps
	switch {
	case lastRecurrent(stack) < 0:
		steps = 1
	case steps == 0:
		steps = from.steps(parts.train)
	}
	if features%steps != 0 {
		return nil, usagef("--steps is %d; it must divide the %s of a sample of %v", steps, plural(features, "feature", "features"), from)
	}
	d := &description{
		Format: descriptionFormat, Data: from.public(), Features: parts.features, Target: parts.target,
		Steps: steps, Width: features / steps,
		Classes: parts.train.Classes, Shift: parts.scaling.Shift, Factor: parts.scaling.Factor,
	}
	d.setStack(stack)
	d.Encodings = parts.encodings
	if parts.missing != "refuse" {
		d.Missing = parts.missing
	}
	switch parts.task {
	case taskMultilabel:
		d.Task, d.Targets = taskMultilabel, parts.targets
	case taskRegress:
		d.Targets, d.TargetShift, d.TargetFactor = parts.targets, parts.targetScaling.Shift, parts.targetScaling.Factor
		if s.Loss == "mae" || s.Loss == "huber" {
			d.Loss = s.Loss
		}
		if s.Loss == "huber" {
			d.HuberDelta = s.HuberDelta
		}
	}
	if err := s.checkLoss(d); err != nil {
		return nil, err
	}
	return d, d.check()
}

// task returns what the model does: taskClassify, taskRegress or taskMultilabel.
func (d *description) task() string {
	switch {
	case d.Task != "":
		return d.Task
	case d.Targets != nil:
		return taskRegress
	}
	return taskClassify
}

func (d *description) targetScaling() data.Scaling {
	if d.task() == taskMultilabel {
		return labelScaling()
	}
	return data.Scaling{Shift: d.TargetShift, Factor: d.TargetFactor}
}

func (d *description) scaling() data.Scaling { return data.Scaling{Shift: d.Shift, Factor: d.Factor} }

// checkFeatures refuses samples of another number of features. name is that of
// their source.
func (d *description) checkFeatures(name string, features int) error {
	if want := d.Steps * d.Width; features != want {
		return fmt.Errorf("%s: its samples have %s, but the model takes %d", name, plural(features, "feature", "features"), want)
	}
	return nil
}

// newFile returns a model file with the description and no tensors yet.
func (d *description) newFile() (*model.File, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return &model.File{Meta: map[string]string{descriptionKey: string(text)}}, nil
}

// modelPath returns where the model is that a user calls path: the file, or the one
// in a run's directory.
func modelPath(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, modelName)
	}
	return path
}

// readModel reads the model that a user calls name.
func readModel(name string) (*description, *model.File, error) {
	path := modelPath(name)
	file, err := readModelFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == name:
		return nil, nil, fmt.Errorf("%s: there is no such run or model file; name the directory of a run, a model file, or latest for the run in runs that began last", name)
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("%s: this directory has no %s: it is no run, or one that has not finished", name, modelName)
	case err != nil:
		return nil, nil, err
	}
	d, err := descriptionOf(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, file, nil
}

// descriptionOf returns the description in a model file.
func descriptionOf(file *model.File) (*description, error) {
	text, ok := file.Meta[descriptionKey]
	if !ok {
		return nil, fmt.Errorf("not a model of gputrain: its metadata have no %q", descriptionKey)
	}
	if !file.Sealed() {
		return nil, errors.New("it has no checksum, which every model of gputrain has: it is damaged, or was written by another version or program")
	}
	d, err := parseDescription(text)
	if err != nil {
		return nil, fmt.Errorf("metadata %q: %w", descriptionKey, err)
	}
	return d, nil
}

// parseDescription reads what newFile writes. It takes nothing else: a key that is
// unknown, twice there or of another type is an error, and so is a network that
// cannot be.
func parseDescription(text string) (*description, error) {
	var version struct {
		Format int `json:"format"`
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("not UTF-8")
	}
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return nil, err
	}
	if version.Format != descriptionFormat {
		return nil, fmt.Errorf("its format is %d, and this version of gputrain reads format %d; use the version that wrote it, or train again", version.Format, descriptionFormat)
	}
	d := new(description)
	if err := decodeStrictly(text, reflect.ValueOf(d).Elem()); err != nil {
		return nil, err
	}
	return d, d.check()
}

// decodeStrictly decodes a JSON object into a struct. Unlike encoding/json, it
// refuses keys that are unknown, written in another case, or there twice.
func decodeStrictly(text string, object reflect.Value) error {
	fields := map[string]reflect.Value{}
	for _, field := range keyedFields(object.Type(), "json") {
		fields[keyOf(field, "json")] = object.FieldByIndex(field.Index)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	if _, err := decoder.Token(); err != nil { // {
		return err
	}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		field, known := fields[key]
		switch {
		case !known:
			return fmt.Errorf("unknown key %q", key)
		case seen[key]:
			return fmt.Errorf("%q is there twice", key)
		}
		seen[key] = true
		if err := decoder.Decode(field.Addr().Interface()); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	return nil
}

// check reports a description that no network can have.
func (d *description) check() error {
	from, err := parseSource(d.Data)
	switch {
	case err != nil:
		return fmt.Errorf("data %w", err)
	case from.public() != d.Data:
		return fmt.Errorf("data is %q, but a model names no path", d.Data)
	case (from.kind == "text") != d.ofText():
		return fmt.Errorf("the units are %q for data %q", d.Units, d.Data)
	case from.isSeries() != d.ofSeries():
		return fmt.Errorf("it forecasts series, or not, for data %q", d.Data)
	case !d.ofSeries() && from.isTable() != (d.Target != "" || d.Targets != nil):
		return fmt.Errorf("the target is %q for data %q", d.Target, d.Data)
	case !from.isTable() && (d.Encodings != nil || d.Missing != ""):
		return fmt.Errorf("the columns have encodings for data %q", d.Data)
	case d.Missing != "" && (d.Missing == "refuse" || !slices.Contains(missingKinds(), d.Missing)):
		return fmt.Errorf("missing is %q, which this version does not know", d.Missing)
	case d.Stack != nil:
		if err := d.checkStack(); err != nil {
			return err
		}
	case !slices.Contains(plainKinds(), d.Model):
		return fmt.Errorf("model is %q, which this version does not know", d.Model)
	}
	for _, size := range []struct {
		name        string
		value, most int
	}{
		{"steps", d.Steps, maxSize}, {"width", d.Width, maxSize}, {"hidden", d.Hidden, maxSize},
		{"layers", d.Layers, maxLayers}, {d.outputsName(), d.outputs(), maxSize},
	} {
		if (size.value < 1 || size.value > size.most) && (d.Stack == nil || size.name != "hidden" && size.name != "layers") {
			return fmt.Errorf("%s is %d, want 1 to %d", size.name, size.value, size.most)
		}
	}
	if d.ofText() {
		return d.checkText()
	}
	if d.ofSeries() {
		if err := d.checkSeries(); err != nil {
			return err
		}
	}
	if d.Steps > 1 && !d.recurrent() {
		return fmt.Errorf("steps is %d, but no layer looks at several", d.Steps)
	}
	features := d.Steps * d.Width
	if n := len(d.Factor); len(d.Shift) != n || n != 1 && n != features {
		return fmt.Errorf("the scaling has %d shifts and %d factors for %d features", len(d.Shift), n, features)
	}
	for i, factor := range d.Factor {
		if !(factor >= 0) || math.IsInf(factor, 0) || math.IsNaN(d.Shift[i]) || math.IsInf(d.Shift[i], 0) {
			return fmt.Errorf("feature %d has shift %v and factor %v", i+1, d.Shift[i], factor)
		}
	}
	if err := d.checkEncodings(); err != nil {
		return err
	}
	if err := d.checkTargets(); err != nil {
		return err
	}
	if name, again := repeated(d.Features); again {
		return fmt.Errorf("two features are called %q", name)
	}
	if name, again := repeated(d.Classes); again {
		return fmt.Errorf("two classes are called %q", name)
	}
	for _, class := range d.Classes {
		if class == "" || strings.ContainsFunc(class, unicode.IsControl) {
			return fmt.Errorf("a class is called %q", class)
		}
	}
	return nil
}

// columns returns how many columns of a table, or features of a picture, the model takes.
func (d *description) columns() int {
	if d.Encodings != nil {
		return len(d.Encodings)
	}
	return d.Steps * d.Width
}

// outputsWanted returns how many columns of a table are the target.
func (d *description) outputsWanted() int { return max(1, len(d.Targets)) }

// outputNames returns the names of what the outputs are.
func (d *description) outputNames() (names []string) {
	if d.ofSeries() {
		return d.seriesOutputNames()
	}
	for _, name := range slices.Concat(d.Targets, d.Classes) {
		names = append(names, shortName(name))
	}
	return names
}

// checkEncodings reports columns that do not become the features of the network.
func (d *description) checkEncodings() error {
	features, columns := d.Steps*d.Width, d.columns()
	if d.Encodings != nil {
		encoded := 0
		for _, e := range d.Encodings {
			encoded += e.Width()
			if name, again := repeated(e.Categories); again {
				return fmt.Errorf("two categories are called %q", name)
			}
			if e.Indicator && d.Missing != "indicator" {
				return fmt.Errorf("an indicator of missing values, but missing is %q", d.Missing)
			}
		}
		if encoded == features {
			if err := d.checkEmbedding(); err != nil {
				return err
			}
		}
		if encoded != features {
			return fmt.Errorf("the columns become %d features, but the network takes %d", encoded, features)
		}
	}
	if d.Features != nil && len(d.Features) != columns {
		return fmt.Errorf("%d names for %d features", len(d.Features), columns)
	}
	return nil
}

// checkTargets reports a regression that cannot be.
func (d *description) checkTargets() error {
	if d.Task != "" {
		return d.checkLabels()
	}
	if d.task() == taskClassify {
		if len(d.TargetShift)+len(d.TargetFactor) > 0 || d.Loss != "" || d.HuberDelta != 0 {
			return errors.New("a scaling or a loss of targets, but there are classes")
		}
		return nil
	}
	if d.Target != "" || d.Classes != nil {
		return errors.New("both classes and numbers to learn")
	}
	if len(d.TargetShift) != len(d.Targets) || len(d.TargetFactor) != len(d.Targets) {
		return fmt.Errorf("the scaling has %d shifts and %d factors for %d targets", len(d.TargetShift), len(d.TargetFactor), len(d.Targets))
	}
	for i, factor := range d.TargetFactor {
		if shift := d.TargetShift[i]; !(factor > 0) || math.IsInf(factor, 0) || math.IsNaN(shift) || math.IsInf(shift, 0) {
			return fmt.Errorf("target %d has shift %v and factor %v", i+1, shift, factor)
		}
	}
	if name, again := repeated(d.Targets); again {
		return fmt.Errorf("two targets are called %q", name)
	}
	if d.Loss != "" && d.Loss != "mae" && d.Loss != "huber" {
		return fmt.Errorf("loss is %q, which this version does not know", d.Loss)
	}
	if (d.Loss == "huber") != (d.HuberDelta > 0) || math.IsInf(d.HuberDelta, 0) || d.HuberDelta < 0 {
		return fmt.Errorf("huber_delta is %v for loss %q", d.HuberDelta, d.Loss)
	}
	return nil
}

// repeated returns the first name that is there twice.
func repeated(names []string) (name string, again bool) {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return name, true
		}
		seen[name] = true
	}
	return "", false
}
