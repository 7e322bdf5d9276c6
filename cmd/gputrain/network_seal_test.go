package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// Without its checksum, nobody knows whether a model is what was learned.
func TestAModelWithoutItsChecksumIsRefused(t *testing.T) {
	file, err := (&description{Model: "mlp", Steps: 1, Width: 1, Hidden: 1, Layers: 1, Classes: []string{"a"}, Shift: []float32{0}, Factor: []float32{1}}).newFile()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/model.safetensors"
	if err := file.Write(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readModel(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"gputrain.format", "gputrain.sha256"} {
		content = bytes.Replace(content, []byte(key), []byte("X"+key[1:]), 1)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readModel(path); err == nil || !strings.Contains(err.Error(), path+": it has no checksum") {
		t.Errorf("error %v, want one about the checksum", err)
	}
}
