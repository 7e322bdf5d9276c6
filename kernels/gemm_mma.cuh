// The kernels of gemm_tf32.cu, gemm_tf32x3.cu and gemm_bf16.cu.
#pragma once
#include "gemm_share.cuh"
#include "mma.cuh"

// slabs[s,i] = row i of x, rounded, k from s*BK to (s+1)*BK; zeros where x has no such
// row or k. x may be several matrices: rows 8 j to 8 j + 7 of each come one after the other.
// grid: x padded/64 * ceil(k/BK), y matrices; blocks of 256
#define PACK(name, format, k_first)                                       \
  extern "C" __global__ void __launch_bounds__(kBlock) name(              \
      char *__restrict__ slabs,    /* [ceil(k/BK), padded * matrices, 128 bytes] */ \
      const float *__restrict__ x, /* [matrices, rows, k], or [.., k, rows] */        \
      int rows, int k, int padded) {                                      \
    pack<format, k_first>(slabs, x, rows, k, padded);                     \
  }

// multiply_tile computes a tile over k in [from, to), where from begins a slab. It hands each
// run of four columns, of which the first exists, to emit(row, column, float4), where row and
// column count within the tile.
//
// Sums that are not finite are computed once more, in float32: numbers near the largest
// may have been rounded to infinity, and what is left of an infinity is NaN.
template <class T, class Emit>
static __device__ void multiply_tile(const char *__restrict__ slabs_a, const char *__restrict__ slabs_b, const float *__restrict__ a,
                                     const float *__restrict__ b, int m, int n, int k, int trans_a, int trans_b, int first_row,
                                     int first_column, int from, int to, Emit emit) {
  extern __shared__ float4 shared[];
  static_assert(T::BM % kPackRows == 0 && T::BN % kPackRows == 0, "tiles are whole groups of packed rows");
  constexpr int BK = T::Format::BK;
  int down = (m + T::BM - 1) / T::BM, across = (n + T::BN - 1) / T::BN;
  float sum[T::WM / 16][T::WN / 8][4] = {};
  long long step_a = down * (long long)T::BM * kRowBytes, step_b = across * (long long)T::BN * kRowBytes;
  multiply_slabs<T>(sum, (char *)shared, slabs_a + from / BK * step_a + first_row * (long long)kRowBytes, step_a,
                    slabs_b + from / BK * step_b + first_column * (long long)kRowBytes, step_b, (to - from + BK - 1) / BK);
  store_sums<T>(sum, (char *)shared, [=](int row, int column, float4 sum) {
    if (first_row + row >= m || first_column + column >= n) return;
    if (!(fabsf(sum.x) + fabsf(sum.y) + fabsf(sum.z) + fabsf(sum.w) < INFINITY))
      sum = multiply_run(a, trans_a, b, trans_b, m, n, k, first_row + row, first_column + column, from, to);
    emit(row, column, sum);
  });
}

// dst[z,i,j] = alpha * sum_p op(a)[i,p] * op(b)[p,j] + beta * dst[z,i,j],
// p from z*slice to (z+1)*slice
template <class T>
static __device__ void gemm(float *__restrict__ dst, const char *__restrict__ slabs_a, const char *__restrict__ slabs_b,
                            const float *__restrict__ a, const float *__restrict__ b, int m, int n, int k, int slice, int trans_a,
                            int trans_b, float alpha, float beta) {
  int across = (n + T::BN - 1) / T::BN, first_row = blockIdx.x / across * T::BM, first_column = blockIdx.x % across * T::BN;
  if (first_row >= m) return;
  int from = min((long long)k, blockIdx.y * (long long)slice), to = min((long long)k, from + (long long)slice);
  dst += blockIdx.y * (long long)m * n;
  multiply_tile<T>(slabs_a, slabs_b, a, b, m, n, k, trans_a, trans_b, first_row, first_column, from, to,
                   [=](int row, int column, float4 sum) { write_run(dst, m, n, first_row + row, first_column + column, sum, alpha, beta); });
}

// With slice = k, one pass computes the whole product. Otherwise dst is a workspace,
// alpha is 1, beta is 0, and gemm_reduce makes the second pass. slice is a multiple of
// the format's BK.
// grid: x ceil(m/rows)*ceil(n/columns) of the tile, y ceil(k/slice) or 1; blocks of its
// threads; dynamic shared memory: MmaTile::bytes
#define GEMM(name, tile, blocks)                                                                              \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                                   \
      float *__restrict__ dst,          /* [slices, m, n] out; in too unless beta is 0 */                     \
      const char *__restrict__ slabs_a, /* op(a), packed to whole tiles: [ceil(k/BK), padded m, 128 bytes] */ \
      const char *__restrict__ slabs_b, /* op(b)', packed: [ceil(k/BK), padded n, 128 bytes] */               \
      const float *__restrict__ a,      /* [m, k], or [k, m] if trans_a */                                    \
      const float *__restrict__ b,      /* [k, n], or [n, k] if trans_b */                                    \
      int m, int n, int k, int slice, int trans_a, int trans_b, float alpha, float beta) {                    \
    gemm<tile>(dst, slabs_a, slabs_b, a, b, m, n, k, slice, trans_a, trans_b, alpha, beta);                   \
  }

// dst[i,j] = alpha * sum_p op(a)[i,p] * op(b)[p,j] + beta * dst[i,j]
// Pieces of tiles go to part, as each_piece says.
template <class T>
static __device__ void gemm_share(float *__restrict__ dst, float *__restrict__ part, const char *__restrict__ slabs_a,
                                  const char *__restrict__ slabs_b, const float *__restrict__ a, const float *__restrict__ b, int m, int n,
                                  int k, int whole, Shares shares, int trans_a, int trans_b, float alpha, float beta) {
  constexpr int BK = T::Format::BK;
  int across = (n + T::BN - 1) / T::BN, tiles = (m + T::BM - 1) / T::BM * across, slabs = (k + BK - 1) / BK;
  each_piece<T>(part, tiles, slabs, whole, shares, [&](int tile, int from, int end, bool piece, float *part) {
    int first_row = tile / across * T::BM, first_column = tile % across * T::BN;
    multiply_tile<T>(slabs_a, slabs_b, a, b, m, n, k, trans_a, trans_b, first_row, first_column, from * BK,
                     min((long long)k, end * (long long)BK), [=](int row, int column, float4 sum) {
                       if (piece)
                         *(float4 *)&part[row * T::BN + column] = sum;
                       else
                         write_run(dst, m, n, first_row + row, first_column + column, sum, alpha, beta);
                     });
  });
}

// gemm_join makes the second pass.
// grid: x whole + number of shares; blocks of the tile's threads; dynamic shared memory:
// MmaTile::bytes
#define GEMM_SHARE(name, tile, blocks)                                                                                    \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                                               \
      float *__restrict__ dst,          /* [m, n] out; in too unless beta is 0 */                                         \
      float *__restrict__ part,         /* [shares, 2, rows, columns of the tile] out; begins at 16 bytes */              \
      const char *__restrict__ slabs_a, /* op(a), packed to whole tiles: [ceil(k/BK), padded m, 128 bytes] */             \
      const char *__restrict__ slabs_b, /* op(b)', packed: [ceil(k/BK), padded n, 128 bytes] */                           \
      const float *__restrict__ a,      /* [m, k], or [k, m] if trans_a */                                                \
      const float *__restrict__ b,      /* [k, n], or [n, k] if trans_b */                                                \
      int m, int n, int k, int whole, int share, int extra, int trans_a, int trans_b, float alpha, float beta) {          \
    gemm_share<tile>(dst, part, slabs_a, slabs_b, a, b, m, n, k, whole, {share, extra}, trans_a, trans_b, alpha, beta);   \
  }

// A warp computes 64 x 64, 64 x 32 or 32 x 32.
template <class Format>
using Tile128x256 = MmaTile<Format, 128, 256, 64, 64>;
template <class Format>
using Tile128x128 = MmaTile<Format, 128, 128, 64, 32>;
template <class Format>
using Tile64x64 = MmaTile<Format, 64, 64, 32, 32>;
