package main

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inlineCode = regexp.MustCompile("`([^`\n]+(?:\n[^`\n]+)?)`")
	ownCommand = regexp.MustCompile(`^(?:\S+=\S+ |compute-sanitizer )?(?:\./|go run \./cmd/)?gputrain (.+)$`)
)

// placeholders stand in the documents for what the reader puts there.
var placeholders = map[string]string{"NAME": "xor", "S": "1", "RUN": "latest", "RATE": "0.01", "N": "5"}

// commandsIn returns the command lines of gputrain in a document: in blocks of no
// language, in lines that are indented, and within the text.
func commandsIn(document string) (commands []string) {
	var code []string
	text := ""
	fence, within := "", false
	for line := range strings.Lines(document) {
		line = strings.TrimSuffix(line, "\n")
		switch info, isFence := strings.CutPrefix(line, "```"); {
		case isFence:
			fence, within = info, !within
		case within && fence == "" || !within && strings.HasPrefix(line, "    "):
			code = append(code, line)
		case !within:
			text += line + "\n"
		}
	}
	for _, match := range inlineCode.FindAllStringSubmatch(text, -1) {
		code = append(code, match[1])
	}
	for _, line := range code {
		line, _, _ = strings.Cut(line, " # ")
		if match := ownCommand.FindStringSubmatch(strings.Join(strings.Fields(line), " ")); match != nil {
			commands = append(commands, match[1])
		}
	}
	return commands
}

// checkCommand returns an error unless the grammar and the checks of the settings
// take a command line.
func checkCommand(line string) error {
	args := strings.Fields(line)
	for i, word := range args {
		if value, ok := placeholders[word]; ok {
			args[i] = value
		}
	}
	ctx, err := parse(args, console{out: io.Discard, err: io.Discard})
	if err != nil || ctx == nil { // nil after help
		return err
	}
	switch c := ctx.Selected().Target.Addr().Interface().(type) {
	case *trainCommand:
		return c.check()
	case *explainCommand:
		return c.check()
	case *profileCommand:
		if _, err := findGPU(c.GPU); err != nil {
			return err
		}
		return c.check()
	case *evalCommand:
		return checkDevice(c.Device)
	case *predictCommand:
		return checkDevice(c.Device)
	case *conformanceCommand:
		return checkDevice(c.Device)
	case *benchCommand:
		return c.check()
	case *experimentRunCommand:
		if _, err := c.choose(); err != nil {
			return err
		}
		return checkDevice(c.Device)
	}
	return nil
}

func TestCommandsOfTheDocumentsCanBePasted(t *testing.T) {
	skipUnderRace(t)
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]string{}
	for _, path := range append(paths, "../../README.md") {
		if filepath.Base(path) != "command.md" { // which is the help
			documents[path] = readFile(t, path)
		}
	}
	t.Chdir(t.TempDir())
	gputrain("train", "--epochs", "1", "--hidden", "2", "--quiet").want(t, 0) // is the latest run
	found := 0
	for path, text := range documents {
		for _, line := range commandsIn(text) {
			found++
			if err := checkCommand(line); err != nil {
				t.Errorf("%s: gputrain %s: %v", path, line, err)
			}
		}
	}
	if found < 30 {
		t.Errorf("%d commands in %d documents", found, len(documents))
	}
}

// The control: commands that are stale are found, wherever they stand.
func TestStaleCommandsOfDocumentsAreFound(t *testing.T) {
	const document = "# Title\n\n```\n$ no\ngputrain train --fresh 3   # a comment\n```\n\n```go\ngputrain train --no-code\n```\n\n" +
		"    ./gputrain devices\n\nText with `gputrain experiment run\nNAME` and `gputrain` and `go run ./cmd/gputrain eval`.\n" +
		"```\nCUDA=1 gputrain explain\ncompute-sanitizer ./gputrain version\ncmd/gputrain  the command\n```\n"
	want := []string{"train --fresh 3", "devices", "explain", "version", "experiment run NAME", "eval"}
	if got := commandsIn(document); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got commands %q, want %q", got, want)
	}
	for line, wanted := range map[string]string{
		"train --fresh 3":                     "unknown flag --fresh",
		"trains":                              "unknown command",
		"train --model transformer":           "--model is",
		"train --data cvs:x":                  "--data is",
		"explain --optimizer lion":            "--optimizer is",
		"profile --gpu P100":                  "--gpu is",
		"experiment run nothing":              "there is no experiment",
		"eval --model run --device gpu":       "--device is",
		"predict --model run":                 "--input",
		"conformance --device cpu --max-size": "lacks its value",
		"eval":                                "missing flags",
	} {
		if err := checkCommand(line); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%s: got %v, want an error with %q", line, err, wanted)
		}
	}
	if err := checkCommand("experiment run NAME --seed S"); err != nil {
		t.Error(err)
	}
}
