package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"go/format"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"gputrain/kernels"
)

// fit writes the constants of ChooseGemm, as they follow from the products of a report or of
// its products.csv, to w: the Go file that holds them. Times are taken as clocks of that
// many MHz.
func fit(w io.Writer, report string, megahertz float64) error {
	f, err := os.Open(report)
	if err != nil {
		return err
	}
	defer f.Close()
	var text io.Reader = f
	if !strings.HasSuffix(report, ".csv") {
		parts, err := unpack(report)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == "products.csv" })
		if i < 0 {
			return fmt.Errorf("%s has no products.csv", report)
		}
		text = strings.NewReader(parts[i].text)
	}
	measured, err := readProducts(text, megahertz)
	if err != nil {
		return fmt.Errorf("%s: %w", report, err)
	}
	model, err := fitModel(kernels.Model(), measured)
	if err != nil {
		return fmt.Errorf("%s: %w", report, err)
	}
	return writeModel(w, model, report, len(measured))
}

// timed is a plan and the clocks that it took.
type timed struct {
	kernels.GemmTerms
	tile   string
	clocks float64
}

// readProducts reads products.csv.
func readProducts(text io.Reader, megahertz float64) ([]timed, error) {
	r := csv.NewReader(text)
	head, err := r.Read()
	if err != nil || strings.Join(head, ",") != productsHead {
		return nil, fmt.Errorf("the first line is not %s", productsHead)
	}
	var all []timed
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		row := map[string]string{}
		for i, name := range head {
			row[name] = cells[i]
		}
		line, _ := r.FieldPos(0)
		product, err := readProduct(row, megahertz)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		all = append(all, product)
	}
}

func readProduct(row map[string]string, megahertz float64) (timed, error) {
	n := map[string]int{}
	for _, name := range []string{"m", "n", "k", "slices", "blocks", "whole", "multiprocessors"} {
		var err error
		if n[name], err = strconv.Atoi(row[name]); err != nil || n[name] < 0 {
			return timed{}, fmt.Errorf("%s is %q, want a whole number", name, row[name])
		}
	}
	microseconds, err := strconv.ParseFloat(row["microseconds"], 64)
	if err != nil || !(microseconds > 0) {
		return timed{}, fmt.Errorf("microseconds is %q, want a number above 0", row["microseconds"])
	}
	_, name, _ := strings.Cut(strings.TrimPrefix(row["kernel"], "gemm_"), "_")
	shape := kernels.GemmShape{M: n["m"], N: n["n"], K: n["k"]}
	for _, math := range kernels.Maths() {
		named := func(t kernels.GemmTile) bool { return t.Name == name }
		var plan kernels.GemmPlan
		ok := n["m"] > 0 && n["n"] > 0 && n["slices"] > 0 && n["multiprocessors"] > 0
		if i := slices.IndexFunc(kernels.GemmTiles(math), named); i >= 0 && ok {
			plan = kernels.GemmTiles(math)[i].Plan(shape, n["slices"])
		} else if i := slices.IndexFunc(kernels.GemmShareTiles(math), named); i >= 0 && ok {
			plan, ok = kernels.GemmShareTiles(math)[i].Share(shape, n["whole"], n["blocks"]-n["whole"])
		} else {
			continue
		}
		if !ok || plan.Slices != n["slices"] {
			break
		}
		return timed{plan.Terms(n["multiprocessors"]), name, microseconds * megahertz}, nil
	}
	return timed{}, fmt.Errorf("no plan of %s for %dx%dx%d has %d slices, %d blocks and %d whole tiles on %d multiprocessors",
		row["kernel"], n["m"], n["n"], n["k"], n["slices"], n["blocks"], n["whole"], n["multiprocessors"])
}

// fitModel returns the model with the least sum of squares of relative errors. What nothing
// was measured of stays as it is in before.
func fitModel(before kernels.GemmModel, measured []timed) (kernels.GemmModel, error) {
	// The unknowns are clocks per start, pass, byte, and multiply-add with a tile.
	names := []string{"start", "pass", "byte"}
	rate := func(t timed) string { return fmt.Sprintf("multiply-add with %s, few blocks %t", t.tile, t.Few) }
	used := map[string]bool{"start": true}
	for _, t := range measured {
		used[rate(t)] = true
		used["pass"] = used["pass"] || t.Passes > 0
		used["byte"] = used["byte"] || t.Moved > 0
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !used[name] })
	if len(measured) < len(names) {
		return before, fmt.Errorf("%d products are too few for %d constants", len(measured), len(names))
	}
	a, b := mat.NewDense(len(measured), len(names), nil), mat.NewVecDense(len(measured), nil)
	for i, t := range measured {
		for name, count := range map[string]float64{"start": t.Starts, "pass": t.Passes, "byte": t.Moved, rate(t): t.Work} {
			if j := slices.Index(names, name); j >= 0 {
				a.Set(i, j, count/t.clocks)
			}
		}
		b.SetVec(i, 1)
	}
	var x mat.VecDense
	if err := x.SolveVec(a, b); err != nil {
		return before, fmt.Errorf("the products do not tell the constants apart: %w", err)
	}
	model := before
	model.Rates = maps.Clone(before.Rates)
	for j, name := range names {
		clocks := x.AtVec(j)
		if !(clocks > 0) {
			return before, fmt.Errorf("the products would give %.3g clocks per %s: measure more of them", clocks, name)
		}
		switch name {
		case "start":
			model.Start = clocks
		case "pass":
			model.Pass = clocks
		case "byte":
			model.Bytes = 1 / clocks
		}
	}
	for _, t := range measured {
		r := model.Rates[t.tile]
		speed := 1 / x.AtVec(slices.Index(names, rate(t)))
		if t.Few {
			r.Few = speed
		} else {
			r.Full = speed
		}
		model.Rates[t.tile] = r
	}
	return model, nil
}

// writeModel writes kernels/gemm_model.go.
func writeModel(w io.Writer, m kernels.GemmModel, report string, products int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "package kernels\n\n// gemmModel holds all constants by which ChooseGemm estimates times.\n"+
		"// go run ./cuda/gpureport -fit made them from the %d products of %s.\n", products, report)
	fmt.Fprintf(&b, "var gemmModel = GemmModel{\n\tStart: %.0f,\n\tPass: %.0f,\n\tBytes: %.3g,\n\tRates: map[string]GemmRate{\n", m.Start, m.Pass, m.Bytes)
	for _, math := range kernels.Maths() {
		for _, t := range slices.Concat(kernels.GemmTiles(math), kernels.GemmShareTiles(math)) {
			fmt.Fprintf(&b, "\t\t%q: {%.4g, %.4g},\n", t.Name, m.Rates[t.Name].Full, m.Rates[t.Name].Few)
		}
	}
	b.WriteString("\t},\n}\n")
	text, err := format.Source([]byte(b.String()))
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}
