//go:build !amd64

package emulator

func vectorSets() []vectorSet { return nil }
