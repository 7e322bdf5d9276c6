package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gputrain/cmd/gputrain/internal/experiment"
)

// A shell asks this program what may stand where the cursor is, by the hidden command
// __complete. So the scripts of the shells are short, and know no command or flag.

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// Help is what "gputrain completion --help" says in more detail.
func (*completionCommand) Help() string {
	return `The script makes the shell complete commands, flags, their values, runs and files. Load it in the file that the shell reads when it begins: in ~/.bashrc, in ~/.zshrc below compinit, in ~/.config/fish/config.fish, or in $PROFILE of PowerShell. gputrain must be in the PATH.

    bash: eval "$(gputrain completion bash)"
    zsh: eval "$(gputrain completion zsh)"
    fish: gputrain completion fish | source
    PowerShell: gputrain completion powershell | Out-String | iex`
}

var (
	//go:embed completion.bash
	bashCompletion string
	//go:embed completion.zsh
	zshCompletion string
	//go:embed completion.fish
	fishCompletion string
	//go:embed completion.ps1
	powershellCompletion string
)

// Run prints the script.
func (c *completionCommand) Run(con console) error {
	_, err := io.WriteString(con.out, map[string]string{
		"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion,
	}[c.Shell])
	return err
}

// filesInstead is what the shell reads if it shall complete the names of files.
const filesInstead = ":files"

// completeCommand prints the words that may stand in the place of the last one, a line
// each. Bash breaks words at = and :, and wants what stands behind.
type completeCommand struct {
	Shell string   `arg:""`
	Words []string `arg:"" optional:"" passthrough:"all"`
}

// Run prints the words.
func (c *completeCommand) Run(con console) error {
	words := c.Words
	if c.Shell == "bash" {
		words = joinBroken(words)
	}
	if len(words) == 0 || words[len(words)-1] == `""` { // what PowerShell makes of no word
		words = append(words[:max(0, len(words)-1)], "")
	}
	last := words[len(words)-1]
	candidates := complete(kong.Must(new(cli)).Model.Node, words[:len(words)-1], last)
	if candidates == nil {
		_, err := fmt.Fprintln(con.out, filesInstead)
		return err
	}
	for _, word := range candidates {
		if !strings.HasPrefix(word, last) {
			continue
		}
		if c.Shell == "bash" {
			word = word[strings.LastIndexAny(last, "=:")+1:]
		}
		if _, err := fmt.Fprintln(con.out, word); err != nil {
			return err
		}
	}
	return nil
}

// joinBroken joins words that were broken at = and :.
func joinBroken(words []string) (joined []string) {
	glue := false
	for _, word := range words {
		isBreak := word != "" && strings.Trim(word, "=:") == ""
		if (glue || isBreak) && len(joined) > 0 {
			joined[len(joined)-1] += word
		} else {
			joined = append(joined, word)
		}
		glue = isBreak
	}
	return joined
}

// complete returns what may stand behind words, in the place of last; nil if that is the
// name of a file.
func complete(node *kong.Node, words []string, last string) []string {
	if len(words) > 0 && words[0] == "help" {
		words = words[1:]
	}
	arguments := 0
	var open *kong.Flag // lacks its value
	for _, word := range words {
		switch name, isFlag := strings.CutPrefix(word, "--"); {
		case open != nil:
			open = nil
		case isFlag:
			if open = findFlag(node, name); open != nil && open.IsBool() {
				open = nil
			}
		default:
			child := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == word && !child.Hidden })
			if child < 0 {
				arguments++
			} else {
				node = node.Children[child]
			}
		}
	}
	if open != nil {
		return valuesOf(node, open.Value, open.PlaceHolder, last)
	}
	if name, value, found := strings.Cut(last, "="); found && strings.HasPrefix(name, "--") {
		flag := findFlag(node, name[len("--"):])
		if flag == nil {
			return []string{}
		}
		values := valuesOf(node, flag.Value, flag.PlaceHolder, value)
		for i := range values {
			values[i] = name + "=" + values[i]
		}
		return values
	}
	if strings.HasPrefix(last, "-") || len(node.Children)+len(node.Positional) == 0 {
		return flagsOf(node)
	}
	if len(node.Children) > 0 {
		commands := []string{}
		for _, child := range node.Children {
			if !child.Hidden {
				commands = append(commands, child.Name)
			}
		}
		if node.Parent == nil {
			commands = append(commands, "help")
		}
		return commands
	}
	argument := node.Positional[min(arguments, len(node.Positional)-1)]
	if arguments >= len(node.Positional) && !argument.IsCumulative() {
		return flagsOf(node)
	}
	return valuesOf(node, argument, strings.ToUpper(argument.Name), last)
}

// findFlag returns the flag of that name; nil if node has none.
func findFlag(node *kong.Node, name string) *kong.Flag {
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			if flag.Name == name {
				return flag
			}
		}
	}
	return nil
}

func flagsOf(node *kong.Node) (flags []string) {
	if node.Parent == nil {
		flags = append(flags, "--version")
	}
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			flags = append(flags, "--"+flag.Name)
			if flag.Tag.Negatable != "" {
				flags = append(flags, "--no-"+flag.Name)
			}
		}
	}
	return flags
}

// valuesOf returns the values that a flag or argument may have; nil if these are names of
// files, or unknown. placeholder is what the help calls the value, last its beginning.
func valuesOf(node *kong.Node, value *kong.Value, placeholder, last string) []string {
	switch {
	case value.Enum != "":
		return value.EnumSlice()
	case placeholder == "RUN":
		return runsBeginning(last)
	case value.Name == "data" && !strings.Contains(last, ":"):
		return sourceWords()
	case value.Name == "gpu":
		return choices("gpu", func() error { _, err := findGPU("?"); return err })
	case value.Name == "against":
		return []string{"torch"}
	case value.Name == "as":
		return plainKinds()
	case commandName(node) == "experiment run" && placeholder == "NAME":
		return experimentNames()
	case value.IsBool() || value.Target.Kind() != reflect.String && value.Target.Kind() != reflect.Slice:
		return []string{} // a number, of which there is nothing to say
	}
	return settingValues(value.Name)
}

func experimentNames() (names []string) {
	for _, e := range experiment.All() {
		names = append(names, e.Name)
	}
	return names
}

// runsBeginning returns the runs whose names begin so; nil if there is none, because a
// model file may be meant.
func runsBeginning(name string) (runs []string) {
	found := []string{latestRun}
	for _, pattern := range []string{filepath.Join(runsName, "*", configName), filepath.Join(sweepsName, "*", "*", configName)} {
		paths, _ := filepath.Glob(pattern) // of no wrong pattern
		for _, path := range paths {
			found = append(found, filepath.Dir(path))
		}
	}
	for _, run := range found {
		if strings.HasPrefix(run, name) {
			runs = append(runs, run)
		}
	}
	return runs
}

var sourceWithPath = regexp.MustCompile(`\b[a-z]+:(?:FILE|DIR)`)

// sourceWords returns the beginnings of the sources of data, as the help of train lists
// them.
func sourceWords() []string {
	words := []string{"digits"}
	field, _ := reflect.TypeFor[settings]().FieldByName("Data")
	for _, match := range sourceWithPath.FindAllString(field.Tag.Get("help"), -1) {
		kind, _, _ := strings.Cut(match, ":")
		words = append(words, kind+":")
	}
	return words
}

// settingValues returns the values of the setting of that name, as its check lists them;
// nil if it may have any, or if there is none. Some settings are checked of some sources
// only.
func settingValues(name string) []string {
	for _, source := range sourceWords() {
		var s settings
		if err := kong.ApplyDefaults(&s, kong.Vars{"device": "cpu"}); err != nil {
			return nil
		}
		if s.Data = source; strings.HasSuffix(source, ":") {
			s.Data, s.Target = source+"x", columnNames{"x"}
		}
		if source == "text:" {
			s.Target = nil
		}
		object := reflect.ValueOf(&s).Elem()
		for _, field := range reflect.VisibleFields(object.Type()) {
			if keyOf(field, "toml") == name && field.Type.Kind() == reflect.String {
				object.FieldByIndex(field.Index).SetString("?")
			}
		}
		if values := choices(name, s.check); values != nil {
			return values
		}
	}
	return nil
}

// choices returns the valid values that the error of a check lists for a setting.
func choices(key string, check func() error) []string {
	var wrong *choiceError
	if !errors.As(check(), &wrong) || wrong.key != key {
		return nil
	}
	var values []string
	for _, value := range wrong.valid {
		if !strings.HasSuffix(value, ":N") { // one of several devices of a kind
			values = append(values, strings.ReplaceAll(value, " ", "")) // RTX 4090 may be written without
		}
	}
	return values
}
