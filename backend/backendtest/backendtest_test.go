package backendtest_test

import (
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/backend/reference"
)

func openReference() (backend.Backend, error) { return reference.New(), nil }

func TestReference(t *testing.T) {
	size := 257
	if testing.Short() {
		size = 33
	}
	backendtest.Test(t, openReference, backendtest.MaxSize(size))
}

func BenchmarkReference(b *testing.B) {
	backendtest.Benchmark(b, openReference, backendtest.MaxSize(64))
}
