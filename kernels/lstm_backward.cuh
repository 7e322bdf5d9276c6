// All time steps of an LSTM backward in one launch: see persistent.cuh.
#pragma once
#include "lstm.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 4, slots = 4;
  float *of_gates, *dc;
  const float *gate, *c, *peep, *dy, *dc_last;
  int hidden;
  long long after;  // elements of a time step of c

  __device__ void grad(long long cell, int row, int unit, float dh, bool last, float (&dz)[4]) const {
    long long k = cell * hidden + unit, at = (long long)row * hidden + unit;
    float from_c = !last ? dc[at] : dc_last ? dc_last[at] : 0.0f;
    const CellGrad grad(gate, peep, hidden, cell, unit, c[k], c[k + after], dy[k] + dh, from_c);
    grad.store(of_gates, hidden, cell, unit);
    dc[at] = grad.dc;
#pragma unroll
    for (int i = 0; i < gates; i++) dz[i] = grad.dz[i];
  }

  __device__ float first(int, int, float dh) const { return dh; }
};

// For t = steps-1..0: d = dy + dh, the cell's gradient as in lstm_cell_grad, dh = dz * whh
// A kernel is for up to so many hidden units. With z = 2, it has a second layer.
// grid: x ceil(hidden/units), y ceil(batch/rows), z layers; blocks of 256, all at once
#define OPERANDS(n)                                                                                                     \
  float *dz##n,                   /* [steps*batch, 4*hidden] out, may be gates */                                       \
  float *dc##n,                   /* [batch, hidden] out: of the first c */                                             \
  const float *gates##n,          /* [steps*batch, 4*hidden]: i, f, g, o */                                             \
  const float *c##n,              /* [(steps+1)*batch, hidden] */                                                       \
  const float *whh##n,            /* [4*hidden, hidden] */                                                              \
  const float *peep##n,           /* [3, hidden]: of i, f, o; null for none */                                          \
  const float *dy##n,             /* [steps*batch, hidden] */                                                           \
  const float *dh_last##n,        /* [batch, hidden]; null for 0 */                                                     \
  const float *dc_last##n,        /* [batch, hidden]; null for 0 */                                                     \
  float *dh_first##n              /* [batch, hidden] out; null for none */
#define BACKWARD(name, ...)                                                                                             \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                                                         \
      OPERANDS(_1), OPERANDS(_2),                                                                                       \
      float *__restrict__ part,      /* [gridDim.z, 2, batch, gridDim.x*gridDim.x*units] */                             \
      unsigned *__restrict__ count,  /* [gridDim.z, gridDim.y] 0, and 0 again */                                        \
      int steps, int batch, int hidden, int rows) {                                                                     \
    const auto cell = [=] {                                                                                             \
      unsigned z = own_layer();                                                                                         \
      return Cell{OF(z, dz), OF(z, dc), OF(z, gates), OF(z, c), OF(z, peep), OF(z, dy), OF(z, dc_last), hidden, (long long)batch * hidden};\
    };                                                                                                                  \
    backward<Cell, __VA_ARGS__>(cell, OF(own_layer(), whh), OF(own_layer(), dh_last), OF(own_layer(), dh_first), part, count, steps, batch, hidden, rows);\
  }
