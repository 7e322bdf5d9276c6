// The kernels of gemm_tf32.cu, gemm_tf32x3.cu and gemm_bf16.cu.
#pragma once
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

// dst[z,i,j] = alpha * sum_p op(a)[i,p] * op(b)[p,j] + beta * dst[z,i,j],
// p from z*slice to (z+1)*slice
//
// Sums that are not finite are computed once more, in float32: numbers near the largest
// may have been rounded to infinity, and what is left of an infinity is NaN.
template <class T>
static __device__ void gemm(float *__restrict__ dst, const char *__restrict__ slabs_a, const char *__restrict__ slabs_b,
                            const float *__restrict__ a, const float *__restrict__ b, int m, int n, int k, int slice, int trans_a,
                            int trans_b, float alpha, float beta) {
  extern __shared__ float4 shared[];
  static_assert(T::BM % kPackRows == 0 && T::BN % kPackRows == 0, "tiles are whole groups of packed rows");
  constexpr int BK = T::Format::BK;
  int down = (m + T::BM - 1) / T::BM, across = (n + T::BN - 1) / T::BN;
  int first_row = blockIdx.x / across * T::BM, first_column = blockIdx.x % across * T::BN;
  if (first_row >= m) return;
  int from = min((long long)k, blockIdx.y * (long long)slice), to = min((long long)k, from + (long long)slice);
  dst += blockIdx.y * (long long)m * n;

  float sum[T::WM / 16][T::WN / 8][4] = {};
  long long step_a = down * (long long)T::BM * kRowBytes, step_b = across * (long long)T::BN * kRowBytes;
  multiply_slabs<T>(sum, (char *)shared, slabs_a + from / BK * step_a + first_row * (long long)kRowBytes, step_a,
                    slabs_b + from / BK * step_b + first_column * (long long)kRowBytes, step_b, (to - from + BK - 1) / BK);
  store_sums<T>(sum, (char *)shared, [=](int row, int column, float4 sum) {
    row += first_row;
    column += first_column;
    if (row >= m || column >= n) return;
    if (!(fabsf(sum.x) + fabsf(sum.y) + fabsf(sum.z) + fabsf(sum.w) < INFINITY))
      sum = multiply_run(a, trans_a, b, trans_b, m, n, k, row, column, from, to);
    const Run run(dst + (long long)row * n + column, n - column);
    float4 old = beta == 0 ? float4{} : run.read();
    run.write({fmaf(alpha, sum.x, beta * old.x), fmaf(alpha, sum.y, beta * old.y), fmaf(alpha, sum.z, beta * old.z),
               fmaf(alpha, sum.w, beta * old.w)});
  });
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

// A warp computes 64 x 64, 64 x 32 or 32 x 32.
template <class Format>
using Tile128x256 = MmaTile<Format, 128, 256, 64, 64>;
template <class Format>
using Tile128x128 = MmaTile<Format, 128, 128, 64, 32>;
template <class Format>
using Tile64x64 = MmaTile<Format, 64, 64, 32, 32>;
