// Package mpi makes the ranks that a launcher of MPI programs has started, such as mpirun
// or srun, a collective.Group. It loads the MPI library of the machine when it is asked to,
// so one program runs with Open MPI, with MPICH and those that come from it, and with each
// library of the standard ABI of MPI 5. Without the build tag mpi, and on other systems
// than Linux and macOS, it can only say that a launcher has started this process.
package mpi

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// ErrAbsent is the error of Open in a program that was built without MPI.
var ErrAbsent = errors.New("this program was built without MPI; to use it, build on Linux or macOS with the tag mpi, as make build does")

// Launch is what a launcher says about this process in its environment.
type Launch struct {
	Launcher string // its name, for messages
	Rank     int
	Size     int // number of ranks; 0: no launcher has started this process
}

var (
	openMPI = launcher{"Open MPI's mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}
	mpich   = launcher{"MPICH's mpiexec", "PMI_RANK", "PMI_SIZE"} // and of those that come from it
	slurm   = launcher{"Slurm's srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}

	// In an allocation of Slurm, mpirun and mpiexec use srun to start their own processes:
	// hence it is the last one.
	launchers = []launcher{openMPI, mpich, slurm}
)

// launcher is the name of a launcher, and the variables that it sets.
type launcher struct{ name, rank, size string }

// Launched returns what the environment says about a launcher. It works in every build, and
// needs no library.
func Launched() Launch {
	for _, l := range launchers {
		rank, rankErr := strconv.Atoi(os.Getenv(l.rank))
		size, sizeErr := strconv.Atoi(os.Getenv(l.size))
		if rankErr == nil && sizeErr == nil && 0 <= rank && rank < size {
			if l == mpich && ofSlurm() {
				l = slurm
			}
			return Launch{l.name, rank, size}
		}
	}
	return Launch{}
}

// ofSlurm reports whether the variables of MPICH come from srun --mpi=pmi2. In an allocation
// mpiexec has its own, besides those of the srun that it has used.
func ofSlurm() bool {
	_, mpiexec := os.LookupEnv("MPI_LOCALNRANKS")
	return !mpiexec && os.Getenv(slurm.rank) == os.Getenv(mpich.rank) && os.Getenv(slurm.size) == os.Getenv(mpich.size)
}

// passedOn is how long a rank that fails lives on after its last line: a launcher may end at
// once, before it has passed the line on.
const passedOn = 300 * time.Millisecond

// endOthers ends the ranks that wait for this one, which ends with an error before it has
// joined them. Open MPI's mpirun does it by itself, and srun if --kill-on-bad-exit is set.
// MPICH's mpiexec does not, so it gets the message of its protocol, PMI 1, with which a rank
// asks for it.
func endOthers(code int) {
	launch := Launched()
	if code == 0 || launch.Size <= 1 {
		return
	}
	time.Sleep(passedOn)
	connection, err := strconv.Atoi(os.Getenv("PMI_FD"))
	if err != nil || launch.Launcher != mpich.name {
		return
	}
	time.Sleep(time.Second - passedOn) // others may have the same error, and be about to say so
	fmt.Fprintf(os.NewFile(uintptr(connection), "PMI"), "cmd=abort exitcode=%d\n", code)
}
