// All time steps of an Elman RNN forward in one launch: see persistent.cuh.
#include "nonlinear.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 1, slots = 1;
  using Sum = float;
  using Input = float;
  float *h;
  const float *bih, *bhh;
  int hidden;
  bool relu;
  long long after;  // elements of a time step of h

  __device__ Input load(long long cell, int unit) const { return h[cell * hidden + unit + after]; }

  __device__ void apply(long long cell, int unit, float z, float sum) const {
    z += sum;
    if (bih) z += bih[unit];
    if (bhh) z += bhh[unit];
    h[cell * hidden + unit + after] = relu ? relu_of(z) : tanh_of(z);
  }
};

// h = f(h + h_prev * whh^T + bih + bhh), f = relu ? relu : tanh, step by step
// A kernel is for up to so many hidden units.
// grid: x ceil(hidden/units), y ceil(batch/rows); blocks of 256, all at once
#define FORWARD(name, most, columns)                                                    \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                         \
      float *__restrict__ h,          /* [(steps+1)*batch, hidden] in: row 0..batch-1, then x * wih^T; out: the rest */\
      const float *__restrict__ whh,  /* [hidden, hidden] */                            \
      const float *__restrict__ bih,  /* [hidden]; null for none */                     \
      const float *__restrict__ bhh,  /* [hidden]; null for none */                     \
      unsigned *__restrict__ count,   /* [gridDim.y] 0, and 0 again */                  \
      int steps, int batch, int hidden, int rows, int relu) {                           \
    const Cell cell = {h, bih, bhh, hidden, relu != 0, (long long)batch * hidden};      \
    forward<Cell, most, columns>(cell, h, whh, count, steps, batch, hidden, rows);      \
  }
FORWARD(rnn_forward_256, 256, 8)
FORWARD(rnn_forward_512, 512, 8)
FORWARD(rnn_forward_1024, 1024, 4)
