package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gputrain/kernels"
)

// registers holds the registers per thread, by architecture and kernel.
type registers = map[string]map[string]int

// usage is what a kernel takes; stack and spilled are in bytes.
type usage struct{ registers, stack, spilled int }

var (
	compiling = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	frame     = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
	used      = regexp.MustCompile(`Used (\d+) registers`)
)

// parse reads the report of ptxas -v.
func parse(log string) map[string]usage {
	all := map[string]usage{}
	name := ""
	for line := range strings.Lines(log) {
		if m := compiling.FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		u := all[name]
		if m := frame.FindStringSubmatch(line); m != nil {
			u.stack, u.spilled = number(m[1]), number(m[2])+number(m[3])
		}
		if m := used.FindStringSubmatch(line); m != nil {
			u.registers = number(m[1])
		}
		if name != "" {
			all[name] = u
		}
	}
	return all
}

// number converts digits that a regular expression has found.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(err)
	}
	return n
}

// compare reports kernels that take more registers than before.
func compare(now, before registers) error {
	var errs []error
	for _, a := range architectures {
		for _, k := range kernels.All() {
			if kernels.Architecture(k.Module) > a.name {
				continue
			}
			count, old := now[a.name][k.Name], before[a.name][k.Name]
			switch {
			case old == 0:
				errs = append(errs, fmt.Errorf("%s on %s is not in %s: run go run ./cuda/kernelreport and commit the result", k.Name, a.name, baselineFile))
			case count > old:
				errs = append(errs, fmt.Errorf("%s on %s takes %d registers, up from %d", k.Name, a.name, count, old))
			}
		}
	}
	return errors.Join(errs...)
}
