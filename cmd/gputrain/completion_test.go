package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// completions returns what a shell is told about the words of a command line.
func completions(t *testing.T, shell string, words ...string) string {
	t.Helper()
	return strings.Join(strings.Fields(gputrain(append([]string{"__complete", shell}, words...)...).want(t, 0).out), " ")
}

// completionCases are command lines, of which the last word is completed.
var completionCases = []struct{ line, want string }{
	{"tra", "train"},
	{"data ", "inspect"},
	{"help exp", "export explain experiment"},
	{"help experiment ", "list run"},
	{"__c", ""},
	{"train --hid", "--hidden"},
	{"train --quiet --no-t", "--no-tensorboard"},
	{"train --hidden 3 --mod", "--model"},
	{"train --optimizer ", "sgd rmsprop adam adamw"},
	{"train --optimizer s", "sgd"},
	{"train --model=m", "--model=mlp"},
	{"train --nothing=l", ""},
	{"train --text-units b", "byte"},
	{"train --missing m", "mean"},
	{"train --class-weights ", "none balanced"},
	{"train --device c", "cpu cuda"},
	{"train --math bf16", "bf16x6 bf16x3 bf16"},
	{"train --data c", "csv:"},
	{"train --data csv:", ":files"},
	{"train --config ", ":files"},
	{"train --hidden ", ""},
	{"train --resume runs/d", "runs/done runs/diverged"},
	{"train --resume model.s", ":files"},
	{"eval --model la", "latest"},
	{"eval --device g", "gl"},
	{"runs latest sweeps/", "sweeps/rates/trial-0001"},
	{"report s", "sweeps/rates/trial-0001"},
	{"import --as g", "gru"},
	{"import ", ":files"},
	{"import a --l", "--like"},
	{"predict --input ", ":files"},
	{"explain --gpu R", "RTX4090"},
	{"experiment run xor", "xor xor-perceptron"},
	{"completion ", "bash zsh fish powershell"},
	{"version ", "--help"},
	{"--v", "--version"},
}

func completionFolder(t *testing.T) {
	t.Helper()
	fakeRuns(t)
	fakeRun(t, "sweeps/rates/trial-0001", func(*settings) {}, 0.5)
	writeFile(t, "table one.csv", "")
}

// Each flag, setting and run that there is is completed, for whoever adds one.
func TestCompletion(t *testing.T) {
	skipUnderRace(t)
	completionFolder(t)
	for _, c := range completionCases {
		want := filepath.FromSlash(c.want)
		words := strings.Split(c.line, " ")
		for i, word := range words {
			words[i] = filepath.FromSlash(word)
		}
		if got := completions(t, "zsh", words...); !sameWords(got, want) {
			t.Errorf("%q: got %q, want %q", c.line, got, want)
		}
	}
	// Bash breaks words, and PowerShell has no empty ones.
	for _, c := range []struct{ shell, words, want string }{
		{"bash", "train|--optimizer|=|s", "sgd"},
		{"bash", "train|--optimizer|=", "sgd rmsprop adam adamw"},
		{"bash", "train|--data|csv|:|a", ":files"},
		{"bash", "train|--data|c", "csv:"},
		{"bash", "train|--optimizer|=|sgd|--quie", "--quiet"},
		{"powershell", `completion|""`, "bash zsh fish powershell"},
		{"powershell", `""`, completions(t, "zsh", "")},
		{"fish", "", completions(t, "zsh", "")},
	} {
		if got := completions(t, c.shell, strings.Split(c.words, "|")...); got != c.want || c.want == "" {
			t.Errorf("%s, %s: got %q, want %q", c.shell, c.words, got, c.want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if script := gputrain("completion", shell).want(t, 0).out; !strings.Contains(script, "__complete "+shell) {
			t.Errorf("the script of %s is\n%s", shell, script)
		}
	}
	wantFailure(t, exitUsage, []string{`must be one of "bash","zsh","fish","powershell" but got "tcsh"`}, "completion", "tcsh")
	wantFailure(t, exitUsage, []string{`"<shell>"`}, "completion")
}

// The scripts do that in the shells which are there.
func TestShellsComplete(t *testing.T) {
	skipUnderRace(t)
	completionFolder(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(path, "gputrain")); err != nil {
		t.Skip(err) // Windows
	}
	t.Setenv("PATH", path+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("GPUTRAIN_TEST_MAIN", "gputrain")
	t.Setenv("HOME", t.TempDir())
	cases := []struct{ line, want string }{
		{"gputrain tra", "train"}, {"gputrain train --optimizer ", "sgd rmsprop adam adamw"}, {"gputrain eval --model runs/do", "runs/done"},
		{"gputrain train --config table", "FILES"}, {"gputrain train --data csv:table", "FILES"}, {"gputrain experiment run xor-p", "xor-perceptron"},
	}
	for shell, script := range map[string]string{
		// Bash has no command that completes a line, so the script does what it does.
		"bash": `eval "$(gputrain completion bash)"
			complete -p gputrain | grep -q -- '-F _gputrain gputrain' || echo no completion
			compopt() { [[ $2 == default ]] && echo FILES; }
			while IFS= read -r line; do
				COMP_WORDS=(${line//:/ : }); [[ $line == *" " ]] && COMP_WORDS+=("")
				COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
				files=$(_gputrain; echo "${COMPREPLY[@]}"); echo $files
			done`,
		"zsh": `compdef() { [[ $1 == _gputrain && $2 == gputrain ]] || echo no completion; }
			compset() { :; }
			_files() { echo FILES; }
			compadd() { while [[ $1 != -- ]]; do shift; done; shift; echo $@; }
			eval "$(gputrain completion zsh)"
			while IFS= read -r line; do
				words=(${(s: :)line}); [[ $line == *" " ]] && words+=("")
				CURRENT=${#words}
				_gputrain
			done`,
		"fish": `gputrain completion fish | source
			while read --local --null line
				for each in (string split \n -- $line)
					test -n "$each"; and echo (complete -C $each)
				end
			end`,
	} {
		program, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		var lines, want []string
		for _, c := range cases {
			lines = append(lines, c.line)
			switch {
			case c.want == "FILES" && shell == "fish" && strings.Contains(c.line, "csv:"):
				c.want = "csv:table one.csv"
			case c.want == "FILES" && shell == "fish":
				c.want = "table one.csv"
			}
			want = append(want, c.want)
		}
		args := map[string][]string{"bash": {"--norc", "-c"}, "zsh": {"-f", "-c"}, "fish": {"--no-config", "-c"}}[shell]
		command := exec.Command(program, append(args, script)...)
		command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		out, err := command.Output()
		got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !sameWords(got[i], want[i]) {
				t.Errorf("%s: %v: got\n%q\nwant\n%q", shell, err, got, want)
				break
			}
		}
	}
}
