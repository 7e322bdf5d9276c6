package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"gputrain/internal/nearest"
)

// cli is the grammar of the command line.
type cli struct {
	Train       trainCommand       `cmd:"" help:"Train a network."`
	Eval        evalCommand        `cmd:"" help:"Measure a trained network on labelled data."`
	Predict     predictCommand     `cmd:"" help:"Apply a trained network to the rows of a CSV file."`
	Devices     devicesCommand     `cmd:"" help:"List the devices that can compute."`
	Conformance conformanceCommand `cmd:"" help:"Check and measure a device, and write a report."`
	Explain     explainCommand     `cmd:"" help:"Say what training would do on a device: paths, memory, kernels."`
	Profile     profileCommand     `cmd:"" help:"Count what each kernel of a training step does."`
	Show        showCommand        `cmd:"" help:"Draw how a network learns and computes."`
	Experiment  experimentCommand  `cmd:"" help:"Repeat the experiments of the literature."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// parse reads the command line. The context is nil if it was asked for help,
// which it has printed.
func parse(args []string, con console) (*kong.Context, error) {
	if len(args) == 0 {
		return nil, usagef(`no command given; "gputrain help" lists them`)
	}
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return nil, usagef("the argument %q is not UTF-8 text; let the terminal write UTF-8, and give files names that are", arg)
		}
	}
	if args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	helped := false
	parser := kong.Must(new(cli),
		kong.Name("gputrain"),
		kong.Description("Trains feed-forward, recurrent and LSTM networks.\n\n\"gputrain train\" alone trains an LSTM on handwritten digits."),
		kong.Writers(con.out, con.err),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.WithHyphenPrefixedParameters(true),
	)
	ctx, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, suggest(err)
	}
	return ctx, nil
}

// suggest rewords two errors of kong. For an unknown word it names the nearest
// valid one, which kong does for slips of a letter or two only, or where to find
// the valid ones. For a flag without its value it says so.
func suggest(err error) error {
	parse, ok := err.(*kong.ParseError)
	text := err.Error()
	if !ok || strings.Contains(text, "did you mean") {
		return err
	}
	var valid []string
	if word, found := strings.CutPrefix(text, "unknown flag "); found {
		for _, flag := range parse.Context.Flags() {
			valid = append(valid, "--"+flag.Name)
		}
		return usagef("%s, %s", text, hint(word, valid, `"gputrain help" and a command list them`))
	}
	if word, found := strings.CutPrefix(text, "unexpected argument "); found && parse.Context.Selected() == nil {
		for _, command := range parse.Context.Model.Children {
			valid = append(valid, command.Name)
		}
		return usagef("unknown command %s, %s", word, hint(word, valid, `"gputrain help" lists them`))
	}
	if flag, _, found := strings.Cut(text, ": expected"); found && strings.Contains(text, `"EOL"`) {
		return usagef("%s lacks its value", flag)
	}
	return err
}

// hint ends a message about a word that is not one of the valid ones: with the
// one it was probably meant to be, or with otherwise if none is near.
func hint(word string, valid []string, otherwise string) string {
	if meant := nearest.Word(word, valid); meant != "" {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	return otherwise
}
