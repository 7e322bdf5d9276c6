package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLearnsFlowers(t *testing.T) {
	var out strings.Builder
	if err := run(&out, "../../data/testdata/iris.csv", "5"); err != nil {
		t.Fatal(err)
	}
	var classes, rows int
	var accuracy float64
	if _, err := fmt.Sscanf(out.String(), "%d classes; accuracy on %d rows that were not learned: %f", &classes, &rows, &accuracy); err != nil || accuracy < 0.9 {
		t.Errorf("%v: %s", err, &out)
	}
}

func TestAFileThatIsNoTableIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.csv")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(new(strings.Builder), path, "5"); err == nil || !strings.Contains(err.Error(), "empty.csv") {
		t.Errorf("error %v, want one that names the file", err)
	}
}
