// A time step of a GRU on tensor cores: see step_mma.cuh.
#include "gru.cuh"
#include "step_mma.cuh"

struct Cell {
  struct Input {
    float v[3], before;
  };
  struct Bias {
    float of_v[3], of_u[3];
  };
  float *gates, *u, *h;
  const float *h_prev, *bih, *bhh;
  int hidden;

  __device__ Input load(long long row, int unit) const {
    const Triple<float> from(gates, hidden, row, unit);
    return {{from[0], from[1], from[2]}, h_prev[row * hidden + unit]};
  }

  __device__ Bias bias(int unit) const {
    Bias bias;
#pragma unroll
    for (int gate = 0; gate < 3; gate++) {
      bias.of_v[gate] = sum_of_biases(bih, nullptr, gate * (long long)hidden + unit);
      bias.of_u[gate] = sum_of_biases(bhh, nullptr, gate * (long long)hidden + unit);
    }
    return bias;
  }

  __device__ float apply(long long row, int unit, const Bias &bias, const Input &in, const float (&sum)[3]) const {
    const Triple<float> to(u, hidden, row, unit);
    float v[3], from[3];
#pragma unroll
    for (int gate = 0; gate < 3; gate++) {
      v[gate] = in.v[gate] + bias.of_v[gate];
      to[gate] = from[gate] = sum[gate] + bias.of_u[gate];
    }
    return h[row * hidden + unit] = apply_cell(Triple<float>(gates, hidden, row, unit), v, from, in.before);
  }
};

// u = h_prev * whh^T + bhh, then the cell as in gru_cell, with v = gates + bih
// The numbers of a name are the rows and the hidden units of a tile.
// grid: x ceil(batch/rows)*ceil(hidden/units), y ceil(hidden/slice); blocks of the tile's
// threads; dynamic shared memory: MmaTile::bytes
#define GRU_STEP(name, tile, blocks)                                                                                \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                                         \
      float *__restrict__ gates,              /* [batch, 3*hidden] in: x * wih^T; out: r, z, n */                   \
      float *__restrict__ u,                  /* [batch, 3*hidden] out */                                           \
      float *__restrict__ h,                  /* [batch, hidden] out */                                             \
      const float *__restrict__ h_prev,       /* [batch, hidden] */                                                 \
      const float *__restrict__ whh,          /* [3*hidden, hidden] */                                              \
      const float *__restrict__ bih,          /* [3*hidden]; null for none */                                       \
      const float *__restrict__ bhh,          /* [3*hidden]; null for none */                                       \
      const char *__restrict__ slabs_h,       /* h_prev, packed: [ceil(hidden/BK), padded batch, 128 bytes] */      \
      const char *__restrict__ slabs_weights, /* whh, packed as 3 matrices */                                       \
      char *__restrict__ next,                /* out: h, packed; in: zeros where there is no row or unit */         \
      float4 *part, unsigned *count,          /* for tiles that blocks share: see step */                           \
      int slice,                              /* of k, a multiple of BK */                                          \
      int batch, int hidden) {                                                                                      \
    step<tile>(slabs_h, slabs_weights, next, h_prev, whh, part, count, slice, batch, hidden,                        \
               Cell{gates, u, h, h_prev, bih, bhh, hidden});                                                        \
  }

template <class Format>
using Tile64x32 = MmaStep<Format, 3, 64, 32, 32, 48>;
template <class Format>
using Tile128x32 = MmaStep<Format, 3, 128, 32, 32, 48>;

GRU_STEP(gru_step_tf32x3_64x32, Tile64x32<Tf32x3>, 3)
GRU_STEP(gru_step_tf32x3_128x32, Tile128x32<Tf32x3>, 2)
GRU_STEP(gru_step_tf32_64x32, Tile64x32<Tf32>, 3)
GRU_STEP(gru_step_tf32_128x32, Tile128x32<Tf32>, 2)
GRU_STEP(gru_step_bf16_64x32, Tile64x32<Bf16>, 3)
GRU_STEP(gru_step_bf16_128x32, Tile128x32<Bf16>, 2)
