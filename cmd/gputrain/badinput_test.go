package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"gputrain/model"
)

// flowers returns a CSV file of three separable classes.
func flowers(rows int) string {
	var text strings.Builder
	text.WriteString("length,width,species\n")
	for i := range rows {
		class := i % 3
		fmt.Fprintf(&text, "%d.%d,%d,%s\n", class, i%7, 10-class, []string{"iris", "lily", "rose"}[class])
	}
	return text.String()
}

// idxImages returns an IDX file of 2×2 images whose header declares count of
// them.
func idxImages(count uint32, pixels ...byte) string {
	text := binary.BigEndian.AppendUint32(nil, 0x803)
	for _, size := range []uint32{count, 2, 2} {
		text = binary.BigEndian.AppendUint32(text, size)
	}
	return string(append(text, pixels...))
}

// idxLabels is idxImages for labels.
func idxLabels(count uint32, labels ...byte) string {
	text := binary.BigEndian.AppendUint32(nil, 0x801)
	return string(append(binary.BigEndian.AppendUint32(text, count), labels...))
}

func writeIDX(t *testing.T, dir, images, labels string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/train-images-idx3-ubyte", images)
	writeFile(t, dir+"/train-labels-idx1-ubyte", labels)
}

// writeIDXTest writes a test set alone.
func writeIDXTest(t *testing.T, dir, images, labels string) {
	t.Helper()
	writeIDX(t, dir, images, labels)
	for _, name := range []string{"images-idx3-ubyte", "labels-idx1-ubyte"} {
		if err := os.Rename(dir+"/train-"+name, dir+"/t10k-"+name); err != nil {
			t.Fatal(err)
		}
	}
}

// writeEdited writes the model of run with a part of its description replaced.
func writeEdited(t *testing.T, path, old, new string) {
	t.Helper()
	file, err := model.ReadFile("run/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	file.Meta[descriptionKey] = strings.Replace(file.Meta[descriptionKey], old, new, 1)
	if err := file.Write(path); err != nil {
		t.Fatal(err)
	}
}

func TestBadInput(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	good := flowers(60)
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	writer.Write([]byte(good))
	writer.Close()
	series := "value,next\n"
	for i := range 60 {
		series += fmt.Sprintf("%d,%d.5\n", i, i)
	}
	for name, content := range map[string]string{
		"good.csv":    good,
		"ragged.csv":  strings.Replace(good, "\n0.3,10,", "\n0.3,", 1),
		"text.csv":    strings.Replace(good, "\n0.3,10,", "\n0.3,ten,", 1),
		"nan.csv":     strings.Replace(good, "\n0.3,10,", "\n0.3,NaN,", 1),
		"quote.csv":   strings.Replace(good, "\n0.3,", "\n\"0.3,", 1),
		"empty.csv":   "",
		"header.csv":  "length,width,species\n",
		"few.csv":     flowers(3),
		"wide.csv":    "1,2,3,iris\n1,2,3,lily\n",
		"numbers.csv": "1,2,0\n1,2,1\n",
		"series.csv":  series,
		"tall.csv":    "height,width\n1,2\n",
		"65.csv":      strings.Repeat("1,", 64) + "1\n",
		"tulip.csv":   "length,width,species\n1,2,tulip\n",
		"torn.csv.gz": zipped.String()[:zipped.Len()/2],
		"key.toml":    "epochs = 2\n\nhiden = 8\n",
		"case.toml":   "Hidden = 8\n",
		"layers.toml": "[[layer]]\nkind = \"lstm\"\n",
		"table.toml":  "[squeezenet]\nhidden = 8\n",
		"type.toml":   "epochs = 2\nhidden = \"many\"\n",
		"range.toml":  "epochs = 2\nbatch = 0\n",
		"enum.toml":   "model = \"lstn\"\n",
		"syntax.toml": "epochs = 2\nhidden 8\n",
	} {
		writeFile(t, name, content)
	}
	writeIDX(t, "short", idxImages(3, 1, 2, 3, 4), idxLabels(3, 0, 1, 0))
	writeIDX(t, "lying", idxImages(1<<31, 1, 2, 3, 4), idxLabels(1<<31, 0, 1, 0))
	writeIDX(t, "unequal", idxImages(1, 1, 2, 3, 4), idxLabels(3, 0, 1, 0))
	writeIDX(t, "foreign", good, idxLabels(3, 0, 1, 0))

	gputrain(quick("--out", "digits-run")...).want(t, 0)
	gputrain(quick("--out", "run", "--data", "csv:good.csv", "--target", "species")...).want(t, 0)
	file := readFile(t, "run/model.safetensors")
	writeFile(t, "torn.safetensors", file[:len(file)-5])
	writeFile(t, "header.safetensors", file[:20])
	writeFile(t, "lying.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f"+file[8:])
	writeEdited(t, "shape.safetensors", `"hidden":8`, `"hidden":9`)
	writeEdited(t, "kind.safetensors", `"model":"mlp"`, `"model":"grid"`)
	writeEdited(t, "size.safetensors", `"layers":1`, `"layers":0`)
	writeEdited(t, "scaling.safetensors", `"shift":[`, `"shift":[1,`)
	writeEdited(t, "garbled.safetensors", `"steps":1`, `"steps":"one"`)
	writeFile(t, "foreign.safetensors", "\x02\x00\x00\x00\x00\x00\x00\x00{}")

	for _, c := range []struct {
		name string
		line string
		code int
		want []string
	}{
		{"csv missing", "train --data csv:no.csv --target species", 1, []string{"no.csv: no such file"}},
		{"csv is a directory", "train --data csv:run --target species", 1, []string{"run: ", "directory"}},
		{"csv ragged", "train --data csv:ragged.csv --target species", 1, []string{"ragged.csv:5:3: ", "the number of fields is 2"}},
		{"csv text", "train --data csv:text.csv --target species", 1, []string{"text.csv:5:2: ", `"width"`, `"ten" is not a number`}},
		{"csv NaN", "train --data csv:nan.csv --target species", 1, []string{"nan.csv:5:2: ", `"NaN"`}},
		{"csv open quote", "train --data csv:quote.csv --target species", 1, []string{"quote.csv:"}},
		{"csv empty", "train --data csv:empty.csv --target species", 1, []string{"empty.csv: the file is empty"}},
		{"csv header only", "train --data csv:header.csv --target species", 1, []string{"header.csv: "}},
		{"csv too short to split", "train --data csv:few.csv --target species", 1, []string{"few.csv: too few samples to split into training, validation and test sets: 3"}},
		{"csv numbers for classes", "train --data csv:series.csv --target next --task classify", 1, []string{"series.csv: ", "60 different values in 60 samples", "classes"}},
		{"csv torn gzip", "train --data csv:torn.csv.gz --target species", 1, []string{"torn.csv.gz: "}},
		{"csv class column absent", "train --data csv:good.csv --target specis", 1, []string{"good.csv:1: ", `"specis"`, `"species"`}},
		{"csv class column beyond", "train --data csv:good.csv --target 4", 1, []string{"good.csv:1: ", "1 to 3"}},
		{"csv steps", "train --data csv:good.csv --target species --steps 3", 2, []string{"--steps is 3; it must divide the 2 features"}},
		{"idx missing", "train --data idx:no", 1, []string{"no: "}},
		{"idx empty directory", "train --data idx:run", 1, []string{"run: there is no train-images-idx3-ubyte"}},
		{"idx truncated", "train --data idx:short", 1, []string{"short/train-images-idx3-ubyte"}},
		{"idx claims 2^31 images", "train --data idx:lying", 1, []string{"lying/train-images-idx3-ubyte", "2147483648"}},
		{"idx counts differ", "train --data idx:unequal", 1, []string{"unequal/train-", "3"}},
		{"idx foreign", "train --data idx:foreign", 1, []string{"foreign/train-images-idx3-ubyte"}},
		{"config missing", "train --config no.toml", 1, []string{"no.toml: no such file"}},
		{"config key", "train --config key.toml", 2, []string{`key.toml:3: unknown key "hiden", did you mean "hidden"?`}},
		{"config key in capitals", "train --config case.toml", 2, []string{`case.toml:1: unknown key "Hidden", did you mean "hidden"?`}},
		{"config table", "train --config table.toml", 2, []string{`table.toml:1: unknown key "squeezenet", the keys are the flags`}},
		{"config of layers", "train --config layers.toml", 2, []string{"layers.toml:1: it has layers: give it to --network"}},
		{"config type", "train --config type.toml", 2, []string{"type.toml: line 2", "hidden", "integer"}},
		{"config range", "train --config range.toml", 2, []string{"range.toml:2: batch is 0; it must be 1 to"}},
		{"config enum", "train --config enum.toml", 2, []string{`enum.toml:1: model is "lstn"`, `"lstm"`}},
		{"config syntax", "train --config syntax.toml", 2, []string{"syntax.toml: line 2"}},
		{"out is under a file", "train --out good.csv/run", 1, []string{"good.csv", "not a directory"}},
		{"out is a file", "train --out good.csv", 1, []string{"good.csv", "not a directory"}},
		{"out of memory", "train --hidden 1000000", 1, []string{"out of memory"}},
		{"out of memory for the batch", "train --batch 10000000 --hidden 10000", 1, []string{"out of memory"}},
		{"resume missing", "train --resume no", 1, []string{"no is not a run", "no such file"}},
		{"model missing", "eval --model no", 1, []string{"no: there is no such run or model file; "}},
		{"model directory without a model", "eval --model short", 1, []string{"short: this directory has no model.safetensors: it is no run"}},
		{"model torn", "eval --model torn.safetensors", 1, []string{"torn.safetensors: ", "cut short"}},
		{"model torn in the header", "eval --model header.safetensors", 1, []string{"header.safetensors: ", "cut short"}},
		{"model with a lying header", "eval --model lying.safetensors", 1, []string{"lying.safetensors: "}},
		{"model is no model", "predict --model good.csv --input good.csv", 1, []string{"good.csv: "}},
		{"model of another program", "eval --model foreign.safetensors", 1, []string{"foreign.safetensors: not a model of gputrain"}},
		{"model of another shape", "eval --data csv:good.csv --model shape.safetensors", 1, []string{"shape.safetensors: ", "hidden0.weight", "[8 2]", "[9 2]"}},
		{"model of a later kind", "eval --model kind.safetensors", 1, []string{`kind.safetensors: `, `"grid"`}},
		{"model of no size", "eval --model size.safetensors", 1, []string{`size.safetensors: `, "layers is 0"}},
		{"model with garbled metadata", "eval --model garbled.safetensors", 1, []string{`garbled.safetensors: metadata "gputrain.model": `}},
		{"model with other scaling", "eval --model scaling.safetensors", 1, []string{`scaling.safetensors: `, "3 shifts and 2 factors"}},
		{"eval data missing", "eval --model run --data csv:no.csv", 1, []string{"no.csv: no such file"}},
		{"eval data kind", "eval --model run --data cvs:no.csv", 2, []string{`--data is "cvs:no.csv"`, `"csv"`}},
		{"eval data without its kind", "eval --model run --data good.csv", 2, []string{`did you mean "csv:good.csv"?`}},
		{"eval without target", "eval --model digits-run --data csv:good.csv", 2, []string{"--target is missing"}},
		{"eval data of other width", "eval --model run --data csv:wide.csv --target 4", 1, []string{"wide.csv:1: no header, and the number of columns is 3 where the model takes 2"}},
		{"eval data of other classes", "eval --model run --data csv:tulip.csv", 1, []string{"tulip.csv:2:3: ", `"tulip"`}},
		{"eval data of other source", "eval --model run --data digits", 1, []string{"digits: its samples have 64 features, but the model takes 2"}},
		{"eval a model file without data", "eval --model run/model.safetensors", 2, []string{`--data is missing: run/model.safetensors says that it learned from "csv:good.csv"`}},
		{"predict input missing", "predict --model run --input no.csv", 1, []string{"no.csv: no such file"}},
		{"predict input of other width", "predict --model digits-run --input good.csv --target species", 1, []string{"good.csv: its samples have 2 features, but the model takes 64"}},
		{"predict without a feature", "predict --model run --input tall.csv", 1, []string{`tall.csv:1: no column "length"; the model takes`}},
		{"predict with a class column of numbers", "predict --model run --input numbers.csv", 1, []string{"numbers.csv:1: no header, and the number of columns is 3 where the model takes 2", "target"}},
		{"predict digits with a class column", "predict --model digits-run --input 65.csv", 1, []string{"65.csv has 65 columns, 1 more than the model takes", "--target"}},
		{"predict out", "predict --quiet --model run --input good.csv --target species --out good.csv/p.csv", 1, []string{"good.csv/", "not a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantFailure(t, c.code, c.want, strings.Fields(c.line)...)
		})
	}
}
