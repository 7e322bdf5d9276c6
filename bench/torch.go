package bench

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed pytorch.py
var torchScript string

// TorchOptions say how PyTorch runs.
type TorchOptions struct {
	Python   string        // the program, which finds PyTorch
	Device   string        // as PyTorch calls it, such as "cpu"
	Threads  int           // that compute; 0 leaves their number to PyTorch
	Patience time.Duration // with an answer; 0 means two minutes
}

// TorchVersions is what PyTorch says of itself.
type TorchVersions struct {
	Torch     string   `json:"torch"`
	Libraries []string `json:"libraries"` // that compute, such as "MKL 2024.2"
	Python    string   `json:"python"`
	Threads   int      `json:"threads,omitempty"` // that compute
	Device    string   `json:"device"`
}

// Torch is PyTorch in a process of its own. Its threads sleep while it has no turn.
// After an error it is of no more use.
type Torch struct {
	Options  TorchOptions
	Versions TorchVersions

	ctx         context.Context
	process     *exec.Cmd
	in          io.WriteCloser
	out         io.Closer
	lines       *bufio.Scanner
	errors      lastLine
	outOfTime   atomic.Bool
	stopWatch   func() bool // over ctx
	waitForExit func() error
}

// TorchError is what went wrong in the process of PyTorch.
type TorchError string

func (e TorchError) Error() string { return string(e) }

// StartTorch starts PyTorch and waits until it is ready. When ctx ends, so does the
// process, and the error of each call is the cause of ctx. The caller must Close it.
func StartTorch(ctx context.Context, o TorchOptions) (*Torch, error) {
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
	t := &Torch{Options: o, ctx: ctx, process: exec.Command(o.Python, "-c", torchScript, o.Device)}
	t.process.Env = torchEnvironment(o.Threads)
	t.process.Stderr = &t.errors
	t.process.WaitDelay = time.Second
	in, err := t.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := t.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.in, t.out, t.lines = in, out, bufio.NewScanner(out)
	if err := t.process.Start(); err != nil {
		return nil, t.wrong("does not start: %v", err)
	}
	t.waitForExit = sync.OnceValue(t.process.Wait)
	t.stopWatch = context.AfterFunc(ctx, t.kill)
	err = t.receive(&t.Versions)
	if err == nil && t.Versions.Torch == "" {
		err = t.rubbish()
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Prepare lets PyTorch build w in place of what it had, and returns the runner.
func (t *Torch) Prepare(w Work) (Runner, error) {
	if err := t.ask(w, &struct{}{}); err != nil {
		return nil, err
	}
	return func(calls int) (time.Duration, error) {
		var answer struct {
			Seconds float64 `json:"seconds"`
		}
		err := t.ask(map[string]int{"calls": calls}, &answer)
		if err == nil && !(answer.Seconds > 0) {
			err = t.rubbish()
		}
		return time.Duration(answer.Seconds * float64(time.Second)), err
	}, nil
}

// Close ends the process.
func (t *Torch) Close() {
	t.stopWatch()
	t.in.Close()
	t.exit()
}

// exit waits until the process has ended, and ends it if it takes too long.
func (t *Torch) exit() {
	timer := time.AfterFunc(time.Second, t.kill)
	defer timer.Stop()
	t.waitForExit()
}

// kill ends the process. It also ends a call that waits for an answer: children of
// the process may have the other end of the pipe.
func (t *Torch) kill() {
	t.process.Process.Kill()
	t.out.Close()
}

// ask sends a request and receives the answer.
func (t *Torch) ask(request, answer any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := t.in.Write(append(line, '\n')); err != nil {
		return t.failure()
	}
	return t.receive(answer)
}

func (t *Torch) receive(answer any) error {
	timer := time.AfterFunc(t.Options.Patience, func() {
		t.outOfTime.Store(true)
		t.kill()
	})
	defer timer.Stop()
	if !t.lines.Scan() {
		return t.failure()
	}
	decoder := json.NewDecoder(bytes.NewReader(t.lines.Bytes()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(answer); err != nil {
		return t.rubbish()
	}
	return nil
}

// failure says why there is no answer.
func (t *Torch) failure() error {
	switch {
	case t.ctx.Err() != nil:
		return context.Cause(t.ctx)
	case t.outOfTime.Load():
		return t.wrong("gave no answer for %v", t.Options.Patience)
	case errors.Is(t.lines.Err(), bufio.ErrTooLong):
		return t.wrong("answers a line without an end, which is not an answer of pytorch.py")
	}
	t.exit()
	if last := t.errors.text(); last != "" {
		return t.wrong("ended (%v): %s", t.process.ProcessState, last)
	}
	return t.wrong("ended (%v)", t.process.ProcessState)
}

func (t *Torch) rubbish() error {
	return t.wrong("answers %q, which is not an answer of pytorch.py", shorten(t.lines.Text(), 60))
}

func (t *Torch) wrong(format string, args ...any) error {
	return TorchError(t.Options.Python + " " + fmt.Sprintf(format, args...))
}

// shorten cuts a text to so many bytes.
func shorten(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// lastLine keeps the last line that is written to it and not empty. Python ends
// with the line that says what happened.
type lastLine struct {
	mutex    sync.Mutex
	last     []byte
	complete bool // what comes next begins another line
}

func (l *lastLine) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for line := range bytes.Lines(p) {
		content := bytes.TrimRight(line, "\r\n")
		if l.complete && len(bytes.TrimSpace(content)) > 0 {
			l.last, l.complete = nil, false
		}
		const most = 4096
		l.last = append(l.last, content[:min(len(content), most-len(l.last))]...)
		l.complete = l.complete || len(content) < len(line)
	}
	return len(p), nil
}

func (l *lastLine) text() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return shorten(strings.TrimSpace(string(l.last)), 300)
}
