// All time steps of an LSTM forward in one launch: see persistent.cuh.
#include "lstm.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 4, slots = 4;
  using Sum = float4;
  struct Input {
    float z[4];
  };
  float *gate, *c, *h;
  const float *bih, *bhh, *peep;
  int hidden;
  long long after;  // elements of a time step of h

  __device__ Input load(long long cell, int unit) const {
    const Gates<float> in(gate, hidden, cell, unit);
    return {{in[0], in[1], in[2], in[3]}};
  }

  __device__ void apply(long long cell, int unit, Input input, float4 sum) const {
    float z[] = {input.z[0] + sum.x, input.z[1] + sum.y, input.z[2] + sum.z, input.z[3] + sum.w};
#pragma unroll
    for (int i = 0; i < gates; i++) {
      if (bih) z[i] += bih[i * (long long)hidden + unit];
      if (bhh) z[i] += bhh[i * (long long)hidden + unit];
    }
    apply_cell(gate, c + after, h + after, c[cell * hidden + unit], peep, hidden, cell, unit, z);
  }
};

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
    const Cell cell = {gates, c, h, bih, bhh, peep, hidden, (long long)batch * hidden}; \
    forward<Cell, most, columns>(cell, h, whh, count, steps, batch, hidden, rows);      \
  }
FORWARD(lstm_forward_128, 128, 16)
FORWARD(lstm_forward_256, 256, 16)
FORWARD(lstm_forward_512, 512, 8)
FORWARD(lstm_forward_1024, 1024, 4)
