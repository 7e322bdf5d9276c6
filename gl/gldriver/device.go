//go:build gl && cgo && linux

package gldriver

import (
	"time"
	"unsafe"

	opengl "github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/gl"
	"gputrain/gl/gldriver/egl"
)

// device is a context that is current on its thread.
type device struct {
	context  egl.Context
	info     gl.DeviceInfo
	notifies bool      // of a reset of the GPU
	stamps   [2]uint32 // queries of the time
	program  gl.Program
}

func (d *device) Info() gl.DeviceInfo { return d.info }

func (d *device) NewBuffer(bytes int) (gl.Buffer, error) {
	var name uint32
	opengl.GenBuffers(1, &name)
	opengl.BindBuffer(opengl.COPY_WRITE_BUFFER, name)
	opengl.BufferData(opengl.COPY_WRITE_BUFFER, bytes, nil, opengl.DYNAMIC_COPY)
	if err := result("glBufferData"); err != nil {
		opengl.DeleteBuffers(1, &name)
		return 0, err
	}
	return gl.Buffer(name), nil
}

func (d *device) DeleteBuffer(b gl.Buffer) error {
	name := uint32(b)
	opengl.DeleteBuffers(1, &name)
	return result("glDeleteBuffers")
}

func (d *device) Clear(b gl.Buffer) error {
	opengl.BindBuffer(opengl.COPY_WRITE_BUFFER, uint32(b))
	opengl.ClearBufferData(opengl.COPY_WRITE_BUFFER, opengl.R32UI, opengl.RED_INTEGER, opengl.UNSIGNED_INT, nil)
	return result("glClearBufferData")
}

func (d *device) Upload(dst gl.Buffer, offset int, src []byte) error {
	opengl.BindBuffer(opengl.COPY_WRITE_BUFFER, uint32(dst))
	opengl.BufferSubData(opengl.COPY_WRITE_BUFFER, offset, len(src), unsafe.Pointer(unsafe.SliceData(src)))
	return result("glBufferSubData")
}

func (d *device) Copy(dst gl.Buffer, dstOffset int, src gl.Buffer, srcOffset, bytes int) error {
	opengl.BindBuffer(opengl.COPY_READ_BUFFER, uint32(src))
	opengl.BindBuffer(opengl.COPY_WRITE_BUFFER, uint32(dst))
	opengl.CopyBufferSubData(opengl.COPY_READ_BUFFER, opengl.COPY_WRITE_BUFFER, srcOffset, dstOffset, bytes)
	return result("glCopyBufferSubData")
}

func (d *device) Download(dst []byte, src gl.Buffer, offset int) error {
	opengl.BindBuffer(opengl.COPY_READ_BUFFER, uint32(src))
	opengl.GetBufferSubData(opengl.COPY_READ_BUFFER, offset, len(dst), unsafe.Pointer(unsafe.SliceData(dst)))
	return d.settled("glGetBufferSubData")
}

func (d *device) Dispatch(p gl.Program, x, y int, buffers []gl.Buffer, args []uint32) error {
	if p != d.program {
		opengl.UseProgram(uint32(p))
		d.program = p
	}
	for i, b := range buffers {
		opengl.BindBufferBase(opengl.SHADER_STORAGE_BUFFER, uint32(i), uint32(b))
	}
	opengl.Uniform1uiv(0, int32(len(args)), unsafe.SliceData(args))
	opengl.DispatchCompute(uint32(x), uint32(y), 1)
	return result("glDispatchCompute")
}

func (d *device) Barrier() error {
	opengl.MemoryBarrier(opengl.SHADER_STORAGE_BARRIER_BIT | opengl.BUFFER_UPDATE_BARRIER_BIT)
	return nil // it has no errors of its own
}

func (d *device) Mark(stamp int) error {
	opengl.QueryCounter(d.stamps[stamp], opengl.TIMESTAMP)
	return result("glQueryCounter")
}

func (d *device) Elapsed() (time.Duration, error) {
	var nanoseconds [2]uint64
	for i, stamp := range d.stamps {
		opengl.GetQueryObjectui64v(stamp, opengl.QUERY_RESULT, &nanoseconds[i])
	}
	return time.Duration(nanoseconds[1] - nanoseconds[0]), d.settled("glGetQueryObjectui64v")
}

func (d *device) Sync() error {
	opengl.Finish()
	return d.settled("glFinish")
}

func (d *device) Close() error { return d.context.Destroy() }

// settled is result for a call that has waited: only then is a reset known.
func (d *device) settled(call string) error {
	if d.notifies {
		if code := opengl.GetGraphicsResetStatus(); code != opengl.NO_ERROR {
			return reset(code)
		}
	}
	return result(call)
}
