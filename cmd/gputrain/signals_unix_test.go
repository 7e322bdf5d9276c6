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
		{syscall.SIGHUP, 0, "hung up", 129},
		{syscall.SIGUSR1, 0, "stopped by a signal (user defined signal 1)", 128 + int(syscall.SIGUSR1)},
		{syscall.SIGINT, syscall.SIGINT, "interrupted", -1},
		{syscall.SIGUSR1, syscall.SIGTERM, "stopped by a signal", -1},
		{syscall.SIGHUP, syscall.SIGHUP, "hung up", 129},
	} {
		t.Run(fmt.Sprintf("%v then %v", c.first, c.second), func(t *testing.T) {
			p := startWaiting(t, "waitForStop")
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

// While the data are read there is nothing to save, and nothing to wait for.
func TestASignalBeforeTheTrainingEndsIt(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1} {
		p := startWaiting(t, "waitBeforeTraining")
		p.line(t, "ready")
		p.Process.Signal(s)
		p.line(t, "gputrain: "+(&stoppedError{s}).Error()+" before training began")
		p.Wait()
		if code := p.ProcessState.ExitCode(); code != 128+int(s) {
			t.Errorf("%v: exit code %d", s, code)
		}
	}
}

// nohup starts a process with SIGHUP ignored.
func TestSIGHUPThatIsIgnoredStaysIgnored(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	p := startWaiting(t, "waitForStop")
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

func startWaiting(t *testing.T, role string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN="+role)
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

func TestExperimentsEndWithTheSignalAndKeepWhatIsDone(t *testing.T) {
	t.Chdir(t.TempDir())
	command := exec.Command(os.Args[0], "experiment", "run", "xor-perceptron", "reber-rtrl", "--device", "cpu", "--out", "results")
	command.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=gputrain")
	pipe, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	last := ""
	for scanner := bufio.NewScanner(pipe); scanner.Scan(); {
		if last = scanner.Text(); strings.HasPrefix(last, "1/2 ") {
			command.Process.Signal(syscall.SIGTERM)
		}
	}
	command.Wait()
	if code := command.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
	if want := "gputrain: terminated in reber-rtrl, after 1 of 2 experiments; those are in results"; last != want {
		t.Errorf("the last line is %q, want %q", last, want)
	}
	readFile(t, "results/xor-perceptron.json")
}

// head closes the pipe when it has seen enough.
func TestClosedPipeEndsACommandQuietly(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	command := exec.Command(os.Args[0], "help", "train")
	command.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=gputrain")
	var errors strings.Builder
	command.Stdout, command.Stderr = writer, &errors
	err = command.Run()
	if status, ok := command.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGPIPE || errors.Len() > 0 {
		t.Errorf("%v, stderr %q; want a quiet end by SIGPIPE", err, errors.String())
	}
}
