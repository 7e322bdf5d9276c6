// All time steps of a GRU backward in one launch: see persistent.cuh.
#include "gru.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 3;
  float *dv, *du, *carry;
  const float *gate, *u, *h, *dy;
  int hidden;

  __device__ void grad(long long cell, int row, int unit, float dh, bool last, float (&of_gates)[3]) const {
    long long k = cell * hidden + unit, at = (long long)row * hidden + unit;
    if (!last) dh += carry[at];
    const Triple<const float> gates(gate, hidden, cell, unit), from(u, hidden, cell, unit);
    const CellGrad grad(gates, from[2], h[k], dy[k] + dh);
    grad.store(Triple<float>(dv, hidden, cell, unit), Triple<float>(du, hidden, cell, unit));
    carry[at] = grad.dh;
    of_gates[0] = grad.dv[0], of_gates[1] = grad.dv[1], of_gates[2] = grad.du_n;
  }

  __device__ float first(int row, int unit, float dh) const { return dh + carry[(long long)row * hidden + unit]; }
};

// For t = steps-1..0: d = dy + dh, the cell's gradient as in gru_cell_grad, dh += du * whh
// A kernel is for up to so many hidden units.
// grid: x ceil(hidden/units), y ceil(batch/rows); blocks of 256, all at once
#define BACKWARD(name, most, units)                                                     \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                         \
      float *dv,                          /* [steps*batch, 3*hidden] out, may be gates */\
      float *du,                          /* [steps*batch, 3*hidden] out, may be recurrent */\
      float *__restrict__ carry,          /* [batch, hidden]: contents unspecified */   \
      const float *gates,                 /* [steps*batch, 3*hidden]: r, z, n */        \
      const float *recurrent,             /* [steps*batch, 3*hidden]: u */              \
      const float *__restrict__ h,        /* [(steps+1)*batch, hidden] */               \
      const float *__restrict__ whh,      /* [3*hidden, hidden] */                      \
      const float *__restrict__ dy,       /* [steps*batch, hidden] */                   \
      const float *__restrict__ dh_last,  /* [batch, hidden]; null for 0 */             \
      float *__restrict__ dh_first,       /* [batch, hidden] out; null for none */      \
      float *__restrict__ part,           /* [2, batch, gridDim.x*gridDim.x*units] */   \
      unsigned *__restrict__ count,       /* [gridDim.y] 0, and 0 again */              \
      int steps, int batch, int hidden, int rows) {                                     \
    const Cell cell = {dv, du, carry, gates, recurrent, h, dy, hidden};                 \
    backward<Cell, most, units>(cell, whh, dh_last, dh_first, part, count, steps, batch, hidden, rows);\
  }
BACKWARD(gru_backward_256, 256, 32)
BACKWARD(gru_backward_512, 512, 16)
BACKWARD(gru_backward_1024, 1024, 8)
