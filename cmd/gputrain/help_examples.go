package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// examples are command lines to paste, for the help of each command.
var examples = map[string][]string{
	"train": {
		"gputrain train --hidden 128 --epochs 20",
		"gputrain train --data csv:houses.csv --target price",
		"gputrain train --data text:shakespeare.txt --layers 2",
		"gputrain train --data series:s.csv --target y --window 9 --ahead 3",
		"gputrain train --layers 2 --bidirectional --dropout 0.2",
		"gputrain train --network net.toml",
	},
	"lr-find": {"gputrain lr-find --model gru --plot rates.png"},
	"sweep":   {"gputrain sweep rates.toml --jobs 2"},
	"eval":    {"gputrain eval --model latest"},
	"predict": {
		"gputrain predict --model latest --input flowers.csv",
		"gputrain predict --model latest --input sales.csv --ahead 12",
	},
	"generate": {"gputrain generate --model latest --prompt ROMEO: --top-p 0.9"},
	"export":   {"gputrain export --model latest --onnx model.onnx"},
	"import":   {"gputrain import net.safetensors --like latest --out m.safetensors"},
	"runs": {
		"gputrain runs --where model=gru --sort validation_loss",
		"gputrain runs --plot runs.png",
	},
	"data inspect": {"gputrain data inspect flowers.csv --target species"},
	"report":       {"gputrain report latest --out page.html"},
	"devices":      {"gputrain devices"},
	"conformance":  {"gputrain conformance --device cpu"},
	"bench":        {"gputrain bench --against torch --threads 1,2"},
	"explain":      {"gputrain explain --device emulated --gpu A100"},
	"profile":      {"gputrain profile --hidden 32 --batch 16"},
	"ptx check":    {"gputrain ptx check kernels.ptx --gpu A100"},

	"show perceptron": {"gputrain show perceptron"},
	"show vanishing":  {"gputrain show vanishing"},
	"show lstm":       {"gputrain show lstm --out lstm.png"},
	"experiment list": {"gputrain experiment list"},
	"experiment run":  {"gputrain experiment run temporal-order --seeds 3"},
	"completion":      {"gputrain completion bash"},
	"version":         {"gputrain version"},
}

// commandName returns the words that call the command of a node.
func commandName(node *kong.Node) string {
	name, _, _ := strings.Cut(node.Path(), " [")
	name, _, _ = strings.Cut(name, " <")
	return name
}

// addExamples writes the examples below what the help says of each command.
func addExamples(model *kong.Application) {
	for _, node := range model.Leaves(true) {
		lines := examples[commandName(node)]
		node.Detail = strings.TrimSpace(node.Detail + "\n\nFor example:\n\n    " + strings.Join(lines, "\n    "))
	}
}
