// Command gpureport makes the parts of a report from a GPU that no command of gputrain
// has, and turns a report into Markdown. make gpu-report runs run.sh, which makes all
// parts and packs them into one file.
//
//	gpureport -device cuda:0 -out DIR    writes DIR/products.csv
//	gpureport -document gpu-report.tar.gz >docs/gpu-results.md
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
	flag.Parse()
	if err := run(*device, *out, *report); err != nil {
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
