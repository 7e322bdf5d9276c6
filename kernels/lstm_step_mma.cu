// A time step of an LSTM on tensor cores: see step_mma.cuh.
#include "lstm.cuh"
#include "step_mma.cuh"

struct Cell {
  struct Input {
    float z[4], before;
  };
  struct Bias {
    float of[4];
  };
  float *gates, *c, *h;
  const float *c_prev, *bih, *bhh, *peep;
  int hidden;

  __device__ Input load(long long row, int unit) const {
    const Gates<float> from(gates, hidden, row, unit);
    return {{from[0], from[1], from[2], from[3]}, c_prev[row * hidden + unit]};
  }

  __device__ Bias bias(int unit) const {
    Bias bias;
#pragma unroll
    for (int gate = 0; gate < 4; gate++) bias.of[gate] = sum_of_biases(bih, bhh, gate * (long long)hidden + unit);
    return bias;
  }

  __device__ float apply(long long row, int unit, const Bias &bias, const Input &in, const float (&sum)[4]) const {
    float z[4];
#pragma unroll
    for (int gate = 0; gate < 4; gate++) z[gate] = in.z[gate] + sum[gate] + bias.of[gate];
    return apply_cell(gates, c, h, in.before, peep, hidden, row, unit, z);
  }
};

// z = gates + h_prev * whh^T + bih + bhh, then the cell as in lstm_cell
// The numbers of a name are the rows and the hidden units of a tile.
// grid: x ceil(batch/rows)*ceil(hidden/units), y ceil(hidden/slice); blocks of the tile's
// threads; dynamic shared memory: MmaTile::bytes
#define LSTM_STEP(name, tile, blocks)                                                                               \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                                         \
      float *__restrict__ gates,              /* [batch, 4*hidden] in: x * wih^T; out: i, f, g, o */                \
      float *__restrict__ c,                  /* [batch, hidden] out */                                             \
      float *__restrict__ h,                  /* [batch, hidden] out */                                             \
      const float *__restrict__ c_prev,       /* [batch, hidden] */                                                 \
      const float *__restrict__ h_prev,       /* [batch, hidden] */                                                 \
      const float *__restrict__ whh,          /* [4*hidden, hidden] */                                              \
      const float *__restrict__ bih,          /* [4*hidden]; null for none */                                       \
      const float *__restrict__ bhh,          /* [4*hidden]; null for none */                                       \
      const float *__restrict__ peep,         /* [3, hidden]: of i, f, o; null for none */                          \
      const char *__restrict__ slabs_h,       /* h_prev, packed: [ceil(hidden/BK), padded batch, 128 bytes] */      \
      const char *__restrict__ slabs_weights, /* whh, packed as 4 matrices */                                       \
      char *__restrict__ next,                /* out: h, packed; in: zeros where there is no row or unit */         \
      float4 *part, unsigned *count,          /* for tiles that blocks share: see step */                           \
      int slice,                              /* of k, a multiple of BK */                                          \
      int batch, int hidden) {                                                                                      \
    step<tile>(slabs_h, slabs_weights, next, h_prev, whh, part, count, slice, batch, hidden,                        \
               Cell{gates, c, h, c_prev, bih, bhh, peep, hidden});                                                  \
  }

template <class Format>
using Tile64x16 = MmaStep<Format, 4, 64, 16, 32, 32>;
template <class Format>
using Tile128x32 = MmaStep<Format, 4, 128, 32, 64, 32>;

LSTM_STEP(lstm_step_tf32x3_64x16, Tile64x16<Tf32x3>, 3)
LSTM_STEP(lstm_step_tf32x3_128x32, Tile128x32<Tf32x3>, 2)
LSTM_STEP(lstm_step_tf32_64x16, Tile64x16<Tf32>, 3)
LSTM_STEP(lstm_step_tf32_128x32, Tile128x32<Tf32>, 2)
LSTM_STEP(lstm_step_bf16_64x16, Tile64x16<Bf16>, 3)
LSTM_STEP(lstm_step_bf16_128x32, Tile128x32<Bf16>, 2)
