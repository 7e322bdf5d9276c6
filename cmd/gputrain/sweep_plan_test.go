package main

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func TestWrongSweepFiles(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	for text, want := range map[string]string{
		"":                                    "s.toml: the table [vary] is missing: it lists the settings that vary",
		"vary = 3":                            "the table [vary] is missing",
		"[vary]":                              "the table [vary] is missing",
		"[[vary]]\nlr = [1]":                  "the table [vary] is missing",
		"hiden = 3\n[vary]\nlr = [1]":         `s.toml:1: hiden is an unknown key, did you mean "hidden"?`,
		"\n[vari]\nlr = [1]":                  `s.toml:2: vari is an unknown key, did you mean "vary"?`,
		"\nhidden = \"a\"\n[vary]\nlr = [1]":  "s.toml:2: hidden is a: incompatible types",
		"\nhidden = 0\n[vary]\nlr = [1]":      "s.toml:2: hidden is 0; it must be 1 to",
		"format = 2\n[vary]\nlr = [1]":        "s.toml:1: format is 2, this version of gputrain knows 1 only",
		"lr = 1\n[vary]\nlr = [1]":            "lr is among the settings that all trials have, and in [vary]",
		"[vary]\nlrr = [1]":                   "[vary] lrr is an unknown key",
		"[vary]\nlr = 1":                      "[vary] lr is 1; it must be a list of values, or limits",
		"[vary]\nlr = []":                     "[vary] lr is an empty list",
		"[vary]\nlr = [0.1, 0.2, 0.1]":        "[vary] lr has the value 0.1 twice",
		"[vary]\nlr = [0.1, \"a\"]":           "[vary] lr is a: incompatible types",
		"[vary]\nlr = [0.1, 0]":               "s.toml: lr is 0; it must be a number above 0 (trial 2: lr 0)",
		"[vary]\nlr = [nan]":                  "lr is NaN",
		"[vary]\nmodel = [\"lstm\", \"gro\"]": `did you mean "gru"? (trial 2: model gro)`,
		"[vary]\noptimizer = [\"sgd\", \"adam\"]\nmomentum = [0.5]":    "momentum is 0.5, but adam has none",
		"[vary]\nlr = {min = 1, max = 2}":                              "[vary] lr has limits, which take a number of trials to draw: [search] trials = 20",
		"[vary]\nlr = {min = 1}":                                       "[vary] lr lacks max",
		"[vary]\nlr = {max = 1}":                                       "[vary] lr lacks min",
		"[vary]\nlr = {min = 1, max = 2, step = 1}":                    `[vary] lr has "step", but limits are min and max`,
		"[vary]\nlr = {min = 1, max = 1}":                              "max must be above min",
		"[vary]\nlr = {min = -1e308, max = 1e308}":                     "max must be above min",
		"[vary]\nlr = {min = nan, max = 1}":                            "max must be above min",
		"[vary]\nlr = {min = 0, max = 1, log = true}":                  "log = true, but the min 0; it must be above 0",
		"[vary]\nlr = {min = 1, max = 2, log = 3}":                     "log = 3; it must be true or false",
		"[vary]\nlr = {min = \"a\", max = 2}":                          "has the min a, which is not a number of its kind",
		"[vary]\nhidden = {min = 1.5, max = 2}":                        "has the min 1.5, which is not a number of its kind",
		"[vary]\nseed = {min = 1, max = 9223372036854775807}":          "which are too large",
		"[vary]\nmodel = {min = 1, max = 2}":                           "model has limits, but is no number",
		"[vary]\nlr = [1]\n[search]\ntrials = 2":                       "[search] trials is 2, but 1000 draws in a row brought nothing new after 1 different trials",
		"[vary]\nlr = [1]\n[search]\ntrials = 0":                       "[search] trials is 0; it must be 1 to 1000",
		"[vary]\nlr = [1]\n[search]\ntrials = 1001":                    "[search] trials is 1001; it must be 1 to 1000",
		"[vary]\nlr = [1]\n[search]\ntrails = 3":                       `[search] has the unknown key "trails", did you mean "trials"?`,
		"[vary]\nlr = [1]\n[search]\nby = \"accuracy\"":                `[search] by is "accuracy", not one of validation_loss, validation_accuracy`,
		"[vary]\nlr = [1]\n[halving]\neta = 1":                         "[halving] eta is 1; it must be 2 to",
		"[vary]\nlr = [1]\n[halving]\nepochs = 0":                      "[halving] epochs is 0; it must be 1 or more, and less than the 30 of a trial",
		"[vary]\nlr = [1]\n[halving]\nepochs = 30":                     "[halving] epochs is 30",
		"[vary]\nepochs = [3, 4]\n[halving]":                           "take epochs out of [vary]",
		"[vary]\nlr = [1]\n[halving]\nepochs = \"a\"":                  "incompatible types",
		"[vary]\nlr = [1\n":                                            "s.toml: line 2",
		"[vary]\nlr = [1]\nlr = [2]":                                   "already",
		"data = \"\xff\"":                                              "save it as UTF-8",
		"[vary]\nseed = [" + strings.Repeat("1,", 999_999) + "]":       "it has more than 1 MiB",
		"[vary]\nhidden = " + listOf(40) + "\nbatch = " + listOf(40):   "the values of [vary] have more than 1000 combinations",
		"data = \"csv:x.csv\"\n[vary]\nlr = [1]":                       "target is missing",
		"[vary]\nlr.min = 1\nlr.max = 2\nlr.min.x = 3":                 "",
		"[vary]\ntarget = [[\"a\"]]":                                   "only tables have columns (trial 1: target a)",
		"[vary]\ncheckpoint-every = [\"10m\", \"yes\"]":                "checkpoint-every",
		"[vary]\ndevice = [\"cpu\", \"tpu\"]":                          "(trial 2: device tpu)",
		"[vary]\nlr = [1]\n[vary.hidden]\nmin = 1\nmax = 3\nlog = 1.5": "log = 1.5; it must be true or false",
	} {
		writeFile(t, "s.toml", text)
		wantFailure(t, exitUsage, []string{want}, "sweep", "s.toml")
	}
	writeFile(t, "s.toml", "[vary]\nlr = [1]\n")
	wantFailure(t, exitUsage, []string{"--jobs is 0; it must be 1 to 1000"}, "sweep", "s.toml", "--jobs", "0")
	func() {
		t.Setenv("GOMEMLIMIT", "1MiB")
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 20))
		wantFailure(t, exitFailure, []string{"--jobs 1 leaves 0 KiB of memory to each; take fewer"}, "sweep", "s.toml", "--jobs", "4")
	}()
	wantFailure(t, exitFailure, []string{"nothing.toml"}, "sweep", "nothing.toml")
	wantFailure(t, exitUsage, []string{`unknown flag --job, did you mean "--jobs"?`}, "sweep", "s.toml", "--job", "3")
}

// listOf returns a list of the first numbers.
func listOf(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint(i+1))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func TestGridsAreInTheOrderOfTheFile(t *testing.T) {
	p, err := readSweep("s.toml", []byte("epochs = 7\n[vary]\nmodel = [\"mlp\", \"rnn\"]\nhidden = [5, 3]\ntensorboard = [true]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.trials {
		got = append(got, fmt.Sprintf("%s %d %d %v", s.Model, s.Hidden, s.Epochs, s.TensorBoard))
	}
	if want := []string{"mlp 5 7 true", "mlp 3 7 true", "rnn 5 7 true", "rnn 3 7 true"}; !slices.Equal(got, want) {
		t.Errorf("got the trials %q, want %q", got, want)
	}
}

func TestTrialsAreDrawn(t *testing.T) {
	drawn := func(trials, seed int) []settings {
		p, err := readSweep("s.toml", fmt.Appendf(nil, `
			[vary]
			lr = {min = 1e-4, max = 1, log = true}
			hidden = {min = 3, max = 5}
			clip = {min = 0, max = 10}
			batch = [16, 32]
			[search]
			trials = %d
			seed = %d`, trials, seed))
		if err != nil {
			t.Fatal(err)
		}
		return p.trials
	}
	all := drawn(150, 1)
	counts := map[any]int{}
	logs, clips := 0.0, 0.0
	for i, s := range all {
		if s.LR < 1e-4 || s.LR > 1 || s.Clip < 0 || s.Clip > 10 {
			t.Errorf("trial %d: %v, %v", i+1, s.LR, s.Clip)
		}
		if len(formatSetting(s.LR)) > 9 {
			t.Errorf("trial %d: the rate is %v", i+1, s.LR)
		}
		counts[s.Hidden]++
		counts[s.Batch]++
		logs += math.Log10(s.LR) / 150
		clips += s.Clip / 150
	}
	// Of 150 draws, a third is 50 and a half is 75; three deviations are 18.
	for value, want := range map[int]int{3: 50, 4: 50, 5: 50, 16: 75, 32: 75} {
		if math.Abs(float64(counts[value]-want)) > 18 {
			t.Errorf("%d was drawn %d times, want about %d", value, counts[value], want)
		}
	}
	if len(counts) != 5 || math.Abs(logs+2) > 0.3 || math.Abs(clips-5) > 0.75 {
		t.Errorf("drawn %v; the mean exponent is %.2f, want -2; the mean is %.2f, want 5", counts, logs, clips)
	}
	same := func(a, b []settings) bool {
		return slices.EqualFunc(a, b, func(a, b settings) bool { return len(a.changes(&b)) == 0 })
	}
	if !same(drawn(10, 1), all[:10]) {
		t.Error("a shorter sweep is not the beginning of a longer one")
	}
	if same(drawn(10, 2), all[:10]) {
		t.Error("another seed draws the same")
	}
	// Of few combinations, each is drawn once.
	p, err := readSweep("s.toml", []byte("[vary]\nhidden = {min = 1, max = 4, log = true}\nbatch = [1, 2]\n[search]\ntrials = 8\n"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range p.trials {
		seen[fmt.Sprint(s.Hidden, s.Batch)] = true
	}
	if len(seen) != 8 {
		t.Errorf("drawn are %v", seen)
	}
}

func TestRungsOfHalving(t *testing.T) {
	for _, c := range []struct {
		h      *halving
		epochs int
		want   string
	}{
		{nil, 30, "[]"}, {&halving{3, 1}, 30, "[1 3 9 27]"}, {&halving{3, 1}, 27, "[1 3 9]"}, {&halving{2, 5}, 6, "[5]"}, {&halving{1000, 1}, maxEpochs, "[1 1000]"},
	} {
		if got := fmt.Sprint(c.h.rungs(c.epochs)); got != c.want {
			t.Errorf("%+v: the rungs of %d epochs are %s, want %s", c.h, c.epochs, got, c.want)
		}
	}
}

// Whatever is read as a sweep has trials of settings that gputrain train takes, written
// and read again.
func FuzzReadSweep(f *testing.F) {
	for _, text := range []string{
		"[vary]\nlr = [0.1, 0.2]\n", "vary = {lr = {min = 1, max = 2.5}}\n[search]\ntrials = 3\nby = \"validation_accuracy\"\n",
		"format = 1\n[vary]\nhidden = {min = 1, max = 1e3, log = true}\n\"lr\" = [1]\n[search]\ntrials = 2\nseed = -1\n[halving]\neta = 3",
		"data = \"csv:a\"\ntarget = \"x\"\n[vary]\nfeatures = [\"a\", [\"b\", \"c\"]]\n", "[vary]\nlr = [inf, 1979-05-27]\n", "[[vary]]\n[vary.lr]\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readSweep("s.toml", []byte(text))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		if len(p.trials) == 0 || len(p.trials) > largestSweep {
			t.Fatalf("%d trials", len(p.trials))
		}
		dir := runDir(t.TempDir())
		for i, s := range p.trials {
			if err := s.check(); err != nil {
				t.Fatalf("trial %d: %v", i+1, err)
			}
			if err := dir.writeConfig(&s, nil); err != nil {
				t.Fatal(err)
			}
			if run, err := readRun(dir); err != nil || run.settings.LR != s.LR {
				t.Fatalf("trial %d of %s: %v", i+1, filepath.Base(string(dir)), err)
			}
		}
	})
}

// The files that docs/sweep.md and the help show are read.
func TestSweepsOfTheDocumentsAreRead(t *testing.T) {
	_, page, _ := strings.Cut(readFile(t, "../../docs/sweep.md"), "```toml\n")
	page, _, _ = strings.Cut(page, "```")
	if p, err := readSweep("docs/sweep.md", []byte(page)); err != nil || len(p.trials) != 12 || p.Halving == nil {
		t.Errorf("docs/sweep.md: %v", err)
	}
	var blocks []string
	within := false
	for line := range strings.Lines((&sweepCommand{}).Help()) {
		text, isCode := strings.CutPrefix(line, "    ")
		switch {
		case isCode && !within:
			blocks = append(blocks, text)
		case isCode || within && strings.TrimSpace(line) == "":
			blocks[len(blocks)-1] += text
		}
		within = isCode || within && strings.TrimSpace(line) == ""
	}
	if len(blocks) != 3 {
		t.Fatalf("the help has %d blocks: %q", len(blocks), blocks)
	}
	for i, text := range []string{blocks[0], blocks[1], blocks[1] + blocks[2]} {
		if p, err := readSweep("help", []byte(text)); err != nil || len(p.trials) != []int{9, 30, 30}[i] {
			t.Errorf("%v:\n%s", err, text)
		}
	}
}
