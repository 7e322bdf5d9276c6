package main

import (
	"strings"
	"testing"
)

func TestTicksAreAboutTenWholeEpochs(t *testing.T) {
	for epochs, want := range map[int]string{1: "1", 12: "1 2 3 4 5 6 7 8 9 10 11 12", 13: "2 4 6 8 10 12", 30: "5 10 15 20 25 30", 1000: "100 200 300 400 500 600 700 800 900 1000"} {
		var labels []string
		for _, tick := range wholeTicks(epochs) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("%d epochs: ticks %q, want %q", epochs, got, want)
		}
	}
}
