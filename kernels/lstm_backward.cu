// All time steps of an LSTM backward in one launch: see persistent.cuh.
#include "lstm.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 4;
  float *dz, *dc;
  const float *gate, *c, *peep, *dy, *dc_last;
  int hidden;
  long long after;  // elements of a time step of c

  __device__ void grad(long long cell, int row, int unit, float dh, bool last, float (&of_gates)[4]) const {
    long long k = cell * hidden + unit, at = (long long)row * hidden + unit;
    float from_c = !last ? dc[at] : dc_last ? dc_last[at] : 0.0f;
    const CellGrad grad(gate, peep, hidden, cell, unit, c[k], c[k + after], dy[k] + dh, from_c);
    grad.store(dz, hidden, cell, unit);
    dc[at] = grad.dc;
#pragma unroll
    for (int i = 0; i < gates; i++) of_gates[i] = grad.dz[i];
  }

  __device__ float first(int, int, float dh) const { return dh; }
};

// For t = steps-1..0: d = dy + dh, the cell's gradient as in lstm_cell_grad, dh = dz * whh
// A kernel is for up to so many hidden units.
// grid: x ceil(hidden/units), y ceil(batch/rows); blocks of 256, all at once
#define BACKWARD(name, most, units)                                                     \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                         \
      float *dz,                          /* [steps*batch, 4*hidden] out, may be gates */ \
      float *__restrict__ dc,             /* [batch, hidden] out: of the first c */     \
      const float *gates,                 /* [steps*batch, 4*hidden]: i, f, g, o */     \
      const float *__restrict__ c,        /* [(steps+1)*batch, hidden] */               \
      const float *__restrict__ whh,      /* [4*hidden, hidden] */                      \
      const float *__restrict__ peep,     /* [3, hidden]: of i, f, o; null for none */  \
      const float *__restrict__ dy,       /* [steps*batch, hidden] */                   \
      const float *__restrict__ dh_last,  /* [batch, hidden]; null for 0 */             \
      const float *__restrict__ dc_last,  /* [batch, hidden]; null for 0 */             \
      float *__restrict__ dh_first,       /* [batch, hidden] out; null for none */      \
      float *__restrict__ part,           /* [2, batch, gridDim.x*gridDim.x*units] */   \
      unsigned *__restrict__ count,       /* [gridDim.y] 0, and 0 again */              \
      int steps, int batch, int hidden, int rows) {                                     \
    const Cell cell = {dz, dc, gates, c, peep, dy, dc_last, hidden, (long long)batch * hidden}; \
    backward<Cell, most, units>(cell, whh, dh_last, dh_first, part, count, steps, batch, hidden, rows); \
  }
BACKWARD(lstm_backward_256, 256, 32)
BACKWARD(lstm_backward_512, 512, 16)
BACKWARD(lstm_backward_1024, 1024, 8)
