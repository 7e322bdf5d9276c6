package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestNineOfTenTargetsAreBelow(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 10); err != nil {
		t.Fatal(err)
	}
	var share float64
	if _, err := fmt.Sscanf(out.String(), "share of the targets below the output: %f", &share); err != nil || math.Abs(share-0.9) > 0.04 {
		t.Errorf("%v: %s", err, &out)
	}
}
