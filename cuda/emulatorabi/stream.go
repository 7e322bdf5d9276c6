//go:build cuda && emulatorabi

package emulatorabi

/*
#include <cuda.h>

static void call_host(CUhostFn f, void *data) { f(data); }
static void call_back(CUstreamCallback f, CUstream stream, void *data) { f(stream, CUDA_SUCCESS, data); }
*/
import "C"

import (
	"unsafe"

	"gputrain/cuda"
)

//export emulateStreamCreate
func emulateStreamCreate(out *C.CUstream, flags C.uint) C.CUresult {
	return with(func(c *context) error {
		s, err := c.NewStream()
		store(out, s)
		return err
	})
}

//export emulateStreamDestroy
func emulateStreamDestroy(s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.DestroyStream(stream(s)) })
}

//export emulateStreamSynchronize
func emulateStreamSynchronize(s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.SyncStream(stream(s)) })
}

//export emulateStreamWaitEvent
func emulateStreamWaitEvent(s C.CUstream, e C.CUevent, flags C.uint) C.CUresult {
	return with(func(c *context) error { return c.StreamWait(stream(s), event(e)) })
}

//export emulateEventCreate
func emulateEventCreate(out *C.CUevent, flags C.uint) C.CUresult {
	return with(func(c *context) error {
		e, err := c.NewEvent()
		store(out, e)
		return err
	})
}

//export emulateEventDestroy
func emulateEventDestroy(e C.CUevent) C.CUresult {
	return with(func(c *context) error { return c.DestroyEvent(event(e)) })
}

//export emulateEventRecord
func emulateEventRecord(e C.CUevent, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.Record(event(e), stream(s)) })
}

//export emulateEventSynchronize
func emulateEventSynchronize(e C.CUevent) C.CUresult {
	return with(func(c *context) error { return c.SyncEvent(event(e)) })
}

//export emulateEventElapsedTime
func emulateEventElapsedTime(out *C.float, start, end C.CUevent) C.CUresult {
	return with(func(c *context) error {
		milliseconds, err := c.Elapsed(event(start), event(end))
		*out = C.float(milliseconds)
		return err
	})
}

// The emulator works only when it is called. So it does all that a query asks for.
//
//export emulateEventQuery
func emulateEventQuery(e C.CUevent) C.CUresult { return emulateEventSynchronize(e) }

//export emulateStreamQuery
func emulateStreamQuery(s C.CUstream) C.CUresult { return emulateStreamSynchronize(s) }

//export emulateLaunchHostFunc
func emulateLaunchHostFunc(s C.CUstream, f C.CUhostFn, data unsafe.Pointer) C.CUresult {
	return with(func(c *context) error { return c.Call(stream(s), func() { C.call_host(f, data) }) })
}

//export emulateStreamAddCallback
func emulateStreamAddCallback(s C.CUstream, f C.CUstreamCallback, data unsafe.Pointer, flags C.uint) C.CUresult {
	return with(func(c *context) error { return c.Call(stream(s), func() { C.call_back(f, s, data) }) })
}

//export emulateStreamBeginCapture
func emulateStreamBeginCapture(s C.CUstream, mode C.CUstreamCaptureMode) C.CUresult {
	return with(func(c *context) error { return c.BeginCapture(stream(s)) })
}

// emulateStreamEndCapture returns a graph that is already instantiated, because the
// emulator has no other graphs.
//
//export emulateStreamEndCapture
func emulateStreamEndCapture(s C.CUstream, out *C.CUgraph) C.CUresult {
	return with(func(c *context) error {
		g, err := c.EndCapture(stream(s))
		store(out, g)
		return err
	})
}

//export emulateGraphInstantiate
func emulateGraphInstantiate(out *C.CUgraphExec, g C.CUgraph, flags C.ulonglong) C.CUresult {
	store(out, number(g))
	return C.CUDA_SUCCESS
}

//export emulateGraphDestroy
func emulateGraphDestroy(g C.CUgraph) C.CUresult { return C.CUDA_SUCCESS }

//export emulateGraphExecDestroy
func emulateGraphExecDestroy(g C.CUgraphExec) C.CUresult {
	return with(func(c *context) error { return c.DestroyGraph(cuda.Graph(number(g))) })
}

//export emulateGraphLaunch
func emulateGraphLaunch(g C.CUgraphExec, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.LaunchGraph(cuda.Graph(number(g)), stream(s)) })
}
