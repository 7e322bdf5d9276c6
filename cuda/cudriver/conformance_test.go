//go:build cuda

package cudriver

import (
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cuda"
)

func TestConformance(t *testing.T) {
	list(t)
	open := func() (backend.Backend, error) { return cuda.Open(New(), 0, cuda.Options{}) }
	backendtest.Test(t, open, backendtest.MaxSize(33))
}
