// All time steps of an Elman RNN backward in one launch: see persistent.cuh.
#pragma once
#include "nonlinear.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 1, slots = 1;
  float *of_gates;
  const float *h, *dy;
  int hidden;
  bool relu;
  long long after;  // elements of a time step of h

  __device__ void grad(long long cell, int, int unit, float dh, bool, float (&dz)[1]) const {
    long long k = cell * hidden + unit;
    float d = dy[k] + dh, y = h[k + after];
    of_gates[k] = dz[0] = relu ? (y > 0 ? d : 0.0f) : d * tanh_slope(y);
  }

  __device__ float first(int, int, float dh) const { return dh; }
};

// For t = steps-1..0: dz = (dy + dh) * f' as in rnn_cell_grad, dh = dz * whh
// A kernel is for up to so many hidden units. With z = 2, it has a second layer.
// grid: x ceil(hidden/units), y ceil(batch/rows), z layers; blocks of 256, all at once
#define OPERANDS(n)                                                                                                     \
  float *dz##n,                   /* [steps*batch, hidden] out */                                                       \
  const float *h##n,              /* [(steps+1)*batch, hidden] */                                                       \
  const float *whh##n,            /* [hidden, hidden] */                                                                \
  const float *dy##n,             /* [steps*batch, hidden] */                                                           \
  const float *dh_last##n,        /* [batch, hidden]; null for 0 */                                                     \
  float *dh_first##n              /* [batch, hidden] out; null for none */
#define BACKWARD(name, ...)                                                                                             \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                                                         \
      OPERANDS(_1), OPERANDS(_2),                                                                                       \
      float *__restrict__ part,      /* [gridDim.z, 2, batch, gridDim.x*gridDim.x*units] */                             \
      unsigned *__restrict__ count,  /* [gridDim.z, gridDim.y] 0, and 0 again */                                        \
      int steps, int batch, int hidden, int rows, int relu) {                                                           \
    const auto cell = [=] {                                                                                             \
      unsigned z = own_layer();                                                                                         \
      return Cell{OF(z, dz), OF(z, h), OF(z, dy), hidden, relu != 0, (long long)batch * hidden};                        \
    };                                                                                                                  \
    backward<Cell, __VA_ARGS__>(cell, OF(own_layer(), whh), OF(own_layer(), dh_last), OF(own_layer(), dh_first), part, count, steps, batch, hidden, rows);\
  }
