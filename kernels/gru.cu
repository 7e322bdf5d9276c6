// The GRU cell, its gradient, and a time step that fuses it with the recurrent product.
#include "gru.cuh"
#include "step.cuh"

// r, z = sigmoid(v + u)   n = tanh(v + r * u)   h = (1-z) * n + z * h_prev
// grid: any blocks of 256 in all, over [batch, hidden]
extern "C" __global__ void __launch_bounds__(kBlock) gru_cell(
    float *__restrict__ gates,         // [batch, 3*hidden] in: v; out: r, z, n
    float *__restrict__ h,             // [batch, hidden] out
    const float *__restrict__ u,       // [batch, 3*hidden]
    const float *__restrict__ h_prev,  // [batch, hidden]
    int batch, int hidden) {
  EACH_ROW(row, batch)
    EACH(unit, hidden) {
      const Triple<float> v(gates, hidden, row, unit);
      const Triple<const float> from(u, hidden, row, unit);
      long long k = row * hidden + unit;
      h[k] = apply_cell(v, {v[0], v[1], v[2]}, {from[0], from[1], from[2]}, h_prev[k]);
    }
}

// u = h_prev * whh^T + bhh, then the cell as in gru_cell, with v = gates + bih
// The numbers of a name are the rows and the hidden units of a tile.
// grid: x ceil(batch/rows)*ceil(hidden/units), twice that for 128 rows; blocks of 256, or 512
#define GRU_STEP(name, tile, blocks)                                                               \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                        \
      float *__restrict__ gates,        /* [batch, 3*hidden] in: x * wih^T; out: r, z, n */        \
      float *__restrict__ u,            /* [batch, 3*hidden] out */                                \
      float *__restrict__ h,            /* [batch, hidden] out */                                  \
      const float *__restrict__ h_prev, /* [batch, hidden] */                                      \
      const float *__restrict__ whh,    /* [3*hidden, hidden] */                                   \
      const float *__restrict__ bih,    /* [3*hidden]; null for none */                            \
      const float *__restrict__ bhh,    /* [3*hidden]; null for none */                            \
      float *part, unsigned *count,     /* for tiles that blocks share: see step */                \
      int batch, int hidden) {                                                                     \
    step<tile>(part, count, h_prev, whh, batch, hidden, [=](int row, int unit, const float *sum) { \
      const Triple<float> gate(gates, hidden, row, unit), to(u, hidden, row, unit);                \
      float v[3], from[3];                                                                         \
      _Pragma("unroll") for (int g = 0; g < 3; g++) {                                              \
        v[g] = gate[g];                                                                            \
        if (bih) v[g] += bih[g * (long long)hidden + unit];                                        \
        from[g] = sum[g];                                                                          \
        if (bhh) from[g] += bhh[g * (long long)hidden + unit];                                     \
        to[g] = from[g];                                                                           \
      }                                                                                            \
      long long k = row * (long long)hidden + unit;                                                \
      h[k] = apply_cell(gate, v, from, h_prev[k]);                                                 \
    });                                                                                            \
  }

using GRUTile32x8 = StepTile<3, 32, 8, 4, 1, 4>;
using GRUTile64x16 = StepTile<3, 64, 16, 8, 2, 4>;
using GRUTile128x32 = StepTile<3, 128, 32, 8, 2, 2>;

GRU_STEP(gru_step_32x8, GRUTile32x8, 3)
GRU_STEP(gru_step_64x16, GRUTile64x16, 2)
GRU_STEP(gru_step_128x32, GRUTile128x32, 1)

// The gradient of the cell: see CellGrad. d = dy + (sum_z part[z] + dh)
// grid: any blocks of 256 in all, over [batch, hidden]
extern "C" __global__ void __launch_bounds__(kBlock) gru_cell_grad(
    float *dv,                         // [batch, 3*hidden] out, may be gates
    float *du,                         // [batch, 3*hidden] out, may be u
    float *__restrict__ dh,            // [batch, hidden] in: of h; out: of h_prev, without the part through u
    const float *gates,                // [batch, 3*hidden]: r, z, n
    const float *u,                    // [batch, 3*hidden]
    const float *__restrict__ h_prev,  // [batch, hidden]
    const float *__restrict__ dy,      // [batch, hidden]
    const float *__restrict__ part,    // [slices, batch, hidden]
    int batch, int hidden, int slices) {
  EACH_ROW(row, batch)
    EACH(unit, hidden) {
      long long k = row * hidden + unit;
      const Triple<const float> gate(gates, hidden, row, unit), from(u, hidden, row, unit);
      float d = dy[k] + (sum_slices(part, slices, batch * (long long)hidden, k) + dh[k]);
      const CellGrad grad(gate, from[2], h_prev[k], d);
      grad.store(Triple<float>(dv, hidden, row, unit), Triple<float>(du, hidden, row, unit));
      dh[k] = grad.dh;
    }
}
