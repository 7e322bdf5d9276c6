package kernels

import (
	_ "embed"
	"encoding/json"
)

//go:embed registers.json
var registers []byte

//go:embed loops.json
var loops []byte

// Loop is the inner loop of a kernel that multiplies matrices.
type Loop struct {
	Multiplications int // multiply-adds, or products of tensor cores
	Instructions    int // all
}

// Loops returns the inner loops in the code for sm_90, by kernel name. They were counted
// when the PTX was made.
func Loops() map[string]Loop {
	var l map[string]Loop
	if err := json.Unmarshal(loops, &l); err != nil {
		panic("kernels: loops.json: " + err.Error())
	}
	return l
}

// Registers returns the registers per thread of each kernel, by architecture ("sm_90")
// and kernel name. ptxas counted them when the PTX was made.
// No kernel spills or has a stack.
func Registers() map[string]map[string]int {
	var r map[string]map[string]int
	if err := json.Unmarshal(registers, &r); err != nil {
		panic("kernels: registers.json: " + err.Error())
	}
	return r
}
