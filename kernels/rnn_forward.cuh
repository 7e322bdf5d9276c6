// All time steps of an Elman RNN forward in one launch: see persistent.cuh.
#pragma once
#include "nonlinear.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 1, slots = 1;
  using Input = float;
  float *h;
  const float *bih, *bhh;
  int hidden;
  bool relu;
  long long after;  // elements of a time step of h

  __device__ Input load(long long cell, int unit) const { return h[cell * hidden + unit + after]; }

  __device__ void apply(long long cell, int unit, float z, const float (&sum)[1]) const {
    z += sum[0];
    if (bih) z += bih[unit];
    if (bhh) z += bhh[unit];
    h[cell * hidden + unit + after] = relu ? relu_of(z) : tanh_of(z);
  }
};

// h = f(h + h_prev * whh^T + bih + bhh), f = relu ? relu : tanh, step by step
// A kernel is for up to so many hidden units. With z = 2, it has a second layer.
// grid: x ceil(hidden/units), y ceil(batch/rows), z layers; blocks of 256, all at once
#define OPERANDS(n)                                                                                                     \
  float *h##n,                    /* [(steps+1)*batch, hidden] in: row 0..batch-1, then x * wih^T; out: the rest */     \
  const float *whh##n,            /* [hidden, hidden] */                                                                \
  const float *bih##n,            /* [hidden]; null for none */                                                         \
  const float *bhh##n             /* [hidden]; null for none */
#define FORWARD(name, ...)                                                                                              \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                                                         \
      OPERANDS(_1), OPERANDS(_2),                                                                                       \
      unsigned *__restrict__ count,  /* [gridDim.z, gridDim.y] 0, and 0 again */                                        \
      int steps, int batch, int hidden, int rows, int relu) {                                                           \
    const auto cell = [=] {                                                                                             \
      unsigned z = own_layer();                                                                                         \
      return Cell{OF(z, h), OF(z, bih), OF(z, bhh), hidden, relu != 0, (long long)batch * hidden};                      \
    };                                                                                                                  \
    forward<Cell, __VA_ARGS__>(cell, OF(own_layer(), whh), count, steps, batch, hidden, rows);                          \
  }
