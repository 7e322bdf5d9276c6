// A time step of an Elman RNN on tensor cores: see step_mma.cuh.
#include "nonlinear.cuh"
#include "step_mma.cuh"

struct Cell {
  using Input = float;
  float *h;
  const float *bih, *bhh;
  int hidden;
  bool relu;

  __device__ float load(long long row, int unit) const { return h[row * hidden + unit]; }

  __device__ float bias(int unit) const { return sum_of_biases(bih, bhh, unit); }

  __device__ float apply(long long row, int unit, float bias, float in, const float (&sum)[1]) const {
    float z = in + sum[0] + bias;
    return h[row * hidden + unit] = relu ? relu_of(z) : tanh_of(z);
  }
};

// h = f(h + h_prev * whh^T + bih + bhh), f = relu ? relu : tanh
// The numbers of a name are the rows and the hidden units of a tile.
// grid: x ceil(batch/rows)*ceil(hidden/units), y ceil(hidden/slice); blocks of the tile's
// threads; dynamic shared memory: MmaTile::bytes
#define RNN_STEP(name, tile, blocks)                                                                                \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                                         \
      float *__restrict__ h,                  /* [batch, hidden] in: x * wih^T; out */                              \
      const float *__restrict__ h_prev,       /* [batch, hidden] */                                                 \
      const float *__restrict__ whh,          /* [hidden, hidden] */                                                \
      const float *__restrict__ bih,          /* [hidden]; null for none */                                         \
      const float *__restrict__ bhh,          /* [hidden]; null for none */                                         \
      const char *__restrict__ slabs_h,       /* h_prev, packed: [ceil(hidden/BK), padded batch, 128 bytes] */      \
      const char *__restrict__ slabs_weights, /* whh, packed */                                                     \
      char *__restrict__ next,                /* out: h, packed; in: zeros where there is no row or unit */         \
      float4 *part, unsigned *count,          /* for tiles that blocks share: see step */                           \
      int slice,                              /* of k, a multiple of BK */                                          \
      int batch, int hidden,                                                                                        \
      int relu) {                                                                                                   \
    step<tile>(slabs_h, slabs_weights, next, h_prev, whh, part, count, slice, batch, hidden,                        \
               Cell{h, bih, bhh, hidden, relu != 0});                                                               \
  }

template <class Format>
using Tile64x64 = MmaStep<Format, 1, 64, 64, 32, 32>;
template <class Format>
using Tile128x128 = MmaStep<Format, 1, 128, 128, 64, 32>;

RNN_STEP(rnn_step_tf32x3_64x64, Tile64x64<Tf32x3>, 3)
RNN_STEP(rnn_step_tf32x3_128x128, Tile128x128<Tf32x3>, 2)
RNN_STEP(rnn_step_tf32_64x64, Tile64x64<Tf32>, 3)
RNN_STEP(rnn_step_tf32_128x128, Tile128x128<Tf32>, 2)
RNN_STEP(rnn_step_bf16_64x64, Tile64x64<Bf16>, 3)
RNN_STEP(rnn_step_bf16_128x128, Tile128x128<Bf16>, 2)
