package mpi

import "testing"

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
		{"Slurm that gives PMI 2", map[string]string{"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "16", "PMI_RANK": "5", "PMI_SIZE": "16"}, Launch{"MPICH's mpiexec", 5, 16}},
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
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			if got := Launched(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
