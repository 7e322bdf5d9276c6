// Command gpureport makes the parts of a report from a GPU that no command of gputrain
// has, and turns a report into Markdown. make gpu-report runs run.sh, which makes all
// parts and packs them into one file.
//
//	gpureport -device cuda:0 -out DIR    writes DIR/products.csv
//	gpureport -document gpu-report.tar.gz >docs/gpu-results.md
//	gpureport -fit gpu-report.tar.gz      prints kernels/gemm_model.go, with constants that fit the products
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	device := flag.String("device", "cuda:0", "cuda:N, or emulated: small sizes, and times that are estimates")
	out := flag.String("out", ".", "the folder of the parts")
	report := flag.String("document", "", "a report, to be printed as Markdown")
	products := flag.String("fit", "", "a report or its products.csv, from which the constants of ChooseGemm are to be made and printed")
	megahertz := flag.Float64("mhz", 1830, "with -fit: the clock of the multiprocessors while it was measured")
	flag.Parse()
	var err error
	if *products != "" {
		err = fit(os.Stdout, *products, *megahertz)
	} else {
		err = run(*device, *out, *report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gpureport:", err)
		os.Exit(1)
	}
}

func run(device, out, report string) error {
	if report == "" {
		return measure(device, out)
	}
	parts, err := unpack(report)
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(document(parts))
	return err
}
