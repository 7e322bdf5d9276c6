// Command gputrain trains, evaluates and applies feed-forward, recurrent and
// LSTM networks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"gputrain/collective"
	"gputrain/collective/mpi"
	"gputrain/internal/memorylimit"
)

// The exit codes. That of a signal is its stoppedError's.
const (
	exitFailure = 1 // files, data, memory, the training itself
	exitUsage   = 2 // flags, commands, settings
)

func main() {
	memorylimit.Follow()
	mpi.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns the exit code. An error becomes
// one line on stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "gputrain: %s (this is a bug in gputrain)\n", printable(fmt.Sprint(r)))
			code = exitFailure
		}
	}()
	out := newStream(stdout)
	con := console{stdin, out, newStream(stderr)}
	command, err := parse(args, con)
	if err == nil && command != nil {
		command.BindTo(ctx, (*context.Context)(nil))
		err = command.Run(con)
	}
	if err == nil || command == nil && out.err != nil { // of kong's help, too
		err = out.err
	}
	if err == nil {
		return 0
	}
	code = exitCode(err)
	if followed(err) {
		return code
	}
	if rank := mpi.Launched().Rank; code == exitUsage && rank > 0 {
		// Most often all ranks fail alike. Then rank 0 says it, and its end is that of all.
		time.Sleep(rank0First)
		err = &collective.AbortError{Rank: rank, Reason: err}
	}
	fmt.Fprintf(stderr, "gputrain: %s\n", printable(err.Error()))
	return code
}

// rank0First is how long other ranks wait for the end of rank 0 before they say why they end.
var rank0First = 2 * time.Second

func exitCode(err error) int {
	var (
		usage   *usageError
		setting *settingError
		stopped *stoppedError
		parse   *kong.ParseError
		path    *fs.PathError
	)
	switch {
	case errors.As(err, &stopped):
		return stopped.exitCode()
	case errors.As(err, &usage), errors.As(err, &setting):
		return exitUsage
	case errors.As(err, &parse) && !errors.As(err, &path):
		return exitUsage
	}
	return exitFailure
}

// usageError is a mistake in the command line itself, whatever the files hold.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}
