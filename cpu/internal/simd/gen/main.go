// Command gen writes the assembly of package simd and the Go declarations of its
// functions. It runs in the package's folder.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// files are the generated files, without their endings, and what writes them.
var files = map[string]func(*build.Context){
	"vector_avx512_amd64": func(c *build.Context) { writeVectors(c, avx512) },
	"vector_avx2_amd64":   func(c *build.Context) { writeVectors(c, avx2) },
}

func main() {
	for name := range files {
		outputs, err := generate(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		for ending, text := range outputs {
			if err := os.WriteFile(name+ending, text, 0o644); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

// generate returns the assembly and the Go file of that name, by their endings.
func generate(name string) (map[string][]byte, error) {
	c := build.NewContext()
	files[name](c)
	file, err := c.Result()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var assembly, stubs bytes.Buffer
	config := printer.Config{Name: "gen", Argv: []string{"go", "generate"}, Pkg: "simd"}
	err = pass.Concat(pass.Compile,
		&pass.Output{Writer: nopCloser{&assembly}, Printer: printer.NewGoAsm(config)},
		&pass.Output{Writer: nopCloser{&stubs}, Printer: printer.NewStubs(config)},
	).Execute(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return map[string][]byte{".s": assembly.Bytes(), ".go": stubs.Bytes()}, nil
}

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }
