// The kernels of gemm_tf32.cu, gemm_tf32x3.cu and gemm_bf16.cu: those of gemm.cu, but on
// tensor cores.
#pragma once
#include "mma.cuh"

// dst[z,i,j] = alpha * sum_p op(a)[i,p] * op(b)[p,j] + beta * dst[z,i,j],
// p from z*slice to (z+1)*slice
template <class T, bool TransA, bool TransB>
static __device__ void gemm(float *__restrict__ dst, const float *__restrict__ a, const float *__restrict__ b, int m,
                            int n, int k, int slice, float alpha, float beta) {
  int across = (n + T::BN - 1) / T::BN;
  int first_row = blockIdx.x / across * T::BM, first_column = blockIdx.x % across * T::BN;
  if (first_row >= m) return;
  int from = min((long long)k, blockIdx.y * (long long)slice), to = min((long long)k, from + (long long)slice);
  dst += blockIdx.y * (long long)m * n;
  multiply_mma<T, TransA, !TransB>(
      a, TransA ? m : k, b, TransB ? k : n, m, n, first_row, first_column, from, to,
      [=](int row, int column, float4 sum) {
        const Run run(dst + (long long)row * n + column, n - column);
        float4 old = beta == 0 ? float4{} : run.read();
        run.write({fmaf(alpha, sum.x, beta * old.x), fmaf(alpha, sum.y, beta * old.y),
                   fmaf(alpha, sum.z, beta * old.z), fmaf(alpha, sum.w, beta * old.w)});
      });
}

// With slice = k, one pass computes the whole product. Otherwise dst is a workspace,
// alpha is 1, beta is 0, and gemm_reduce makes the second pass. slice is a multiple of
// the format's BK.
// grid: x ceil(m/rows)*ceil(n/columns) of the tile, y ceil(k/slice) or 1; blocks of its
// threads; dynamic shared memory: MmaShared::bytes
#define GEMM(name, tile, blocks, trans_a, trans_b)                                       \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(              \
      float *__restrict__ dst,     /* [slices, m, n] out; in too unless beta is 0 */     \
      const float *__restrict__ a, /* [m, k], or [k, m] if transposed */                 \
      const float *__restrict__ b, /* [k, n], or [n, k] if transposed */                 \
      int m, int n, int k, int slice, float alpha, float beta) {                         \
    gemm<tile, trans_a, trans_b>(dst, a, b, m, n, k, slice, alpha, beta);                \
  }

// A warp computes 64 x 64, or 32 x 32.
template <class Format>
using Tile128x256 = MmaTile<Format, 128, 256, 64, 64>;
template <class Format>
using Tile128x128 = MmaTile<Format, 128, 128, 64, 64>;
template <class Format>
using Tile64x64 = MmaTile<Format, 64, 64, 32, 32>;
