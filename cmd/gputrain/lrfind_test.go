package main

import (
	"encoding/json"
	"math"
	"testing"
)

// The loss falls about a rate that is known: there, and not where it is least or noisy.
func TestTheSteepestFallIsFound(t *testing.T) {
	var tried triedRates
	for i := range 100 {
		x := float64(i) / 100
		loss := 2 - 1.5/(1+math.Exp(-40*(x-0.5))) + 0.01*math.Sin(float64(i*i)) // falls at the middle
		tried.add(math.Pow(10, 4*x-4), loss)
	}
	at, ok := tried.steepest()
	if rate := tried.rates[at]; !ok || rate < 0.006 || rate > 0.03 { // the smoothed losses come some updates later
		t.Errorf("steepest at %g, %v; want about 0.01", rate, ok)
	}
	var rising triedRates
	for i := range 40 {
		rising.add(1, float64(i))
	}
	if at, ok := rising.steepest(); ok {
		t.Errorf("a loss that only rises falls at %d", at)
	}
}

func TestRatesAreTriedUntilTheLossExplodes(t *testing.T) {
	t.Chdir(t.TempDir())
	flags := []string{"lr-find", "--model", "mlp", "--hidden", "8", "--optimizer", "sgd", "--clip", "0"}
	o := gputrain(append(flags, "--from", "1e-3", "--to", "1e6", "--plot", "rates.png", "--json")...).want(t, 0)
	var found struct {
		Steepest, Least float64
		Rates           []float64
		Losses          []*float64
	}
	if err := json.Unmarshal([]byte(o.out), &found); err != nil {
		t.Fatal(err)
	}
	n := len(found.Rates)
	if n < 20 || n == 200 || len(found.Losses) != n || found.Steepest <= 1e-3 || found.Steepest > found.Least || found.Rates[n-1] < found.Least {
		t.Errorf("%d rates, steepest %g, least %g", n, found.Steepest, found.Least)
	}
	// The first loss is that of the first batch before any update: ln 10 or so.
	if first := *found.Losses[0]; first < 2 || first > 3 {
		t.Errorf("the first loss is %g", first)
	}
	if ratio := found.Rates[1] / found.Rates[0]; math.Abs(ratio-math.Pow(1e9, 1.0/199)) > 1e-9 {
		t.Errorf("the rates grow by %g", ratio)
	}
	readFile(t, "rates.png")
	wantFailure(t, exitFailure, []string{"rates.png exists already"}, append(flags, "--plot", "rates.png")...)
	wantFailure(t, exitUsage, []string{"--from is 0"}, "lr-find", "--from", "0")
	wantFailure(t, exitUsage, []string{"--to is 0.001", "above --from"}, "lr-find", "--from", "0.01", "--to", "0.001")
	wantFailure(t, exitUsage, []string{"--count is 3"}, "lr-find", "--count", "3")
}
