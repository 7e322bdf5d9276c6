// All time steps of a GRU backward in one launch: see persistent.cuh.
#pragma once
#include "gru.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 3, slots = 4;
  float *dv, *of_gates, *carry;
  const float *gate, *u, *h, *dy;
  int hidden;

  __device__ void grad(long long cell, int row, int unit, float dh, bool last, float (&dz)[3]) const {
    long long k = cell * hidden + unit, at = (long long)row * hidden + unit;
    if (!last) dh += carry[at];
    const Triple<const float> gates(gate, hidden, cell, unit), from(u, hidden, cell, unit);
    const CellGrad grad(gates, from[2], h[k], dy[k] + dh);
    grad.store(Triple<float>(dv, hidden, cell, unit), Triple<float>(of_gates, hidden, cell, unit));
    carry[at] = grad.dh;
    dz[0] = grad.dv[0], dz[1] = grad.dv[1], dz[2] = grad.du_n;
  }

  __device__ float first(int row, int unit, float dh) const { return dh + carry[(long long)row * hidden + unit]; }
};

// For t = steps-1..0: d = dy + dh, the cell's gradient as in gru_cell_grad, dh += du * whh
// A kernel is for up to so many hidden units. With z = 2, it has a second layer.
// grid: x ceil(hidden/units), y ceil(batch/rows), z layers; blocks of 256, all at once
#define OPERANDS(n)                                                                                                     \
  float *dv##n,                   /* [steps*batch, 3*hidden] out, may be gates */                                       \
  float *du##n,                   /* [steps*batch, 3*hidden] out, may be recurrent */                                   \
  float *carry##n,                /* [batch, hidden]: contents unspecified */                                           \
  const float *gates##n,          /* [steps*batch, 3*hidden]: r, z, n */                                                \
  const float *recurrent##n,      /* [steps*batch, 3*hidden]: u */                                                      \
  const float *h##n,              /* [(steps+1)*batch, hidden] */                                                       \
  const float *whh##n,            /* [3*hidden, hidden] */                                                              \
  const float *dy##n,             /* [steps*batch, hidden] */                                                           \
  const float *dh_last##n,        /* [batch, hidden]; null for 0 */                                                     \
  float *dh_first##n              /* [batch, hidden] out; null for none */
#define BACKWARD(name, ...)                                                                                             \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                                                         \
      OPERANDS(_1), OPERANDS(_2),                                                                                       \
      float *__restrict__ part,      /* [gridDim.z, 2, batch, gridDim.x*gridDim.x*units] */                             \
      unsigned *__restrict__ count,  /* [gridDim.z, gridDim.y] 0, and 0 again */                                        \
      int steps, int batch, int hidden, int rows) {                                                                     \
    const auto cell = [=] {                                                                                             \
      unsigned z = own_layer();                                                                                         \
      return Cell{OF(z, dv), OF(z, du), OF(z, carry), OF(z, gates), OF(z, recurrent), OF(z, h), OF(z, dy), hidden};     \
    };                                                                                                                  \
    backward<Cell, __VA_ARGS__>(cell, OF(own_layer(), whh), OF(own_layer(), dh_last), OF(own_layer(), dh_first), part, count, steps, batch, hidden, rows);\
  }
