// Command kernelreport assembles the kernels with ptxas for every supported
// architecture. It writes their registers and occupancy to kernels/registers.json, the
// inner loops of products to kernels/loops.json, and both to docs/kernels.md. It fails if
// a kernel spills or has a stack. With -check it writes nothing, and also fails if a
// kernel takes more registers than are recorded, or its loop more instructions.
//
// Run it in the root of the repository: go run ./cuda/kernelreport. It takes ptxas and
// cuobjdump from PATH or $CUDA_HOME/bin.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"gputrain/kernels"
)

const (
	baselineFile = "kernels/registers.json"
	loopFile     = "kernels/loops.json"
	docFile      = "docs/kernels.md"
)

func main() {
	check := flag.Bool("check", false, "compare with "+baselineFile+" instead of writing it")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "kernelreport:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	ptxas, err := find("ptxas")
	if err != nil {
		return err
	}
	cuobjdump, err := find("cuobjdump")
	if err != nil {
		return err
	}
	now, loops, err := assembleAll(ptxas, cuobjdump)
	if err != nil {
		return err
	}
	if check {
		return errors.Join(compare(now, kernels.Registers()), compareLoops(loops, kernels.Loops()))
	}
	return write(now, loops)
}

// find returns the path of a tool of the CUDA toolkit.
func find(tool string) (string, error) {
	if path, err := exec.LookPath(tool); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(filepath.Join(os.Getenv("CUDA_HOME"), "bin", tool))
	if err != nil {
		return "", errors.New("no " + tool + " on PATH or in $CUDA_HOME/bin; install the CUDA toolkit, which contains it")
	}
	return path, nil
}

// assembleAll assembles the modules for the architectures, as many at a time as there are
// CPUs. It returns the registers of the kernels and, of those that multiply matrices, the
// inner loops.
func assembleAll(ptxas, cuobjdump string) (now registers, loops map[string]kernels.Loop, err error) {
	folder, err := os.MkdirTemp("", "kernelreport")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(folder)
	now, loops = registers{}, map[string]kernels.Loop{}
	var (
		group sync.WaitGroup
		turns = make(chan struct{}, runtime.NumCPU())
		lock  sync.Mutex // of now, loops and errs
		errs  []error
	)
	for _, a := range architectures {
		now[a.name] = map[string]int{}
		for _, module := range kernels.Modules() {
			if kernels.Architecture(module) > a.name {
				continue
			}
			group.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				cubin := filepath.Join(folder, module+"."+a.name)
				used, err := assemble(ptxas, module, a.name, cubin)
				its := map[string]kernels.Loop{}
				if err == nil && a.name == loopArchitecture {
					its, err = countLoops(cuobjdump, module, cubin)
				}
				lock.Lock()
				defer lock.Unlock()
				maps.Copy(now[a.name], used)
				maps.Copy(loops, its)
				errs = append(errs, err)
			})
		}
	}
	group.Wait()
	for _, a := range architectures {
		for _, k := range kernels.All() {
			if now[a.name][k.Name] == 0 && kernels.Architecture(k.Module) <= a.name {
				errs = append(errs, fmt.Errorf("ptxas does not report the registers of %s on %s", k.Name, a.name))
			}
		}
	}
	return now, loops, errors.Join(errs...)
}

// assemble makes a file of a module, and returns the registers of its kernels.
func assemble(ptxas, module, architecture, cubin string) (map[string]int, error) {
	cmd := exec.Command(ptxas, "-v", "-arch="+architecture, "-o", cubin, filepath.Join("kernels", "ptx", module+".ptx"))
	log, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, log)
	}
	all := map[string]int{}
	var errs []error
	for name, used := range parse(string(log)) {
		all[name] = used.registers
		if used.stack > 0 || used.spilled > 0 {
			errs = append(errs, fmt.Errorf("%s on %s has a stack of %d bytes and spills %d bytes", name, architecture, used.stack, used.spilled))
		}
	}
	return all, errors.Join(errs...)
}

func write(now registers, loops map[string]kernels.Loop) error {
	for file, counts := range map[string]any{baselineFile: now, loopFile: loops} {
		text, err := json.MarshalIndent(counts, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	doc, err := os.ReadFile(docFile)
	if err != nil {
		return err
	}
	before, _, ok := bytes.Cut(doc, []byte(marker))
	if !ok {
		return fmt.Errorf("%s lacks the line %q; the table goes below it", docFile, marker)
	}
	return os.WriteFile(docFile, append(before, marker+table(now)+loopTable(loops)...), 0o644)
}
