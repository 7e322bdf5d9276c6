package main

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"gputrain/internal/nearest"
)

// cli is the grammar of the command line.
type cli struct {
	Train       trainCommand       `cmd:"" help:"Train a network."`
	LRFind      lrFindCommand      `cmd:"" name:"lr-find" help:"Try learning rates, and say which one to begin with."`
	Sweep       sweepCommand       `cmd:"" help:"Train with many settings, and say which are the best."`
	Eval        evalCommand        `cmd:"" help:"Measure a trained network on labelled data."`
	Predict     predictCommand     `cmd:"" help:"Apply a trained network to the rows of a CSV file."`
	Generate    generateCommand    `cmd:"" help:"Go on with a text, by a network that has learned from text."`
	Export      exportCommand      `cmd:"" help:"Write a trained network as ONNX, or as a state dict for PyTorch."`
	Import      importCommand      `cmd:"" help:"Make a model of a state dict from PyTorch."`
	Data        dataCommand        `cmd:"" help:"Look at data before training."`
	Runs        runsCommand        `cmd:"" help:"List, find and compare runs."`
	Report      reportCommand      `cmd:"" help:"Write a page in HTML about runs."`
	Devices     devicesCommand     `cmd:"" help:"List the devices that can compute."`
	Conformance conformanceCommand `cmd:"" help:"Check and measure a device, and write a report."`
	Bench       benchCommand       `cmd:"" help:"Time training steps and matrix products, beside PyTorch too."`
	Explain     explainCommand     `cmd:"" help:"Say what training would do on a device: paths, memory, kernels."`
	Profile     profileCommand     `cmd:"" help:"Count what each kernel of a training step does."`
	PTX         ptxCommand         `cmd:"" name:"ptx" help:"Look at kernels before they run on the emulated GPU."`
	Show        showCommand        `cmd:"" help:"Draw how a network learns and computes."`
	Experiment  experimentCommand  `cmd:"" help:"Repeat the experiments of the literature."`
	Completion  completionCommand  `cmd:"" help:"Print a script that makes a shell complete command lines."`
	Complete    completeCommand    `cmd:"" name:"__complete" hidden:"" help:"Print what may stand where the cursor of a shell is."`
	Version     versionCommand     `cmd:"" help:"Print the version; so does --version."`
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
	switch args[0] {
	case "help":
		args = append(slices.Clone(args[1:]), "--help")
	case "--version":
		args = append([]string{"version"}, args[1:]...)
	}
	helped := false
	parser := kong.Must(new(cli),
		kong.Name("gputrain"),
		kong.Description("Trains feed-forward, recurrent and LSTM networks.\n\n\"gputrain train\" alone trains an LSTM on handwritten digits."),
		kong.Writers(con.out, con.err),
		kong.Exit(func(int) { helped = true }),
		help(con.out),
		kong.WithHyphenPrefixedParameters(true),
	)
	addExamples(parser.Model)
	ctx, err := parser.Parse(args)
	switch {
	case helped:
		return nil, nil
	case err != nil:
		return nil, reword(err)
	}
	return ctx, checkValues(ctx)
}

// checkValues reports a list that is empty, and a text flag that has no value, or
// the next flag for one: numbers may be negative, so kong takes what begins with a
// hyphen.
func checkValues(ctx *kong.Context) error {
	for _, path := range ctx.Path {
		if path.Flag == nil {
			continue
		}
		if target := path.Flag.Target; target.Kind() == reflect.Slice && target.Len() == 0 {
			return usagef("--%s lacks its value", path.Flag.Name)
		}
		if path.Flag.Target.Kind() != reflect.String {
			continue
		}
		value := fmt.Sprint(ctx.FlagValue(path.Flag))
		isFlag := slices.ContainsFunc(ctx.Flags(), func(f *kong.Flag) bool { return value == "--"+f.Name })
		if value == "" || isFlag {
			return usagef("--%s lacks its value", path.Flag.Name)
		}
	}
	return nil
}

var wrongNumber = regexp.MustCompile(`^(--\S+): expected (?:a valid \d+ bit (int)|a float) but got (.*?)(?: \(string\))?$`)

// reword says some errors of kong in other words. For an unknown word it names the
// nearest valid one, or where to find the valid ones.
func reword(err error) error {
	parse, ok := err.(*kong.ParseError)
	if !ok {
		return err
	}
	node := parse.Context.Selected()
	// The hints of kong name words that are not near.
	text, _, _ := strings.Cut(err.Error(), ", did you mean ")
	if word, found := strings.CutPrefix(text, "unknown flag "); found {
		var valid []string
		for _, flag := range parse.Context.Flags() {
			valid = append(valid, "--"+flag.Name)
			if flag.Tag.Negatable != "" {
				valid = append(valid, "--no-"+flag.Name)
			}
		}
		where := "flags stand behind the command"
		if node != nil {
			where = fmt.Sprintf("%q lists them", parse.Context.Model.Name+" help "+node.Path())
		}
		return usagef("%s, %s", text, hint(word, valid, where))
	}
	if node == nil {
		node = parse.Context.Model.Node
		for _, path := range parse.Context.Path {
			if path.Command != nil {
				node = path.Command
			}
		}
	}
	if word, found := strings.CutPrefix(text, "unexpected argument "); found && len(node.Children) > 0 {
		var valid []string
		for _, command := range node.Children {
			valid = append(valid, command.Name)
		}
		return usagef("unknown command %s, %s", word, hint(word, valid, `"gputrain help" lists them`))
	}
	if commands, found := strings.CutPrefix(text, "expected one of "); found {
		return usagef("no command given: %s takes one of %s", node.FullPath(), commands)
	}
	if match := wrongNumber.FindStringSubmatch(text); match != nil {
		what := "a number"
		if match[2] != "" {
			what = "a whole number, of 18 digits at most"
		}
		return usagef("%s is %s; it must be %s", match[1], match[3], what)
	}
	if flag, _, found := strings.Cut(text, ": missing value"); found {
		return usagef("%s lacks its value", flag)
	}
	if flag, _, found := strings.Cut(text, ": expected"); found && (strings.Contains(text, `"EOL"`) || strings.Contains(text, "(long flag)")) {
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
