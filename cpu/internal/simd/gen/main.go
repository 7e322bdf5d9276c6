//go:build generator

// Command gen writes the assembly of package simd, that for amd64 by avo, and a list of
// checksums by which a test finds stale files. It runs in the folder of the package: go
// generate ./cpu/internal/simd. The build tag keeps avo, which is dear to compile, out of
// go test ./...
package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// families are the files to write, without their endings, with what they hold.
var (
	families = map[string]func(*build.Context){
		"gemm":          gemm,
		"amx":           amx,
		"vector_avx2":   vectorFunctions(avx2),
		"vector_avx512": vectorFunctions(avx512),
	}
	armFamilies = map[string]func(*armFile){"gemm": gemmNEON}
)

func main() {
	files, err := generate()
	if err == nil {
		err = addChecksums(files)
	}
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

// generate returns all files: assembly, and the Go declarations of its functions.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, write := range families {
		context := build.NewContext()
		write(context)
		family, err := context.Result()
		if err == nil {
			err = pass.Compile.Execute(family)
		}
		config := printer.Config{Argv: []string{"go", "generate"}, Pkg: "simd"}
		if err == nil {
			files[name+"_amd64.s"], err = printer.NewGoAsm(config).Print(family)
		}
		if err == nil {
			files[name+"_stubs_amd64.go"], err = printer.NewStubs(config).Print(family)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, write := range armFamilies {
		file := newARMFile()
		write(file)
		files[name+"_arm64.s"] = file.assembly.Bytes()
		files[name+"_stubs_arm64.go"] = file.declarations.Bytes()
	}
	return files, nil
}

// addChecksums adds the list of checksums of the generator and of the files, in the form
// of sha256sum.
func addChecksums(files map[string][]byte) error {
	sources, err := filepath.Glob("gen/*.go")
	if err != nil {
		return err
	}
	all := maps.Clone(files)
	for _, name := range sources {
		if all[filepath.ToSlash(name)], err = os.ReadFile(name); err != nil {
			return err
		}
	}
	var list []byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = fmt.Appendf(list, "%x  %s\n", sha256.Sum256(all[name]), name)
	}
	files["gen/SHA256SUMS"] = list
	return nil
}
