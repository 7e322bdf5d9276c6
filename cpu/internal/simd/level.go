// Package simd computes in float32 with the vector instructions of the machine.
//
// Everything is a method of a Level, an instruction set. A machine executes some
// of them; the caller picks one, usually the best. All kernels are assembly
// except those of Generic, which every machine has.
package simd

//go:generate go run -tags generator ./gen

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/cpu"
)

// Level is an instruction set for which there are kernels.
type Level int

const (
	Generic Level = iota // Go
	NEON                 // arm64, all machines
	AVX2                 // amd64 with AVX2 and FMA
	AVX512               // amd64 with AVX-512 F, VL, DQ and BW, and BMI2
)

var levelNames = [...]string{Generic: "generic", NEON: "neon", AVX2: "avx2", AVX512: "avx512"}

// String returns the name of the level, which ParseLevel takes.
func (l Level) String() string { return levelNames[l] }

// Levels returns the levels that this machine executes, the slowest, Generic,
// first.
func Levels() []Level {
	levels := []Level{Generic}
	// The features count the system's support of the registers in.
	if runtime.GOARCH == "arm64" {
		levels = append(levels, NEON)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		levels = append(levels, AVX2)
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasBMI2 {
			levels = append(levels, AVX512)
		}
	}
	return levels
}

// Best returns the fastest level that this machine executes.
func Best() Level {
	levels := Levels()
	return levels[len(levels)-1]
}

// ParseLevel returns the level of that name. It may be one that this machine
// lacks.
func ParseLevel(name string) (Level, error) {
	for l, known := range levelNames {
		if name == known {
			return Level(l), nil
		}
	}
	return Generic, fmt.Errorf("no instruction set %q: want one of %q", name, levelNames)
}
