// A grid whose blocks wait for each other. compute_70, -std=c++03: later standards need
// headers of C++ that not all toolkits have.
#include <cooperative_groups.h>

extern "C" __global__ void rotate(int *y, int *z, int rounds)
{
    cooperative_groups::grid_group grid = cooperative_groups::this_grid();
    int i = grid.thread_rank(), n = grid.size();
    y[i] = i;
    for (int round = 0; round < rounds; round++) {
        grid.sync();
        z[i] = y[(i + blockDim.x) % n] + 1;
        grid.sync();
        y[i] = z[i];
    }
}

// Without the second barrier the rounds run into each other.
extern "C" __global__ void rotate_broken(int *y, int *z, int rounds)
{
    cooperative_groups::grid_group grid = cooperative_groups::this_grid();
    int i = grid.thread_rank(), n = grid.size();
    y[i] = i;
    for (int round = 0; round < rounds; round++) {
        grid.sync();
        z[i] = y[(i + blockDim.x) % n] + 1;
        y[i] = z[i];
    }
}
