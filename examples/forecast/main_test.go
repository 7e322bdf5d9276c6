package main

import (
	"strconv"
	"strings"
	"testing"
)

func TestBeatsSimpleMethods(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 30); err != nil {
		t.Fatal(err)
	}
	var rmse []float64
	for line := range strings.Lines(out.String()) {
		x, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		rmse = append(rmse, x)
	}
	if len(rmse) != 3 || rmse[0] > rmse[1]/3 || rmse[0] > rmse[2]/3 {
		t.Errorf("%s", &out)
	}
}
