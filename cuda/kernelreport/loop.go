package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gputrain/kernels"
)

// loopArchitecture is the one whose inner loops are counted.
const loopArchitecture = "sm_90"

// countLoops returns the inner loops of the kernels of a module that multiply matrices.
func countLoops(cuobjdump, module, cubin string) (map[string]kernels.Loop, error) {
	dump := exec.Command(cuobjdump, "-sass", cubin)
	text, err := dump.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", dump, err)
	}
	all, code := map[string]kernels.Loop{}, parseCode(string(text))
	for _, k := range kernels.All() {
		// The others have no operands of a product in shared memory.
		if k.Module == module && k.SharedBytes() >= 1<<10 {
			if l, ok := innerLoop(code[k.Name]); ok {
				all[k.Name] = l
			}
		}
	}
	return all, nil
}

// instruction is one of a kernel's code.
type instruction struct {
	at   int // address
	text string
}

var (
	function = regexp.MustCompile(`Function : (\S+)`)
	line     = regexp.MustCompile(`^\s+/\*([0-9a-f]{4,})\*/\s+(.*?)\s*;`)
	jump     = regexp.MustCompile(`\bBRA\S*\s+(?:\S+\s+)?0x([0-9a-f]+)`)
	multiply = regexp.MustCompile(`^(?:@\S+ )?(?:FFMA|HMMA)`)
)

// parseCode reads the report of cuobjdump -sass.
func parseCode(text string) map[string][]instruction {
	all := map[string][]instruction{}
	name := ""
	for l := range strings.Lines(text) {
		if m := function.FindStringSubmatch(l); m != nil {
			name = m[1]
		}
		if m := line.FindStringSubmatch(l); m != nil {
			all[name] = append(all[name], instruction{hexadecimal(m[1]), m[2]})
		}
	}
	return all
}

// innerLoop returns the loop with the most multiplications, of the loops that contain no
// other. With less than 16 it is none that multiplies matrices.
func innerLoop(code []instruction) (kernels.Loop, bool) {
	var most kernels.Loop
	for i, end := range code {
		to, back := target(end)
		if !back {
			continue
		}
		start := slices.IndexFunc(code, func(c instruction) bool { return c.at == to })
		body := code[start : i+1]
		if slices.ContainsFunc(body[:len(body)-1], func(c instruction) bool { _, back := target(c); return back }) {
			continue
		}
		l := kernels.Loop{Instructions: len(body)}
		for _, c := range body {
			if multiply.MatchString(c.text) {
				l.Multiplications++
			}
		}
		if l.Multiplications > most.Multiplications {
			most = l
		}
	}
	return most, most.Multiplications >= 16
}

// target returns where an instruction jumps to, and whether that is back.
func target(c instruction) (to int, back bool) {
	m := jump.FindStringSubmatch(c.text)
	if m == nil {
		return 0, false
	}
	to = hexadecimal(m[1])
	return to, to < c.at
}

// hexadecimal converts digits that a regular expression has found.
func hexadecimal(digits string) int {
	n, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		panic(err)
	}
	return int(n)
}

// compareLoops reports inner loops with more instructions than before, or fewer
// multiplications.
func compareLoops(now, before map[string]kernels.Loop) error {
	var errs []error
	for _, k := range kernels.All() {
		l, old := now[k.Name], before[k.Name]
		switch {
		case old == kernels.Loop{} && l != kernels.Loop{}:
			errs = append(errs, fmt.Errorf("the inner loop of %s is not in %s: run go run ./cuda/kernelreport and commit the result", k.Name, loopFile))
		case l.Instructions > old.Instructions || l.Multiplications < old.Multiplications:
			errs = append(errs, fmt.Errorf("the inner loop of %s has %d multiplications among %d instructions, before %d among %d",
				k.Name, l.Multiplications, l.Instructions, old.Multiplications, old.Instructions))
		}
	}
	return errors.Join(errs...)
}

// loopTable returns the inner loops as Markdown.
func loopTable(loops map[string]kernels.Loop) string {
	var b strings.Builder
	b.WriteString("\n## Inner loops\n\nEach row has the multiply-adds (FFMA), or the products of tensor cores (HMMA), among the instructions of the\n" +
		"kernel's inner loop in the code for " + loopArchitecture + ", with copies of 16 bytes.\n\n| kernel | multiplications | instructions | share |\n|---|---|---|---|\n")
	for _, k := range kernels.All() {
		if l, ok := loops[k.Name]; ok {
			fmt.Fprintf(&b, "| %s | %d | %d | %.0f %% |\n", k.Name, l.Multiplications, l.Instructions, 100*float64(l.Multiplications)/float64(l.Instructions))
		}
	}
	return b.String()
}
