//go:build cuda

package cudriver

// #include <cuda.h>
import "C"

import (
	"errors"

	"gorgonia.org/cu"

	"gputrain/cuda"
)

// BeginCapture captures in relaxed mode. In the other modes EndCapture must run on the
// same thread.
func (d *device) BeginCapture(s cuda.Stream) error {
	return d.call("cuStreamBeginCapture", func() error {
		return result(C.cuStreamBeginCapture(hold[C.CUstream](s), C.CU_STREAM_CAPTURE_MODE_RELAXED))
	})
}

func (d *device) EndCapture(s cuda.Stream) (cuda.Graph, error) {
	var captured C.CUgraph
	err := d.call("cuStreamEndCapture", func() error {
		return result(C.cuStreamEndCapture(hold[C.CUstream](s), &captured))
	})
	if err != nil {
		return 0, err
	}
	var graph C.CUgraphExec
	err = d.call("cuGraphInstantiate", func() error {
		return result(C.cuGraphInstantiateWithFlags(&graph, captured, 0))
	})
	return cuda.Graph(number(graph)), errors.Join(err, d.call("cuGraphDestroy", hold[cu.Graph](number(captured)).Destroy))
}

func (d *device) LaunchGraph(g cuda.Graph, s cuda.Stream) error {
	return d.call("cuGraphLaunch", func() error {
		return result(C.cuGraphLaunch(hold[C.CUgraphExec](g), hold[C.CUstream](s)))
	})
}

func (d *device) DestroyGraph(g cuda.Graph) error {
	return d.call("cuGraphExecDestroy", hold[cu.ExecGraph](g).Destroy)
}
