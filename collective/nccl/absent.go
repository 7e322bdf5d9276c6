//go:build !(cuda && mpi && linux)

package nccl

import (
	"errors"
	"time"

	"gputrain/collective"
	"gputrain/cuda"
)

var errBuild = errors.New("this program was built without NCCL; to use it, build on Linux with the tags cuda and mpi, as make build does")

// Join returns an *AbsentError. This build was made without NCCL.
func Join(g collective.Group, b *cuda.Backend, limit time.Duration) (Group, error) {
	return nil, agree(g, errBuild, false)
}
