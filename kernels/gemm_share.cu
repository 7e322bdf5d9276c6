// Matrix products whose last tiles are shared out. The names are those of gemm.cu.
#include "gemm.cuh"
#include "gemm_share.cuh"

// dst[i,j] = alpha * sum_p op(a)[i,p] * op(b)[p,j] + beta * dst[i,j]
// Pieces of tiles go to part, as each_piece says.
template <class T, bool TransA, bool TransB>
static __device__ void gemm_share(typename T::Shared &shared, float *__restrict__ dst, float *__restrict__ part,
                                  const float *__restrict__ a, const float *__restrict__ b, int m, int n, int k, int whole,
                                  Shares shares, float alpha, float beta) {
  int across = (n + T::BN - 1) / T::BN, tiles = (m + T::BM - 1) / T::BM * across, slabs = (k + T::BK - 1) / T::BK;
  each_piece<T>(part, tiles, slabs, whole, shares, [&](int tile, int from, int end, bool piece, float *part) {
    int first_row = tile / across * T::BM, first_column = tile % across * T::BN;
    multiply_tile<T, TransA, !TransB>(
        shared, a, TransA ? m : k, b, TransB ? k : n, from * T::BK, min((long long)k, end * (long long)T::BK),
        [=](int row) { return first_row + row < m ? first_row + row : -1; },
        [=](int column) { return first_column + column < n ? first_column + column : -1; },
        [=](int row, int column, float4 sum) {
          if (piece)
            *(float4 *)&part[row * T::BN + column] = sum;
          else
            write_run(dst, m, n, first_row + row, first_column + column, sum, alpha, beta);
        });
  });
}

// gemm_join makes the second pass.
// grid: x whole + number of shares; blocks of the tile's threads
#define GEMM(name, tile, blocks, trans_a, trans_b)                                                            \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                                   \
      float *__restrict__ dst,     /* [m, n] out; in too unless beta is 0 */                                  \
      float *__restrict__ part,    /* [shares, 2, rows, columns of the tile] out; begins at 16 bytes */       \
      const float *__restrict__ a, /* [m, k], or [k, m] if transposed */                                      \
      const float *__restrict__ b, /* [k, n], or [n, k] if transposed */                                      \
      int m, int n, int k, int whole, int share, int extra, float alpha, float beta) {                        \
    __shared__ tile::Shared shared;                                                                           \
    gemm_share<tile, trans_a, trans_b>(shared, dst, part, a, b, m, n, k, whole, {share, extra}, alpha, beta); \
  }

GEMM(gemm_nn_share_128x64, Tall, 3, false, false)
GEMM(gemm_nt_share_128x64, Tall, 3, false, true)
GEMM(gemm_tn_share_128x64, Tall, 3, true, false)
GEMM(gemm_tt_share_128x64, Tall, 3, true, true)

GEMM(gemm_nn_share_32x32, Small, 3, false, false)
GEMM(gemm_nt_share_32x32, Small, 3, false, true)
GEMM(gemm_tn_share_32x32, Small, 3, true, false)
GEMM(gemm_tt_share_32x32, Small, 3, true, true)

// dst[i,j] = alpha * sum of the pieces of its tile, in order of k, + beta * dst[i,j]
// A tile has rows x columns, and `slabs` slabs. A tile that is one piece is in dst already.
// grid: x any blocks of 256, over the elements of a tile; y tiles that were shared out
extern "C" __global__ void __launch_bounds__(kBlock) gemm_join(
    float *__restrict__ dst,         // [m, n] out; in too unless beta is 0
    const float *__restrict__ part,  // [shares, 2, rows, columns]
    int m, int n, int rows, int columns, int slabs, int whole, int share, int extra, float alpha, float beta) {
  const Shares shares{share, extra};
  int across = (n + columns - 1) / columns, tile = whole + blockIdx.y, size = rows * columns;
  long long begin = blockIdx.y * (long long)slabs;
  long long first = shares.block_of(begin), last = shares.block_of(begin + slabs - 1);
  if (first == last) return;
  EACH(e, size) {
    int row = tile / across * rows + (int)e / columns, column = tile % across * columns + (int)e % columns;
    if (row >= m || column >= n) continue;
    // The first block may have its piece of the tile before in its first place.
    float sum = part[(2 * first + (shares.begin(first) < begin)) * size + e];
    for (long long block = first + 1; block <= last; block++) sum += part[2 * block * size + e];
    float *at = &dst[row * (long long)n + column];
    *at = fmaf(alpha, sum, beta == 0 ? 0.0f : beta * *at);
  }
}
