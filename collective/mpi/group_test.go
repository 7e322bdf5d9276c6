//go:build mpi && (linux || darwin)

package mpi

import "testing"

func TestMayHang(t *testing.T) {
	for version, want := range map[string]bool{
		"MPICH 3.4.3":       true,
		"MPICH 4.0.2":       true,
		"MPICH 4.1":         true,
		"MPICH 4.2.0":       false,
		"MPICH 4.10.1":      false,
		"MPICH 5.0.2":       false,
		"Open MPI v4.1.4":   false,
		"Intel(R) MPI 2021": false,
		"MVAPICH2 2.3.7":    false,
	} {
		if got := mayHang(version); got != want {
			t.Errorf("%s: got %v, want %v", version, got, want)
		}
	}
}
