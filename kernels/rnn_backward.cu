// All time steps of an Elman RNN backward in one launch: see persistent.cuh.
#include "nonlinear.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 1;
  float *dz;
  const float *h, *dy;
  int hidden;
  bool relu;
  long long after;  // elements of a time step of h

  __device__ void grad(long long cell, int, int unit, float dh, bool, float (&of_gate)[1]) const {
    long long k = cell * hidden + unit;
    float d = dy[k] + dh, y = h[k + after];
    dz[k] = of_gate[0] = relu ? (y > 0 ? d : 0.0f) : d * tanh_slope(y);
  }

  __device__ float first(int, int, float dh) const { return dh; }
};

// For t = steps-1..0: dz = (dy + dh) * f' as in rnn_cell_grad, dh = dz * whh
// A kernel is for up to so many hidden units.
// grid: x ceil(hidden/units), y ceil(batch/rows); blocks of 256, all at once
#define BACKWARD(name, most, units)                                                     \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                         \
      float *__restrict__ dz,             /* [steps*batch, hidden] out */               \
      const float *__restrict__ h,        /* [(steps+1)*batch, hidden] */               \
      const float *__restrict__ whh,      /* [hidden, hidden] */                        \
      const float *__restrict__ dy,       /* [steps*batch, hidden] */                   \
      const float *__restrict__ dh_last,  /* [batch, hidden]; null for 0 */             \
      float *__restrict__ dh_first,       /* [batch, hidden] out; null for none */      \
      float *__restrict__ part,           /* [2, batch, gridDim.x*gridDim.x*units] */   \
      unsigned *__restrict__ count,       /* [gridDim.y] 0, and 0 again */              \
      int steps, int batch, int hidden, int rows, int relu) {                           \
    const Cell cell = {dz, h, dy, hidden, relu != 0, (long long)batch * hidden};        \
    backward<Cell, most, units>(cell, whh, dh_last, dh_first, part, count, steps, batch, hidden, rows);\
  }
BACKWARD(rnn_backward_256, 256, 64)
BACKWARD(rnn_backward_512, 512, 64)
BACKWARD(rnn_backward_1024, 1024, 32)
