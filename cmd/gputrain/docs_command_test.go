package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

//go:generate go test -run TestCommandReferenceIsFresh -update .

var update = flag.Bool("update", false, "rewrite docs/command.md")

// docs/command.md shows the help to those who read before they install.
func TestCommandReferenceIsFresh(t *testing.T) {
	const path = "../../docs/command.md"
	text := strings.Builder{}
	text.WriteString("# The command\n\nWritten by `go generate ./cmd/gputrain` from the help of the command; do not edit.\n")
	commands := []string{""}
	for _, node := range kong.Must(new(cli)).Model.Leaves(true) {
		command, _, _ := strings.Cut(node.Path(), " <")
		command, _, _ = strings.Cut(command, " [")
		commands = append(commands, command)
	}
	for _, command := range commands {
		help := gputrain(strings.Fields(command+" --help")...).want(t, 0).out
		text.WriteString("\n## " + strings.TrimSpace("gputrain "+command) + "\n\n```\n" + help + "```\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text.String() {
		t.Errorf("%s is stale: run go generate ./cmd/gputrain", path)
	}
}
