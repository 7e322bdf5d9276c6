package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
)

// waitForStop is what the process of the tests of signals does: it says that it is
// ready and which signal came, and then, if stdin asks for it, waits for more.
func waitForStop() {
	ctx, stop := notifyStop(context.Background())
	defer stop()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	if line, _ := bufio.NewReader(os.Stdin).ReadString('\n'); line == "end\n" {
		os.Exit(exitCode(fmt.Errorf("wrapped: %w", context.Cause(ctx))))
	}
}

// waitBeforeTraining is the main function of a process that has nothing to save.
func waitBeforeTraining() {
	defer endOnStop(os.Stdout)()
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}
