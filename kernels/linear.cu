// Reductions over rows and moves by index. Matrix products are in gemm.cu.
#include "common.cuh"

constexpr int kSumColumns = 32, kSumRows = kBlock / kSumColumns;

// dst[c,j] = sum_i x[i,j] + beta * dst[c,j], i from c*chunk to (c+1)*chunk
// A tall matrix takes two passes. The second one sums the results of the first.
// grid: x ceil(cols/32), y ceil(rows/chunk) or 1; blocks of 32 x 8
extern "C" __global__ void __launch_bounds__(kBlock) sum_rows(
    float *__restrict__ dst,      // [chunks, cols] out; in too unless beta is 0
    const float *__restrict__ x,  // [rows, cols]
    int rows, int cols, int chunk,
    float beta) {
  __shared__ float part[kSumRows][kSumColumns];
  long long j = blockIdx.x * (long long)kSumColumns + threadIdx.x;
  long long from = blockIdx.y * (long long)chunk, to = min((long long)rows, from + chunk);
  float sum = 0;
  if (j < cols)
    for (long long i = from + threadIdx.y; i < to; i += kSumRows) sum += x[i * cols + j];
  part[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || j >= cols) return;
  for (int y = 1; y < kSumRows; y++) sum += part[y][threadIdx.x];
  float *out = &dst[blockIdx.y * (long long)cols + j];
  *out = beta == 0 ? sum : fmaf(beta, *out, sum);
}

// dst[i,j] = x[ids[i],j]
// An id that does not exist is a fault, and its row of dst keeps its values.
// grid: any blocks of 256 in all, over [n, max(cols, 1)]
extern "C" __global__ void __launch_bounds__(kBlock) gather_rows(
    float *__restrict__ dst,         // [n, cols] out
    const float *__restrict__ x,     // [rows, cols]
    const int *__restrict__ ids,     // [n]
    int n, int rows, int cols,
    unsigned long long *fault,       // [1] in and out, see report_fault
    unsigned long long call) {
  EACH_ROW(i, n) {
    long long id = ids[i];
    bool exists = 0 <= id && id < rows;
    if (!exists && blockIdx.x == 0 && threadIdx.x == 0) report_fault(fault, call, i);
    if (exists) EACH(j, cols) dst[i * cols + j] = x[id * cols + j];
  }
}

// dst[ids[i],j] += x[i,j], in order of i; an id that does not exist is a fault
// Each block owns a row of dst. It looks for the row in all ids, 32 ids at a time, so
// that it needs no atomics and keeps the order.
// grid: x max(rows, 1), y any, over cols; blocks of 32..256
extern "C" __global__ void __launch_bounds__(kBlock) scatter_add_rows(
    float *__restrict__ dst,       // [rows, cols] in and out
    const float *__restrict__ x,   // [n, cols]
    const int *__restrict__ ids,   // [n]
    int n, int rows, int cols,
    unsigned long long *fault,     // [1] in and out, see report_fault
    unsigned long long call) {
  int row = blockIdx.x, lane = threadIdx.x % kWarp;
  bool judge = row == 0 && blockIdx.y == 0 && threadIdx.x < kWarp;
  long long stride = gridDim.y * (long long)blockDim.x, column = blockIdx.y * (long long)blockDim.x + threadIdx.x;
  // Lanes beyond the last column also run, because the votes need them.
  for (long long j = column; j - lane < cols || judge; j += stride) {
    bool mine = j < cols && row < rows;
    float sum = mine ? dst[row * (long long)cols + j] : 0.0f;
    for (long long first = 0; first < n; first += kWarp) {
      int id = first + lane < n ? ids[first + lane] : row;
      if (judge && (id < 0 || id >= rows) && first + lane < n) report_fault(fault, call, first + lane);
      unsigned hits = __ballot_sync(kAllLanes, id == row && first + lane < n);
      for (; hits; hits &= hits - 1) {
        long long i = first + __ffs(hits) - 1;
        if (mine) sum += x[i * cols + j];
      }
    }
    if (mine) dst[row * (long long)cols + j] = sum;
    judge = false;
  }
}

// Best is an element of a row and its column.
struct Best {
  float value;
  int column;

  // Reports whether a goes before b. The larger value goes first, and NaN is the
  // largest. Of equal values the first column goes first.
  static __device__ bool before(Best a, Best b) {
    if (b.column < 0 || a.column < 0) return b.column < 0;
    bool a_is_nan = isnan(a.value), b_is_nan = isnan(b.value);
    if (a_is_nan != b_is_nan) return a_is_nan;
    if (!a_is_nan && a.value != b.value) return a.value > b.value;
    return a.column < b.column;
  }
};

// dst[i] = the column of the largest x[i,j]
// NaN is larger than any number. Of equal values the first column counts.
// grid: rows blocks of 32..256
extern "C" __global__ void __launch_bounds__(kBlock) argmax_rows(
    int *__restrict__ dst,        // [rows] out
    const float *__restrict__ x,  // [rows, cols], cols > 0
    int rows, int cols) {
  __shared__ Best scratch[kBlock / kWarp];
  if (blockIdx.x >= rows) return;
  const float *in = x + (long long)blockIdx.x * cols;
  Best best = {0, -1};
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) {
    Best next = {in[j], (int)j};
    if (Best::before(next, best)) best = next;
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    Best other = {__shfl_xor_sync(kAllLanes, best.value, offset), __shfl_xor_sync(kAllLanes, best.column, offset)};
    if (Best::before(other, best)) best = other;
  }
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = best;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int warp = 1; warp < blockDim.x / kWarp; warp++)
    if (Best::before(scratch[warp], best)) best = scratch[warp];
  dst[blockIdx.x] = best.column;
}
