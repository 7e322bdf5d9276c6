//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

func TestEachSignalStopsWithItsName(t *testing.T) {
	for _, c := range []struct {
		first, second syscall.Signal // second 0 means none
		says          string
		code          int // -1 means killed by second
	}{
		{syscall.SIGINT, 0, "interrupted", 130},
		{syscall.SIGTERM, 0, "terminated", 143},
		{syscall.SIGHUP, 0, "stopped: the terminal is gone", 129},
		{syscall.SIGUSR1, 0, "stopped by signal: user defined signal 1", 128 + int(syscall.SIGUSR1)},
		{syscall.SIGINT, syscall.SIGINT, "interrupted", -1},
		{syscall.SIGUSR1, syscall.SIGTERM, "stopped by signal", -1},
		{syscall.SIGHUP, syscall.SIGHUP, "stopped: the terminal is gone", 129},
	} {
		t.Run(fmt.Sprintf("%v then %v", c.first, c.second), func(t *testing.T) {
			p := startWaiting(t)
			p.line(t, "ready")
			p.Process.Signal(c.first)
			p.line(t, c.says)
			if c.second != 0 {
				p.Process.Signal(c.second)
			}
			if c.code >= 0 {
				io.WriteString(p.in, "end\n")
			}
			p.Wait()
			if got := p.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
		})
	}
}

// nohup starts a process with SIGHUP ignored.
func TestSIGHUPThatIsIgnoredStaysIgnored(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	p := startWaiting(t)
	p.line(t, "ready")
	p.Process.Signal(syscall.SIGHUP)
	p.Process.Signal(syscall.SIGTERM)
	p.line(t, "terminated")
	io.WriteString(p.in, "end\n")
	p.Wait()
}

// process is one that a test has started.
type process struct {
	*exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func startWaiting(t *testing.T) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=waitForStop")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return &process{cmd, in, bufio.NewScanner(out)}
}

// line stops the test unless the next line that p prints begins with want.
func (p *process) line(t *testing.T, want string) {
	t.Helper()
	if !p.out.Scan() || !strings.HasPrefix(p.out.Text(), want) {
		t.Fatalf("the process prints %q, want %q", p.out.Text(), want)
	}
}
