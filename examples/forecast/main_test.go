package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestBeatsTheLastValue(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 150); err != nil {
		t.Fatal(err)
	}
	var steps int
	var wrong, still float64
	if _, err := fmt.Sscanf(out.String(), "%d steps ahead: root mean squared error %f; that of the last value seen is %f", &steps, &wrong, &still); err != nil || wrong > still/2 {
		t.Errorf("%v: %s", err, &out)
	}
}
