// Command gen writes the assembly of package simd for amd64, by avo. It runs in
// the folder of the package: go generate ./cpu/internal/simd
package main

import (
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// families are the files to write, without their endings, with what they hold.
var families = map[string]func(*build.Context){
	"gemm": gemm,
}

func main() {
	for name, write := range families {
		files, err := generate(name, write)
		for name, text := range files {
			if err == nil {
				err = os.WriteFile(name, text, 0o666)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

// generate returns the assembly of a family and the Go declarations of its
// functions.
func generate(name string, write func(*build.Context)) (map[string][]byte, error) {
	context := build.NewContext()
	write(context)
	family, err := context.Result()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := pass.Compile.Execute(family); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	config := printer.Config{Argv: []string{"go", "generate"}, Pkg: "simd"}
	assembly, err := printer.NewGoAsm(config).Print(family)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	declarations, err := printer.NewStubs(config).Print(family)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return map[string][]byte{
		name + "_amd64.s":        assembly,
		name + "_stubs_amd64.go": declarations,
	}, nil
}
