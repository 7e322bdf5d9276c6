// All time steps of a GRU forward in one launch: see persistent.cuh.
#pragma once
#include "gru.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 3, slots = 4;
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

  __device__ void apply(long long cell, int unit, Input input, const float (&sum)[3]) const {
    float of_u[] = {sum[0], sum[1], sum[2]};
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
// A kernel is for up to so many hidden units. With z = 2, it has a second layer.
// grid: x ceil(hidden/units), y ceil(batch/rows), z layers; blocks of 256, all at once
#define OPERANDS(n)                                                                                                     \
  float *gates##n,                /* [steps*batch, 3*hidden] in: x * wih^T; out: r, z, n */                             \
  float *recurrent##n,            /* [steps*batch, 3*hidden] out: u */                                                  \
  float *h##n,                    /* [(steps+1)*batch, hidden] in: row 0..batch-1; out: the rest */                     \
  const float *whh##n,            /* [3*hidden, hidden] */                                                              \
  const float *bih##n,            /* [3*hidden]; null for none */                                                       \
  const float *bhh##n             /* [3*hidden]; null for none */
#define FORWARD(name, ...)                                                                                              \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                                                         \
      OPERANDS(_1), OPERANDS(_2),                                                                                       \
      unsigned *__restrict__ count,  /* [gridDim.z, gridDim.y] 0, and 0 again */                                        \
      int steps, int batch, int hidden, int rows) {                                                                     \
    const auto cell = [=] {                                                                                             \
      unsigned z = own_layer();                                                                                         \
      return Cell{OF(z, gates), OF(z, recurrent), OF(z, h), OF(z, bih), OF(z, bhh), hidden, (long long)batch * hidden}; \
    };                                                                                                                  \
    forward<Cell, __VA_ARGS__>(cell, OF(own_layer(), whh), count, steps, batch, hidden, rows);                          \
  }
