package main

import (
	"os"
	"syscall"
)

// stopSignals are the signals that ask a process to stop. Windows sends SIGTERM
// when the console closes.
func stopSignals() []os.Signal { return []os.Signal{syscall.SIGINT, syscall.SIGTERM} }
