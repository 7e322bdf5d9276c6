// Matrix products. The letters of a kernel's name say how a and b are stored: n as
// they are, t transposed. The numbers are the size of the tile.
#include "gemm.cuh"

// dst[z,i,j] = alpha * sum_p op(a)[i,p] * op(b)[p,j] + beta * dst[z,i,j],
// p from z*slice to (z+1)*slice
template <class T, bool TransA, bool TransB>
static __device__ void gemm(typename T::Shared &shared, float *__restrict__ dst, const float *__restrict__ a,
                            const float *__restrict__ b, int m, int n, int k, int slice, float alpha, float beta) {
  int across = (n + T::BN - 1) / T::BN;
  int first_row = blockIdx.x / across * T::BM, first_column = blockIdx.x % across * T::BN;
  if (first_row >= m) return;
  int from = min((long long)k, blockIdx.y * (long long)slice), to = min((long long)k, from + (long long)slice);
  dst += blockIdx.y * (long long)m * n;
  multiply_tile<T, TransA, !TransB>(
      shared, a, TransA ? m : k, b, TransB ? k : n, from, to,
      [=](int row) { return first_row + row < m ? first_row + row : -1; },
      [=](int column) { return first_column + column < n ? first_column + column : -1; },
      [=](int row, int column, float4 sum) {
        write_run(dst, m, n, first_row + row, first_column + column, sum, alpha, beta);
      });
}

// With slice = k, one pass computes the whole product. Otherwise dst is a workspace,
// alpha is 1, beta is 0, and gemm_reduce makes the second pass.
// grid: x ceil(m/tile)*ceil(n/tile), y ceil(k/slice) or 1; blocks of the tile's threads
#define GEMM(name, tile, blocks, trans_a, trans_b)                                       \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(              \
      float *__restrict__ dst,     /* [slices, m, n] out; in too unless beta is 0 */     \
      const float *__restrict__ a, /* [m, k], or [k, m] if transposed */                 \
      const float *__restrict__ b, /* [k, n], or [n, k] if transposed */                 \
      int m, int n, int k, int slice, float alpha, float beta) {                         \
    __shared__ tile::Shared shared;                                                      \
    gemm<tile, trans_a, trans_b>(shared, dst, a, b, m, n, k, slice, alpha, beta);        \
  }

GEMM(gemm_nn_128x128, Large, 2, false, false)
GEMM(gemm_nt_128x128, Large, 2, false, true)
GEMM(gemm_tn_128x128, Large, 2, true, false)
GEMM(gemm_tt_128x128, Large, 2, true, true)

GEMM(gemm_nn_128x64, Tall, 3, false, false)
GEMM(gemm_nt_128x64, Tall, 3, false, true)
GEMM(gemm_tn_128x64, Tall, 3, true, false)
GEMM(gemm_tt_128x64, Tall, 3, true, true)

GEMM(gemm_nn_64x64, Medium, 4, false, false)
GEMM(gemm_nt_64x64, Medium, 4, false, true)
GEMM(gemm_tn_64x64, Medium, 4, true, false)
GEMM(gemm_tt_64x64, Medium, 4, true, true)

GEMM(gemm_nn_32x32, Small, 4, false, false)
GEMM(gemm_nt_32x32, Small, 4, false, true)
GEMM(gemm_tn_32x32, Small, 4, true, false)
GEMM(gemm_tt_32x32, Small, 4, true, true)

// dst[e] = alpha * sum_z part[z,e] + beta * dst[e], in order of z
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) gemm_reduce(
    float *__restrict__ dst,         // [n] out; in too unless beta is 0
    const float *__restrict__ part,  // [slices, n]
    long long n, int slices,
    float alpha, float beta) {
  EACH(e, n) {
    float sum = 0;
    for (int z = 0; z < slices; z++) sum += part[z * n + e];
    dst[e] = fmaf(alpha, sum, beta == 0 ? 0.0f : beta * dst[e]);
  }
}
