package mpi

import (
	"os"
	"testing"
)

func TestLaunched(t *testing.T) {
	for _, test := range []struct {
		name        string
		environment map[string]string
		want        Launch
	}{
		{"nothing", nil, Launch{}},
		{"Open MPI", map[string]string{"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "3"}, Launch{"Open MPI's mpirun", 2, 3}},
		{"MPICH", map[string]string{"PMI_RANK": "0", "PMI_SIZE": "1"}, Launch{"MPICH's mpiexec", 0, 1}},
		{"Slurm", map[string]string{"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "16"}, Launch{"Slurm's srun", 5, 16}},
		{"srun --mpi=pmi2", map[string]string{"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "16", "PMI_RANK": "5", "PMI_SIZE": "16"}, Launch{"Slurm's srun", 5, 16}},
		{"srun --mpi=pmix", map[string]string{"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "16", "PMIX_RANK": "5"}, Launch{"Slurm's srun", 5, 16}},
		{"mpiexec in an allocation", map[string]string{"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALNRANKS": "2"}, Launch{"MPICH's mpiexec", 3, 4}},
		{"mpiexec in an allocation, a rank on each machine", map[string]string{"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALNRANKS": "1"}, Launch{"MPICH's mpiexec", 1, 2}},
		{"mpirun in an allocation", map[string]string{"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "OMPI_COMM_WORLD_RANK": "6", "OMPI_COMM_WORLD_SIZE": "8"}, Launch{"Open MPI's mpirun", 6, 8}},
		{"a batch script", map[string]string{"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, Launch{}},
		{"a size without a rank", map[string]string{"PMI_SIZE": "4"}, Launch{}},
		{"a rank that is none", map[string]string{"PMI_RANK": "4", "PMI_SIZE": "4"}, Launch{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, l := range launchers {
				t.Setenv(l.rank, "")
				t.Setenv(l.size, "")
			}
			t.Setenv("MPI_LOCALNRANKS", "") // sets it back at the end
			os.Unsetenv("MPI_LOCALNRANKS")
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			if got := Launched(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
