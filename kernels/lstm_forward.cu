// All time steps of an LSTM forward in one launch: see persistent.cuh.
#include "lstm.cuh"
#include "persistent.cuh"

// The product of a time step has four neighbouring columns for a hidden unit, its gates.
// A block computes a tile of as many cells as it has threads, from chunks of rows of h.
template <int K, int COLUMNS>
__device__ void forward(float *gates, float *c, float *h, const float *whh, const float *bih, const float *bhh,
                        const float *peep, unsigned *count, int steps, int batch, int hidden, int rows) {
  constexpr int units = kBlock / kWarp * COLUMNS / 4, tile = kBlock / units;
  constexpr int chunk = 8;
  __shared__ float4 shared_h[chunk * K / 4];
  __shared__ float4 shared_z[tile][units + COLUMNS / 4];  // the padding avoids bank conflicts

  int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  int first_unit = blockIdx.x * units, first_row = blockIdx.y * rows, end = min(batch, first_row + rows);
  Columns<K, COLUMNS> columns;
  columns.load(whh, hidden, [=](int column) {
    int unit = first_unit + warp * COLUMNS / 4 + column / 4;
    return unit < hidden ? column % 4 * hidden + unit : -1;
  });
  const GridBarrier barrier(count + blockIdx.y, steps);
  int cell_row = threadIdx.x / units, unit = first_unit + threadIdx.x % units;

  for (int t = 0; t < steps; t++) {
    if (t > 0) barrier.wait(t);
    long long before = t * (long long)batch;
    const float *h_prev = h + before * hidden;
    Rows<K, chunk> next;
    next.load(h_prev + (long long)first_row * hidden, hidden, end - first_row);
    for (int top = first_row; top < end; top += tile) {
      bool exists = unit < hidden && top + cell_row < end;
      long long cell = before + top + cell_row;
      float z[4];
      const Gates<float> in(gates, hidden, cell, unit);
#pragma unroll
      for (int gate = 0; gate < 4; gate++) z[gate] = exists ? in[gate] : 0.0f;
      int bottom = min(end, top + tile);
      for (int row = top; row < bottom; row += chunk) {
        next.store(shared_h);
        __syncthreads();
        int following = row + chunk;
        if (following < end) next.load(h_prev + (long long)following * hidden, hidden, end - following);
        for (int r = row; r < min(bottom, following); r += columns.rows) {
          float sum = columns.multiply(&shared_h[(r - row) * (K / 4)]);
          if (lane >= kSums) continue;
          float *line = (float *)shared_z[r - top + lane / COLUMNS];
          line[warp * COLUMNS + lane % COLUMNS] = sum;
        }
        __syncthreads();
      }
      if (!exists) continue;
      float4 sum = shared_z[cell_row][threadIdx.x % units];
      z[0] += sum.x, z[1] += sum.y, z[2] += sum.z, z[3] += sum.w;
#pragma unroll
      for (int gate = 0; gate < 4; gate++) {
        if (bih) z[gate] += bih[gate * (long long)hidden + unit];
        if (bhh) z[gate] += bhh[gate * (long long)hidden + unit];
      }
      apply_cell(gates, c + batch * (long long)hidden, h + batch * (long long)hidden, c[cell * hidden + unit], peep,
                 hidden, cell, unit, z);
    }
    barrier.arrive();
  }
}

// z = gates + h_prev * whh^T + bih + bhh, then the cell as in lstm_cell, step by step
// A kernel is for up to so many hidden units.
// grid: x ceil(hidden/units), y ceil(batch/rows); blocks of 256, all at once
#define FORWARD(name, most, columns)                                                    \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                         \
      float *__restrict__ gates,        /* [steps*batch, 4*hidden] in: x * wih^T; out: i, f, g, o */ \
      float *__restrict__ c,            /* [(steps+1)*batch, hidden] in: row 0..batch-1; out: the rest */ \
      float *__restrict__ h,            /* the same */                                  \
      const float *__restrict__ whh,    /* [4*hidden, hidden] */                        \
      const float *__restrict__ bih,    /* [4*hidden]; null for none */                 \
      const float *__restrict__ bhh,    /* [4*hidden]; null for none */                 \
      const float *__restrict__ peep,   /* [3, hidden]: of i, f, o; null for none */    \
      unsigned *__restrict__ count,     /* [gridDim.y] 0, and 0 again */                \
      int steps, int batch, int hidden, int rows) {                                     \
    forward<most, columns>(gates, c, h, whh, bih, bhh, peep, count, steps, batch, hidden, rows); \
  }
FORWARD(lstm_forward_128, 128, 16)
FORWARD(lstm_forward_256, 256, 16)
FORWARD(lstm_forward_512, 512, 8)
FORWARD(lstm_forward_1024, 1024, 4)
