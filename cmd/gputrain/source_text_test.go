package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// counting is a text about numbers.
func counting(lines int) string {
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "%d and %d\nmake %d.\n", i%10, i%7, i%10+i%7)
	}
	return text.String()
}

// onText returns the arguments of a training on text.txt that takes a moment.
func onText(args ...string) []string {
	return append([]string{"train", "--data", "text:text.txt", "--hidden", "12", "--epochs", "2", "--batch", "4", "--steps", "20", "--embedding", "5"}, args...)
}

func TestTextIsLearnedMeasuredAndContinued(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "text.txt", counting(400))
	for units, c := range map[string]struct{ flags, understood, loss string }{
		"char": {"", `text.txt: \d+ characters; the vocabulary has 19: "\\n" " " "\." "0" .* \.\.\.`, "character"},
		"word": {"--text-units word --text-min-count 300", `text.txt: \d+ words; the vocabulary has 4: "<unk>" "\\n" "and" "make"; \d+ \(\d+ %\) are <unk>`, "word"},
		"byte": {"--text-units byte --model gru", `text.txt: \d+ bytes\n`, "byte"},
	} {
		o := gputrain(onText(append(strings.Fields(c.flags), "--out", units)...)...).want(t, 0)
		for _, want := range []string{
			c.understood,
			c.loss + `s: \d+ to train on, in 4 streams of \d+ parts? of 20 steps; \d+ to validate, \d+ to test\n`,
			`epoch   2/2  loss .* ` + c.loss + `s/s`,
		} {
			if !regexp.MustCompile(want).MatchString(o.errors) {
				t.Errorf("%s: stderr has no %q:\n%s", units, want, o.errors)
			}
		}
		last := o.lastLine()
		if !regexp.MustCompile(`^test loss \d\.\d{4} nats per ` + c.loss + ` \(\d\.\d{4} bits, perplexity [\d.]+\)$`).MatchString(last) {
			t.Errorf("%s: the last line is %q", units, last)
		}
		for _, args := range [][]string{{}, {"--quiet"}} {
			if got := gputrain(append([]string{"eval", "--model", units}, args...)...).want(t, 0).lastLine(); got != last {
				t.Errorf("%s: eval ends with %q, train with %q", units, got, last)
			}
		}
		whole := gputrain("eval", "--model", units+"/model.safetensors", "--data", "text:text.txt", "--json").want(t, 0)
		if want := regexp.MustCompile(`"unit":"` + c.loss + `","test_bits":[\d.]+,"test_perplexity":[\d.]+}\n$`); !want.MatchString(whole.out) {
			t.Errorf("%s: eval prints %q", units, whole.out)
		}
	}
	for _, name := range []string{"model.safetensors", "best.safetensors", "curves.png", "result.json", "metrics.csv"} {
		if _, err := os.Stat(filepath.Join("char", name)); err != nil {
			t.Error(err)
		}
	}
	if text := readFile(t, "char/model.safetensors"); !strings.Contains(text, "embedding.weight") || strings.Contains(text, t.TempDir()) {
		t.Error("the model has no embedding.weight, or names a folder")
	}
}

func TestSettingsOfText(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "text.txt", counting(40))
	writeFile(t, "latin.txt", "a\ncaf\xe9\n")
	writeFile(t, "short.txt", "to be")
	writeFile(t, "flowers.csv", flowers(60))
	for _, c := range []struct {
		code int
		args string
		want string
	}{
		{exitUsage, "--data text:", `--data is "text:", but lacks the path, as in text:PATH`},
		{exitUsage, "--data text.txt", `did you mean "text:text.txt"?`},
		{exitUsage, "--data text:text.txt,", `--data is "text:text.txt,", but a path is missing, as in text:FILE,FILE`},
		{exitUsage, "--data text:text.txt --text-units letter", `--text-units is "letter", not one of char, byte, word`},
		{exitUsage, "--data text:text.txt --class-weights balanced", "--class-weights is \"balanced\""},
		{exitUsage, "--data text:text.txt --loss huber", "--loss is \"huber\", which is for numbers"},
		{exitUsage, "--data text:text.txt --text-min-count 2", "--text-min-count is 2, but it is for --text-units word"},
		{exitUsage, "--data text:text.txt --text-units word --text-min-count -1", "--text-min-count is -1; it must be 0 or more"},
		{exitUsage, "--data text:text.txt --embedding -1", "--embedding is -1; it must be 0 to"},
		{exitUsage, "--data text:text.txt --model mlp", "--model is mlp, which has no memory for text; choose lstm, gru or rnn"},
		{exitUsage, "--data text:text.txt --target 1", `--target is "1", but only tables have columns`},
		{exitUsage, "--data csv:flowers.csv --target 3 --text-units word", "--text-units is word, but only text data take it: --data text:FILE"},
		{exitUsage, "--embedding 8", "--embedding is 8, but only text data take it"},
		{exitFailure, "--data text:absent.txt", "absent.txt: "},
		{exitFailure, "--data text:text.txt,absent.txt", "absent.txt: "},
		{exitFailure, "--data text:.", ".: it is a directory"},
		{exitFailure, "--data text:latin.txt", "latin.txt:2: not UTF-8 text; save it as UTF-8, or convert it, from Latin-1 with: iconv -f LATIN1 -t UTF-8"},
		{exitFailure, "--data text:short.txt", "short.txt: the text to learn from is too short: 4 ids are too few for 32 streams of 100 steps, which take one more than 32·100; take fewer or shorter ones; they are --batch and --steps"},
		{exitFailure, "--data text:short.txt --batch 1 --steps 2", "short.txt: the text is too short to hold out two twentieths"},
	} {
		wantFailure(t, c.code, []string{c.want}, append([]string{"train", "--hidden", "4"}, strings.Fields(c.args)...)...)
	}
}

// A run on several files, stopped after any checkpoint, ends with the same bytes, also
// if the files have moved.
func TestARunOnTextResumesExactly(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "text.txt", counting(60))
	writeFile(t, "more.txt", counting(30))
	args := onText("--data", "text:text.txt,more.txt", "--checkpoint-every", "4steps", "--checkpoint-keep", "99")
	gputrain(append(args, "--out", "whole")...).want(t, 0)
	steps, err := runDir("whole").checkpoints()
	if err != nil || len(steps) < 5 {
		t.Fatalf("checkpoints after the steps %v, error %v", steps, err)
	}
	if err := os.Mkdir("moved", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"text.txt", "more.txt"} {
		if err := os.Rename(name, filepath.Join("moved", name)); err != nil {
			t.Fatal(err)
		}
	}
	want := readFile(t, "whole/model.safetensors")
	for i := range steps[:len(steps)-1] { // the newest comes first
		for _, gone := range []string{runDir("whole").checkpointFile(steps[i]), "whole/result.json", "whole/model.safetensors"} {
			if err := os.Remove(gone); err != nil {
				t.Fatal(err)
			}
		}
		gputrain("train", "--resume", "whole", "--data", "text:moved/text.txt,moved/more.txt", "--checkpoint-every", "1epochs", "--quiet").want(t, 0)
		if readFile(t, "whole/model.safetensors") != want {
			t.Errorf("resumed after step %d: other bytes", steps[i+1])
		}
		resumed, err := runDir("whole").checkpoints()
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range resumed {
			if step > steps[i+1] && step != steps[i] {
				os.Remove(runDir("whole").checkpointFile(step))
			}
		}
	}
	writeFile(t, "moved/more.txt", counting(31))
	o := gputrain("train", "--resume", "whole", "--epochs", "3", "--data", "text:moved/text.txt,moved/more.txt").want(t, exitFailure)
	if !strings.Contains(o.errors, "has changed since the run began") && !strings.Contains(o.errors, "is not the one that this run began with") {
		t.Errorf("a changed text: %q", o.errors)
	}
}

func TestATextModelGoesOnWithOtherText(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "text.txt", counting(60))
	writeFile(t, "other.txt", strings.Repeat("10 and 4 make 14.\n", 60))
	writeFile(t, "strange.txt", "1 and 1\nmake two\u2026\n")
	writeFile(t, "flowers.csv", flowers(60))
	gputrain(onText("--out", "run")...).want(t, 0)
	gputrain(quick("--data", "csv:flowers.csv", "--target", "species", "--out", "flowers")...).want(t, 0)
	gputrain(onText("--data", "text:other.txt", "--init-from", "run", "--out", "next")...).want(t, 0)
	if got := gputrain("eval", "--model", "run", "--data", "text:other.txt").want(t, 0).errors; !strings.Contains(got, "other.txt: 1080 characters; the vocabulary has 19:") {
		t.Errorf("stderr %q", got)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"eval", "--model", "run", "--data", "text:strange.txt"}, "strange.txt:2: the character \"t\" (U+0074) is not in the vocabulary of the model, which has 19 characters"},
		{[]string{"eval", "--model", "run", "--data", "digits"}, "digits: the model learned from text; give it --data text:FILE"},
		{[]string{"eval", "--model", "flowers", "--data", "text:text.txt"}, "text.txt: the model learned from csv:flowers.csv, not from text"},
		{[]string{"predict", "--model", "run", "--input", "flowers.csv"}, "run learned from text: gputrain generate goes on with a text"},
		{onText("--data", "text:strange.txt", "--init-from", "run", "--out", "no"), `strange.txt:2: the character "t" (U+0074) is not in the vocabulary`},
		{onText("--text-units", "word", "--init-from", "run", "--out", "no"), "--init-from: the model reads characters, not words"},
		{onText("--embedding", "6", "--init-from", "run", "--out", "no"), "--init-from run: its embedding is 5, but this run's is 6"},
		{onText("--init-from", "flowers", "--out", "no"), "--init-from: the model learned from csv:flowers.csv, not from text"},
	} {
		wantFailure(t, exitFailure, []string{c.want}, c.args...)
	}
	gputrain("export", "--model", "run", "--pytorch", "dict.safetensors").want(t, 0)
	gputrain("import", "dict.safetensors", "--like", "run", "--out", "back.safetensors").want(t, 0)
	there := gputrain("generate", "--model", "run", "--length", "40").want(t, 0).out
	if back := gputrain("generate", "--model", "back.safetensors", "--length", "40").want(t, 0).out; back != there {
		t.Errorf("by way of PyTorch the text is %q, not %q", back, there)
	}
	o := gputrain("export", "--model", "run", "--onnx", "text.onnx").want(t, 0)
	if !strings.Contains(o.errors, "text.onnx: an ONNX model with the input x, [steps, batch, 1], ids of characters; ") {
		t.Errorf("stderr %q", o.errors)
	}
	wantFailure(t, exitUsage, []string{"a text does not say which id its units had: give a run with the same vocabulary as --like"},
		"import", "dict.safetensors", "--as", "lstm", "--data", "text:text.txt", "--out", "no.safetensors")
	wantFailure(t, exitUsage, []string{"--classes is set, but the outputs are those of a vocabulary"},
		"import", "dict.safetensors", "--like", "run", "--classes", "a,b", "--out", "no.safetensors")
	o = gputrain("explain", "--data", "text:text.txt", "--device", "cpu", "--hidden", "12", "--batch", "4", "--steps", "20").want(t, 0)
	if !strings.Contains(o.out, "vocabulary of 19 characters") || !strings.Contains(o.out, "embedding") {
		t.Errorf("explain prints %q", o.out)
	}
}

const textDescription = `{"format":1,"data":"text:a.txt,b.txt","model":"lstm","steps":10,"width":1,"hidden":4,"layers":1,"units":"char","vocabulary":["\n","a"],"embedding":3}`

func TestDescriptionOfText(t *testing.T) {
	valid := textDescription
	if _, err := parseDescription(valid); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`["\n","a"]`, `["a","a"]`, `the vocabulary has "a" twice`},
		{`["\n","a"]`, `["a","bc"]`, `token 1 of the vocabulary, "bc", is no character`},
		{`["\n","a"]`, `[]`, "vocabulary is 0, want 1 to"},
		{`"char"`, `"byte"`, "it has a vocabulary, but bytes have none"},
		{`"char"`, `"rune"`, `there are no units "rune" of text`},
		{`"units":"char",`, ``, `the units are "" for data "text:a.txt,b.txt"`},
		{`"text:a.txt,b.txt"`, `"digits"`, `the units are "char" for data "digits"`},
		{`text:a.txt,b.txt`, `text:a.txt,/etc/b.txt`, "names no path"},
		{`"lstm"`, `"mlp"`, "model is mlp, which cannot read text"},
		{`"embedding":3`, `"embedding":0`, "embedding is 0, want 1 to"},
		{`"width":1`, `"width":2`, "width is 2, want 1 for text"},
		{`"embedding":3`, `"embedding":3,"classes":["a"]`, "it has classes, features or their scaling, but learned from text"},
	} {
		_, err := parseDescription(strings.Replace(valid, c.old, c.new, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.new, err, c.want)
		}
	}
}
