//go:build unix

package main

import (
	"os"
	"syscall"
)

// stopSignals are the signals that ask a process to stop. Batch systems send
// SIGUSR1 some time before they kill.
func stopSignals() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1}
}
