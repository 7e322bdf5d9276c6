package backendtest_test

import (
	"os"
	"runtime/debug"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/backend/reference"
)

func openReference() (backend.Backend, error) { return reference.New(), nil }

// Sizes beyond 65 are no others to the reference, which does everything element
// by element; the CPU backend is held against it up to 1025.
func TestReference(t *testing.T) {
	t.Parallel()
	size := 65
	if testing.Short() {
		size = 9 // it has no goroutines
	}
	backendtest.Test(t, openReference, backendtest.MaxSize(size))
}

func BenchmarkReference(b *testing.B) {
	backendtest.Benchmark(b, openReference, backendtest.MaxSize(64))
}

// The suite allocates much and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
