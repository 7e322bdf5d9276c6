//go:build cuda

package main

/*
#include <stdlib.h>
#include <cuda.h>
#include "../include/nccl.h"

void runBatch(void *batch);
void endBatch(void *batch);
*/
import "C"

import (
	"errors"
	"slices"
	"syscall"
	"unsafe"

	"gputrain/collective/nccl/emulator"
)

// batch is the operations of one group, or one operation alone, on their way through a stream.
type batch struct {
	comm   *communicator
	stream C.cudaStream_t
	ops    []operation
	memory []unsafe.Pointer // page-locked
	handle unsafe.Pointer   // for C
}

// operation is an Op with its places on the device, and in page-locked memory from queue on.
type operation struct {
	emulator.Op
	from, to                 C.CUdeviceptr
	sentBytes, receivedBytes int
	sent, received           []byte
}

// groups are those that are open, by thread, and batches those in streams.
var (
	groups  = map[int]*group{}
	batches = map[unsafe.Pointer]*batch{}
)

// group is what has been called since ncclGroupStart.
type group struct {
	depth int
	batch batch
}

var widths = map[C.ncclDataType_t]int{C.ncclInt8: 1, C.ncclUint8: 1, C.ncclInt32: 4, C.ncclUint32: 4, C.ncclInt64: 8, C.ncclUint64: 8,
	C.ncclFloat16: 2, C.ncclFloat32: 4, C.ncclFloat64: 8, C.ncclBfloat16: 2}

//export emulateGroupStart
func emulateGroupStart() C.ncclResult_t {
	library.Lock()
	defer library.Unlock()
	thread := syscall.Gettid()
	if groups[thread] == nil {
		groups[thread] = new(group)
	}
	groups[thread].depth++
	return C.ncclSuccess
}

//export emulateGroupEnd
func emulateGroupEnd() C.ncclResult_t {
	thread := syscall.Gettid()
	library.Lock()
	g := groups[thread]
	if g != nil {
		if g.depth--; g.depth > 0 {
			g = &group{depth: 1}
		} else {
			delete(groups, thread)
		}
	}
	library.Unlock()
	switch {
	case g == nil:
		return result(fault(emulator.InvalidUsage, "ncclGroupEnd without an ncclGroupStart on this thread"))
	case g.depth > 0 || g.batch.comm == nil:
		return C.ncclSuccess
	}
	return result(g.batch.queue())
}

// call checks an operation and queues it, or notes it for ncclGroupEnd.
func call(handle C.ncclComm_t, stream C.cudaStream_t, kind emulator.Kind, send, receive unsafe.Pointer, sent, received int, count C.size_t, t C.ncclDataType_t, reduction, peer int) C.ncclResult_t {
	c, err := find(handle)
	if err != nil {
		return result(err)
	}
	width := widths[t]
	o := operation{Op: emulator.Op{Kind: kind, Count: int(count), Type: int(t), Width: width, Reduction: reduction, Peer: peer}}
	switch {
	case width == 0:
		return result(fault(emulator.InvalidArgument, "data type %d", t))
	case peer < 0 || peer >= c.ranks:
		return result(fault(emulator.InvalidArgument, "nccl%s: rank %d of %d", kind, peer, c.ranks))
	case kind == emulator.AllReduce && (t != emulator.Float32 || reduction != emulator.Sum):
		return result(fault(emulator.InvalidUsage, "the emulator adds float32 only"))
	}
	o.sentBytes, o.receivedBytes = sent*int(count)*width, received*int(count)*width
	if o.from, err = onDevice(send, o.sentBytes); err == nil {
		o.to, err = onDevice(receive, o.receivedBytes)
	}
	if err != nil {
		return result(fault(emulator.InvalidArgument, "nccl%s: %v", kind, err))
	}
	library.Lock()
	g := groups[syscall.Gettid()]
	library.Unlock()
	if g == nil {
		alone := batch{comm: c, stream: stream, ops: []operation{o}}
		return result(alone.queue())
	}
	b := &g.batch
	if b.comm != nil && (b.comm != c || b.stream != stream) {
		return result(fault(emulator.InvalidUsage, "the emulator has one communicator and one stream in a group"))
	}
	b.comm, b.stream, b.ops = c, stream, append(b.ops, o)
	return C.ncclSuccess
}

// onDevice checks that memory is on the device, and allocated.
func onDevice(p unsafe.Pointer, bytes int) (C.CUdeviceptr, error) {
	if bytes == 0 {
		return 0, nil
	}
	at := C.CUdeviceptr(uintptr(p))
	var kind C.uint
	if code := C.cuPointerGetAttribute(unsafe.Pointer(&kind), C.CU_POINTER_ATTRIBUTE_MEMORY_TYPE, at); code != C.CUDA_SUCCESS || kind != C.CU_MEMORYTYPE_DEVICE {
		return 0, fault(emulator.InvalidArgument, "%#x is no memory of the device", uintptr(p))
	}
	var base C.CUdeviceptr
	var size C.size_t
	if err := driver("cuMemGetAddressRange", C.cuMemGetAddressRange(&base, &size, at)); err != nil {
		return 0, err
	}
	if uint64(at)+uint64(bytes) > uint64(base)+uint64(size) {
		return 0, fault(emulator.InvalidArgument, "%d bytes at %#x end behind their allocation of %d bytes at %#x", bytes, uintptr(p), size, uint64(base))
	}
	return at, nil
}

// queue queues the copies to the host, what runBatch does, and the copies back.
func (b *batch) queue() error {
	if err := b.comm.freeEnded(); err != nil {
		return err
	}
	if err := b.comm.failed(); err != nil {
		return err
	}
	b.handle = C.malloc(1) // an address that nothing else has
	library.Lock()
	batches[b.handle] = b
	library.Unlock()
	b.comm.queueing.Store(true)
	defer b.comm.queueing.Store(false)
	for i := range b.ops {
		o := &b.ops[i]
		var err error
		if o.sent, err = b.lock(o.sentBytes); err != nil {
			return err
		}
		if o.received, err = b.lock(o.receivedBytes); err != nil {
			return err
		}
		if o.sentBytes > 0 {
			if err := driver("cuMemcpyDtoHAsync", C.cuMemcpyDtoHAsync(pointer(o.sent), o.from, C.size_t(o.sentBytes), b.stream)); err != nil {
				return err
			}
		}
	}
	if err := driver("cuLaunchHostFunc", C.cuLaunchHostFunc(b.stream, C.CUhostFn(C.runBatch), b.handle)); err != nil {
		return err
	}
	for _, o := range b.ops {
		if o.receivedBytes > 0 {
			if err := driver("cuMemcpyHtoDAsync", C.cuMemcpyHtoDAsync(o.to, pointer(o.received), C.size_t(o.receivedBytes), b.stream)); err != nil {
				return err
			}
		}
	}
	return driver("cuLaunchHostFunc", C.cuLaunchHostFunc(b.stream, C.CUhostFn(C.endBatch), b.handle))
}

// lock returns page-locked memory.
func (b *batch) lock(bytes int) ([]byte, error) {
	if bytes == 0 {
		return nil, nil
	}
	var p unsafe.Pointer
	if err := driver("cuMemHostAlloc", C.cuMemHostAlloc(&p, C.size_t(bytes), 0)); err != nil {
		return nil, err
	}
	b.memory = append(b.memory, p)
	return unsafe.Slice((*byte)(p), bytes), nil
}

// freeEnded frees the memory of batches that have ended, which a function that a stream calls
// must not.
func (c *communicator) freeEnded() (err error) {
	library.Lock()
	old := c.ended
	c.ended = nil
	library.Unlock()
	for _, b := range old {
		for _, p := range b.memory {
			err = errors.Join(err, driver("cuMemFreeHost", C.cuMemFreeHost(p)))
		}
	}
	return err
}

func pointer(memory []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(memory)) }

func batchOf(handle unsafe.Pointer) *batch {
	library.Lock()
	defer library.Unlock()
	return batches[handle]
}

// runBatch is called by the stream. After a failure the stream hangs until the communicator is
// aborted, as NCCL's do; but not if it runs in a call of this library: the emulated driver has no
// thread of its own.
//
//export runBatch
func runBatch(handle unsafe.Pointer) {
	b := batchOf(handle)
	ops := make([]emulator.Op, len(b.ops))
	for i, o := range b.ops {
		ops[i] = o.Op
		ops[i].Data = slices.Clone(o.sent)
	}
	got, err := b.comm.Run(ops)
	if err != nil {
		b.comm.fail(err)
		if !b.comm.queueing.Load() {
			<-b.comm.aborted
		}
		return
	}
	for i, o := range b.ops {
		copy(o.received, got[i])
	}
}

//export endBatch
func endBatch(handle unsafe.Pointer) {
	b := batchOf(handle)
	library.Lock()
	defer library.Unlock()
	delete(batches, handle)
	C.free(handle)
	b.comm.ended = append(b.comm.ended, b)
}

//export emulateSend
func emulateSend(send unsafe.Pointer, count C.size_t, t C.ncclDataType_t, peer C.int, comm C.ncclComm_t, stream C.cudaStream_t) C.ncclResult_t {
	return call(comm, stream, emulator.Send, send, nil, 1, 0, count, t, 0, int(peer))
}

//export emulateRecv
func emulateRecv(receive unsafe.Pointer, count C.size_t, t C.ncclDataType_t, peer C.int, comm C.ncclComm_t, stream C.cudaStream_t) C.ncclResult_t {
	return call(comm, stream, emulator.Recv, nil, receive, 0, 1, count, t, 0, int(peer))
}

//export emulateAllGather
func emulateAllGather(send, receive unsafe.Pointer, count C.size_t, t C.ncclDataType_t, comm C.ncclComm_t, stream C.cudaStream_t) C.ncclResult_t {
	c, err := find(comm)
	if err != nil {
		return result(err)
	}
	return call(comm, stream, emulator.AllGather, send, receive, 1, c.ranks, count, t, 0, 0)
}

//export emulateAllReduce
func emulateAllReduce(send, receive unsafe.Pointer, count C.size_t, t C.ncclDataType_t, op C.ncclRedOp_t, comm C.ncclComm_t, stream C.cudaStream_t) C.ncclResult_t {
	return call(comm, stream, emulator.AllReduce, send, receive, 1, 1, count, t, int(op), 0)
}

//export emulateBroadcast
func emulateBroadcast(send, receive unsafe.Pointer, count C.size_t, t C.ncclDataType_t, root C.int, comm C.ncclComm_t, stream C.cudaStream_t) C.ncclResult_t {
	c, err := find(comm)
	if err != nil {
		return result(err)
	}
	sent := 0
	if int(root) == c.rank {
		sent = 1
	}
	return call(comm, stream, emulator.Broadcast, send, receive, sent, 1, count, t, 0, int(root))
}
