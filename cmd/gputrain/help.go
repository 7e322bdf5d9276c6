package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// help returns how to print the help to out. In a terminal it takes the width
// that there is, up to what is easy to read; in a pipe it is always the same.
func help(out io.Writer) kong.Option {
	const widest, inPipes, narrow = 100, 80, 70
	width := min(cmp.Or(terminalWidth(out), inPipes), widest)
	if width < narrow {
		return kong.Help(func(_ kong.HelpOptions, ctx *kong.Context) error { return narrowHelp(ctx, width) })
	}
	return kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: width})
}

// narrowHelp prints the help where kong's two columns have no room: what a flag or
// a command does stands below its name.
func narrowHelp(ctx *kong.Context, width int) error {
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	var text strings.Builder
	paragraph := func(indent int, lines string) {
		text.WriteString(strings.Repeat(" ", indent))
		text.WriteString(strings.ReplaceAll(wrapLines(lines, width-indent), "\n", "\n"+strings.Repeat(" ", indent)) + "\n")
	}
	paragraph(0, "Usage: "+ctx.Model.Name+" "+strings.TrimSpace(node.Summary()))
	for _, about := range []string{node.Help, node.Detail} {
		if about != "" {
			paragraph(0, "\n"+about)
		}
	}
	if len(node.Positional) > 0 {
		paragraph(0, "\nArguments:")
		for _, argument := range node.Positional {
			paragraph(2, argument.Summary())
			paragraph(6, argument.Help)
		}
	}
	paragraph(0, "\nFlags:")
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			name := flag.String()
			if flag.Tag.Negatable != "" {
				name = strings.Replace(name, "--", "--[no-]", 1)
			}
			paragraph(2, name)
			paragraph(6, flag.Help)
		}
	}
	if leaves := node.Leaves(true); len(leaves) > 0 {
		paragraph(0, "\nCommands:")
		for _, leaf := range leaves {
			paragraph(2, leaf.Path())
			paragraph(6, leaf.Help)
		}
		paragraph(0, fmt.Sprintf("\nRun \"%s <command> --help\" for more information on a command.", ctx.Model.Name))
	}
	_, err := io.WriteString(ctx.Stdout, text.String())
	return err
}
