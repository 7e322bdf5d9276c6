package bench

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// setsThreads says whether a variable sets PyTorch's number of threads.
func setsThreads(variable string) bool {
	return strings.HasPrefix(variable, "OMP_NUM_THREADS=") || strings.HasPrefix(variable, "MKL_NUM_THREADS=")
}

// torchEnvironment is the environment of this process with another number of
// threads; 0 leaves it to PyTorch.
func torchEnvironment(threads int) []string {
	env := slices.DeleteFunc(os.Environ(), setsThreads)
	if threads > 0 {
		env = append(env, "OMP_NUM_THREADS="+strconv.Itoa(threads))
	}
	return env
}

// Environment returns the variables, as NAME=value, that change how fast a side is.
func Environment() []string {
	var found []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "_")
		runtime := strings.HasPrefix(variable, "GOMAXPROCS=") || strings.HasPrefix(variable, "GODEBUG=")
		libraries := slices.Contains([]string{"OMP", "GOMP", "KMP", "MKL", "OPENBLAS", "ONEDNN", "DNNL", "ATEN", "TORCH"}, name)
		if runtime || libraries && !setsThreads(variable) {
			found = append(found, variable)
		}
	}
	slices.Sort(found)
	return found
}
