// All time steps of a GRU forward in one launch: see persistent.cuh.
#include "gru.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 3, slots = 4;
  using Sum = float4;
  struct Input {
    float v[3];
  };
  float *gate, *u, *h;
  const float *bih, *bhh;
  int hidden;
  long long after;  // elements of a time step of h

  __device__ Input load(long long cell, int unit) const {
    const Triple<float> in(gate, hidden, cell, unit);
    return {{in[0], in[1], in[2]}};
  }

  __device__ void apply(long long cell, int unit, Input input, float4 sum) const {
    float of_u[] = {sum.x, sum.y, sum.z};
    const Triple<float> out(u, hidden, cell, unit);
#pragma unroll
    for (int i = 0; i < gates; i++) {
      if (bih) input.v[i] += bih[i * (long long)hidden + unit];
      if (bhh) of_u[i] += bhh[i * (long long)hidden + unit];
      out[i] = of_u[i];
    }
    long long k = cell * hidden + unit;
    h[k + after] = apply_cell(Triple<float>(gate, hidden, cell, unit), input.v, of_u, h[k]);
  }
};

// v = gates + bih   u = h_prev * whh^T + bhh, then the cell as in gru_cell, step by step
// A kernel is for up to so many hidden units.
// grid: x ceil(hidden/units), y ceil(batch/rows); blocks of 256, all at once
#define FORWARD(name, most, columns)                                                    \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                         \
      float *__restrict__ gates,      /* [steps*batch, 3*hidden] in: x * wih^T; out: r, z, n */\
      float *__restrict__ recurrent,  /* [steps*batch, 3*hidden] out: u */              \
      float *__restrict__ h,          /* [(steps+1)*batch, hidden] in: row 0..batch-1; out: the rest */\
      const float *__restrict__ whh,  /* [3*hidden, hidden] */                          \
      const float *__restrict__ bih,  /* [3*hidden]; null for none */                   \
      const float *__restrict__ bhh,  /* [3*hidden]; null for none */                   \
      unsigned *__restrict__ count,   /* [gridDim.y] 0, and 0 again */                  \
      int steps, int batch, int hidden, int rows) {                                     \
    const Cell cell = {gates, recurrent, h, bih, bhh, hidden, (long long)batch * hidden};\
    forward<Cell, most, columns>(cell, h, whh, count, steps, batch, hidden, rows);      \
  }
FORWARD(gru_forward_256, 256, 16)
FORWARD(gru_forward_512, 512, 8)
FORWARD(gru_forward_1024, 1024, 4)
