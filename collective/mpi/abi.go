//go:build mpi && (linux || darwin)

package mpi

// abi is what a program in C takes from mpi.h, which is not the same in all libraries: the
// constants, and which of them are addresses in the library.
type abi struct {
	name    string
	values  map[string]uintptr
	symbols map[string]string
}

var (
	openMPIABI = abi{
		name: "Open MPI's ABI",
		values: map[string]uintptr{
			"MPI_IN_PLACE":          1,
			"MPI_THREAD_SERIALIZED": 2,
			"MPI_COMM_TYPE_SHARED":  0,
		},
		symbols: map[string]string{
			"MPI_COMM_WORLD":    "ompi_mpi_comm_world",
			"MPI_BYTE":          "ompi_mpi_byte",
			"MPI_FLOAT":         "ompi_mpi_float",
			"MPI_SUM":           "ompi_mpi_op_sum",
			"MPI_INFO_NULL":     "ompi_mpi_info_null",
			"MPI_ERRORS_RETURN": "ompi_mpi_errors_return",
		},
	}

	// mpichABI is that of MPICH since 3.1, Intel MPI, MVAPICH and Cray MPICH too.
	mpichABI = abi{
		name: "MPICH's ABI",
		values: map[string]uintptr{
			"MPI_IN_PLACE":          ^uintptr(0),
			"MPI_THREAD_SERIALIZED": 2,
			"MPI_COMM_TYPE_SHARED":  1,
			"MPI_COMM_WORLD":        0x44000000,
			"MPI_BYTE":              0x4c00010d,
			"MPI_FLOAT":             0x4c00040a,
			"MPI_SUM":               0x58000003,
			"MPI_INFO_NULL":         0x1c000000,
			"MPI_ERRORS_RETURN":     0x54000001,
		},
	}

	// standardABI is that of chapter 20 of MPI 5.0.
	standardABI = abi{
		name: "the standard ABI",
		values: map[string]uintptr{
			"MPI_IN_PLACE":          1,
			"MPI_THREAD_SERIALIZED": 2048,
			"MPI_COMM_TYPE_SHARED":  221,
			"MPI_COMM_WORLD":        0x101,
			"MPI_BYTE":              0x247,
			"MPI_FLOAT":             0x210,
			"MPI_SUM":               0x21,
			"MPI_INFO_NULL":         0x130,
			"MPI_ERRORS_RETURN":     0x143,
		},
	}
)

// The most that a library of any ABI writes into the memory that it is given.
const (
	maxVersion = 8192 // MPI_MAX_LIBRARY_VERSION_STRING
	maxError   = 512  // MPI_MAX_ERROR_STRING
	maxStatus  = 64   // bytes of an MPI_Status
)
