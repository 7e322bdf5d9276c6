package model_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// The tests allocate much and keep little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
