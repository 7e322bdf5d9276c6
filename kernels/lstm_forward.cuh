// All time steps of an LSTM forward in one launch: see persistent.cuh.
#pragma once
#include "lstm.cuh"
#include "persistent.cuh"

struct Cell {
  static constexpr int gates = 4, slots = 4;
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

  __device__ void apply(long long cell, int unit, Input input, const float (&sum)[4]) const {
    float z[4];
#pragma unroll
    for (int i = 0; i < gates; i++) {
      z[i] = input.z[i] + sum[i];
      if (bih) z[i] += bih[i * (long long)hidden + unit];
      if (bhh) z[i] += bhh[i * (long long)hidden + unit];
    }
    apply_cell(gate, c + after, h + after, c[cell * hidden + unit], peep, hidden, cell, unit, z);
  }
};

// z = gates + h_prev * whh^T + bih + bhh, then the cell as in lstm_cell, step by step
// A kernel is for up to so many hidden units. With z = 2, it has a second layer.
// grid: x ceil(hidden/units), y ceil(batch/rows), z layers; blocks of 256, all at once
#define OPERANDS(n)                                                                                                     \
  float *gates##n,                /* [steps*batch, 4*hidden] in: x * wih^T; out: i, f, g, o */                          \
  float *c##n,                    /* [(steps+1)*batch, hidden] in: row 0..batch-1; out: the rest */                     \
  float *h##n,                    /* the same */                                                                        \
  const float *whh##n,            /* [4*hidden, hidden] */                                                              \
  const float *bih##n,            /* [4*hidden]; null for none */                                                       \
  const float *bhh##n,            /* [4*hidden]; null for none */                                                       \
  const float *peep##n            /* [3, hidden]: of i, f, o; null for none */
#define FORWARD(name, ...)                                                                                              \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                                                         \
      OPERANDS(_1), OPERANDS(_2),                                                                                       \
      unsigned *__restrict__ count,  /* [gridDim.z, gridDim.y] 0, and 0 again */                                        \
      int steps, int batch, int hidden, int rows) {                                                                     \
    const auto cell = [=] {                                                                                             \
      unsigned z = own_layer();                                                                                         \
      return Cell{OF(z, gates), OF(z, c), OF(z, h), OF(z, bih), OF(z, bhh), OF(z, peep), hidden, (long long)batch * hidden};\
    };                                                                                                                  \
    forward<Cell, __VA_ARGS__>(cell, OF(own_layer(), whh), count, steps, batch, hidden, rows);                          \
  }
