// What the kernels share.
//
// Pointers may be windows at any offset. Kernels assume no alignment beyond that of a
// float. Pointers carry __restrict__ only where the operation forbids its operands to
// overlap. Kernels are compiled with -fmad=false, so a sum is fused with a product
// where the source says fmaf, and nowhere else.
#pragma once

// EACH(k, n) loops over k = 0..n-1, spread over the x dimension of a grid of any size.
// EACH_ROW(i, rows) does the same over y. A grid that covers the work makes one pass,
// so unrolling would only cost registers.
#define EACH(k, n) EACH_ALONG(x, k, n)
#define EACH_ROW(i, rows) EACH_ALONG(y, i, rows)
#define EACH_ALONG(axis, k, n)                                                         \
  _Pragma("unroll 1") for (long long k = blockIdx.axis * (long long)blockDim.axis +    \
                                         threadIdx.axis;                               \
                           k < n; k += gridDim.axis * (long long)blockDim.axis)

// The most threads of a block of a one-dimensional grid.
constexpr int kBlock = 256;

constexpr unsigned kAllLanes = 0xffffffff;
constexpr int kWarp = 32;

struct Sum {
  template <class T>
  static __device__ T combine(T a, T b) {
    return a + b;
  }
};

struct Max {
  static __device__ float combine(float a, float b) { return fmaxf(a, b); }
};

// block_reduce combines x of all threads of a one-dimensional block. The block consists
// of whole warps, and blockDim fixes the order. All threads must call it, and all get
// the result. scratch holds kBlock/kWarp elements.
template <class Op, class T>
__device__ T block_reduce(T x, T *scratch) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    x = Op::combine(x, __shfl_xor_sync(kAllLanes, x, offset));
  __syncthreads();  // the previous reduction may still be reading scratch
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = x;
  __syncthreads();
  x = scratch[0];
  for (int warp = 1; warp < blockDim.x / kWarp; warp++)
    x = Op::combine(x, scratch[warp]);
  return x;
}

// halve adds up the sums of all lanes of a warp. Two lanes that differ in a bit each keep a
// half of their sums and give the other half away, bit by bit. Lane l is left with the sum
// l % kSums.
constexpr int kSums = 16;

template <int HALF>
__device__ float halve(float (&sum)[kSums]) {
  if constexpr (HALF == 0) {
    return sum[0] + __shfl_xor_sync(kAllLanes, sum[0], kSums);
  } else {
    bool upper = threadIdx.x & HALF;
#pragma unroll
    for (int i = 0; i < HALF; i++) {
      float kept = upper ? sum[i + HALF] : sum[i], given = upper ? sum[i] : sum[i + HALF];
      sum[i] = kept + __shfl_xor_sync(kAllLanes, given, HALF);
    }
    return halve<HALF / 2>(sum);
  }
}

// arrives_last returns whether this block is the last of those that share a tile, which is
// the same for all of its threads. What the others have written before is there for the
// last. *count is 0 before the first and after the last.
__device__ inline bool arrives_last(unsigned *count, unsigned blocks, unsigned &before) {
  __syncthreads();
  if (threadIdx.x == 0)
    asm volatile("atom.acq_rel.gpu.global.inc.u32 %0, [%1], %2;" : "=r"(before) : "l"(count), "r"(blocks - 1) : "memory");
  __syncthreads();
  return before == blocks - 1;
}

// report_fault records that the element at this position of a call's data is out of
// range. *fault keeps the smallest call + position. The host sets it to all ones at
// first and gives each call a larger multiple of 2^32. So the first bad element of the
// first bad call remains.
__device__ inline void report_fault(unsigned long long *fault, unsigned long long call, long long position) {
  atomicMin(fault, call + position);
}
