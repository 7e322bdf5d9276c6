package kernels

import (
	_ "embed"
	"encoding/json"
)

//go:embed registers.json
var registers []byte

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
