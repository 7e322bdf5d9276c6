// Package kernel is a CUDA kernel of one's own that go test executes, without a GPU: its bug, a
// missing barrier, is found, and with the barrier it is right. docs/emulator.md explains it.
package kernel
