// A time step of the Elman RNN, fused with the recurrent product, and the
// gradient of its cell. The cell alone is tanh_forward or relu.
#include "nonlinear.cuh"
#include "step.cuh"

// h = f(h + h_prev * whh^T + bih + bhh), f = relu ? relu : tanh
// The numbers of a name are the rows and the hidden units of a tile.
// grid: x ceil(batch/rows)*ceil(hidden/units), twice that for 128 rows; blocks of 256, or 512
#define RNN_STEP(name, tile, blocks)                                                               \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                        \
      float *__restrict__ h,            /* [batch, hidden] in: x * wih^T; out */                   \
      const float *__restrict__ h_prev, /* [batch, hidden] */                                      \
      const float *__restrict__ whh,    /* [hidden, hidden] */                                     \
      const float *__restrict__ bih,    /* [hidden]; null for none */                              \
      const float *__restrict__ bhh,    /* [hidden]; null for none */                              \
      float *part, unsigned *count,     /* for tiles that blocks share: see step */                \
      int batch, int hidden,                                                                       \
      int relu) {                                                                                  \
    step<tile>(part, count, h_prev, whh, batch, hidden, [=](int row, int unit, const float *sum) { \
      float &cell = h[row * (long long)hidden + unit];                                             \
      float z = cell + *sum;                                                                       \
      if (bih) z += bih[unit];                                                                     \
      if (bhh) z += bhh[unit];                                                                     \
      cell = relu ? relu_of(z) : tanh_of(z);                                                       \
    });                                                                                            \
  }

using RNNTile32x32 = StepTile<1, 32, 32, 4, 4, 4>;
using RNNTile64x64 = StepTile<1, 64, 64, 8, 8, 4>;
using RNNTile128x128 = StepTile<1, 128, 128, 8, 8, 2>;

RNN_STEP(rnn_step_32x32, RNNTile32x32, 3)
RNN_STEP(rnn_step_64x64, RNNTile64x64, 2)
RNN_STEP(rnn_step_128x128, RNNTile128x128, 1)

// dz = (dy + sum_z dh[z]) * f', f' = relu ? [h > 0] : 1-h^2
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) rnn_cell_grad(
    float *dz,                    // [n] out, may be dy, or dh if that has one slice
    const float *__restrict__ h,  // [n]
    const float *dy,              // [n]
    const float *dh,              // [slices, n]
    long long n,
    int slices, int relu) {
  EACH(k, n) {
    float d = dy[k] + sum_slices(dh, slices, n, k);
    dz[k] = relu ? (h[k] > 0 ? d : 0.0f) : d * tanh_slope(h[k]);
  }
}
