package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gputrain/cuda/emulator"
	"gputrain/internal/inputfile"
)

type ptxCommand struct {
	Check ptxCheckCommand `cmd:"" help:"Say which kernels of a PTX file the emulated GPU can execute."`
}

type ptxCheckCommand struct {
	File string `arg:"" help:"PTX, as nvcc --ptx writes it; - is stdin."`
	GPU  string `name:"gpu" default:"H100" help:"The GPU to emulate: H200, H100, A100, L4, RTX4090, T4 or V100."`
	JSON bool   `name:"json" help:"Print a JSON array."`
}

// Help is what "gputrain ptx check --help" says in more detail.
func (*ptxCheckCommand) Help() string {
	return `Lists the kernels of a PTX file, the bytes of their parameters and memory, and of those that the emulated GPU refuses the reason. The exit code is 1 if there are any. docs/emulator.md tells how to run kernels in a test.

With --json, it prints an array of {"kernel", "symbol", "line", "parameters", "shared", "local", "refused"}; "parameters" are their bytes, and "refused" is absent from a kernel that can be executed.`
}

// checkedKernel is what is known of a kernel.
type checkedKernel struct {
	Kernel     string `json:"kernel"`
	Symbol     string `json:"symbol"`
	Line       int    `json:"line"`
	Parameters []int  `json:"parameters"`
	Shared     int    `json:"shared"`
	Local      int    `json:"local"`
	Refused    string `json:"refused,omitempty"`
}

// Run prints what the emulator understands of the file.
func (c *ptxCheckCommand) Run(con console) error {
	gpu, err := findGPU(c.GPU)
	if err != nil {
		return err
	}
	name, text, err := readPTX(c.File, con.in)
	if err != nil {
		return err
	}
	kernels, err := emulator.Inspect(text, gpu)
	if err != nil {
		return fmt.Errorf("%s: %s", name, withLine(err))
	}
	refused := 0
	all := []checkedKernel{}
	for _, k := range kernels {
		checked := checkedKernel{k.Name, k.Symbol, k.Line, append([]int{}, k.Parameters...), k.Shared, k.Local, ""}
		if k.Refused != nil {
			checked.Refused = withLine(k.Refused)
			refused++
		}
		all = append(all, checked)
	}
	if c.JSON {
		err = json.NewEncoder(con.out).Encode(all)
	} else {
		_, err = io.WriteString(con.out, checkedText(all, terminalWidth(con.out)))
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("%s: the emulated %s refuses %s", name, gpu.Name, plural(refused, "kernel", "kernels"))
	}
	return err
}

// withLine returns the text of an error of the emulator, which may begin with a line.
func withLine(err error) string {
	return strings.Replace(strings.TrimPrefix(err.Error(), "cuda emulator: "), "ptx:", "line ", 1)
}

// maxPTX bounds what is read; nvcc writes some megabytes.
const maxPTX = 256 << 20

func readPTX(path string, stdin io.Reader) (name, text string, err error) {
	name = path
	from := stdin
	if path == "-" {
		name = "stdin"
	} else {
		file, err := inputfile.Open(path)
		if err != nil {
			return "", "", err
		}
		defer file.Close()
		from = file
	}
	content, err := io.ReadAll(io.LimitReader(from, maxPTX+1))
	switch {
	case err != nil:
		return "", "", fmt.Errorf("%s: %w", name, err)
	case len(content) > maxPTX:
		return "", "", fmt.Errorf("%s: more than %d bytes, which no compiler writes", name, maxPTX)
	case len(content) == 0:
		return "", "", errors.New(name + ": it is empty")
	}
	return name, string(content), nil
}

// checkedText has a row for each kernel, and below it why kernels are refused.
func checkedText(kernels []checkedKernel, width int) string {
	var rows [][]string
	var reasons strings.Builder
	for _, k := range kernels {
		state := "yes"
		if k.Refused != "" {
			state = "no"
			fmt.Fprintf(&reasons, "\n%s: %s\n", k.Kernel, k.Refused)
		}
		var sizes []string
		for _, size := range k.Parameters {
			sizes = append(sizes, strconv.Itoa(size))
		}
		rows = append(rows, []string{k.Kernel, state, strings.Join(sizes, " "), strconv.Itoa(k.Shared), strconv.Itoa(k.Local)})
	}
	if len(rows) == 0 {
		return "no kernels\n"
	}
	return formatTable(width, 1, []string{"kernel", "loads", "bytes of its\nparameters", "shared\nmemory", "local\nmemory"}, rows) +
		wrapLines(reasons.String(), width)
}
