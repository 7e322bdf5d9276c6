//go:build !(cuda && mpi && linux)

package nccl

import (
	"time"

	"gputrain/collective"
	"gputrain/cuda"
)

// Join returns an *AbsentError. This build was made without NCCL.
func Join(g collective.Group, b *cuda.Backend, limit time.Duration) (Group, error) {
	return nil, agree(g, errBuild, false)
}
