package gl

import (
	"fmt"
	"runtime"

	"gputrain/kernels"
)

// thread is the goroutine that owns the context, with the queue of its commands.
type thread struct {
	device Device
	queue  chan command
	done   chan error
	broken bool // a command has failed, so the others are dropped
	failed func(op string, err error)
}

// command is a dispatch on behalf of op, an upload, a copy, or whatever call does.
type command struct {
	op       string
	shader   *shader
	x, y     int // groups
	buffers  [maxOperands]Buffer
	args     [kernels.MaxArgs]uint32
	argCount int

	upload window // that gets data
	data   []byte // nil for anything but an upload

	copyTo, copyFrom window // of so many elements, if any
	elements         int

	call   func(Device) error
	always bool // call also after an error
	waits  bool // its sender waits for done
}

const (
	maxOperands = 8 // storage bindings that every driver has
	queueLength = 256
)

// startThread opens the device on a thread of its own.
func startThread(driver Driver, ordinal int) (*thread, DeviceInfo, error) {
	t := &thread{queue: make(chan command, queueLength), done: make(chan error)}
	go func() {
		// It is never unlocked, so that the operating system's thread ends with the
		// goroutine.
		runtime.LockOSThread()
		var err error
		t.device, err = driver.Open(ordinal)
		t.done <- err
		if err == nil {
			t.run()
		}
	}()
	if err := <-t.done; err != nil {
		return nil, DeviceInfo{}, err
	}
	return t, t.device.Info(), nil
}

func (t *thread) run() {
	var c command // one for all, because what is passed to an interface is allocated
	for c = range t.queue {
		if !t.broken || c.always {
			if err := t.execute(&c); err != nil {
				t.broken = true
				t.failed(c.op, err)
			}
		}
		if c.waits {
			t.done <- nil
		}
	}
	t.done <- t.device.Close()
}

func (t *thread) execute(c *command) error {
	switch {
	case c.call != nil:
		return c.call(t.device)
	case c.data != nil:
		return t.device.Upload(c.upload.buffer, c.upload.offset(), c.data)
	case c.elements > 0:
		return t.device.Copy(c.copyTo.buffer, c.copyTo.offset(), c.copyFrom.buffer, c.copyFrom.offset(), c.elements*elementBytes)
	}
	if err := c.shader.compile(t.device); err != nil {
		return err
	}
	if err := t.device.Dispatch(c.shader.program, c.x, c.y, c.buffers[:len(c.shader.Operands)], c.args[:c.argCount]); err != nil {
		return fmt.Errorf("shader %s: %w", c.shader.Name(), err)
	}
	// The only barrier. What a shader writes must be visible to the next command,
	// whatever it is.
	return t.device.Barrier()
}

// do runs call on the thread and waits for it. Its error sticks. After an error it
// does nothing.
func (t *thread) do(op string, call func(Device) error) {
	t.queue <- command{op: op, call: call, waits: true}
	<-t.done
}

// later runs call on the thread, after an error too.
func (t *thread) later(op string, call func(Device) error) {
	t.queue <- command{op: op, call: call, always: true}
}

// close runs what is queued, closes the device and ends the thread.
func (t *thread) close() error {
	close(t.queue)
	return <-t.done
}
