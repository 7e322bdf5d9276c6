package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestLearnsLengths(t *testing.T) {
	var out strings.Builder
	if err := run(&out, "../../data/testdata/iris.csv", "3"); err != nil {
		t.Fatal(err)
	}
	var rmse, r2 float64
	if _, err := fmt.Sscanf(out.String(), "root mean squared error %f, R² %f", &rmse, &r2); err != nil || rmse > 0.4 || r2 < 0.9 {
		t.Errorf("%v: %s", err, &out)
	}
}
