// Recurrent layers whose time steps are one launch: what their kernels share.
//
// A block has some hidden units and some rows of the batch, and keeps them through all
// time steps. Its part of the recurrent weights stays in registers, so it is read once.
// Blocks with the same rows and other units exchange what they compute through memory,
// and wait for each other between time steps. So all blocks must run at once: the
// launch is cooperative, with at most one block for each multiprocessor.
#pragma once
#include "common.cuh"

// GridBarrier lets the blocks with the same rows wait for each other. They arrive as
// often as arrivals says. The last arrival wraps *count to 0, which it was before the
// first, so the next launch needs no preparation.
struct GridBarrier {
  unsigned *count;
  unsigned last;  // value of *count that the next arrival wraps to 0

  __device__ GridBarrier(unsigned *count, int arrivals) : count(count), last(arrivals * gridDim.x - 1) {}

  // arrive releases what the block has written to the blocks that wait for it.
  __device__ void arrive() const {
    __syncthreads();
    if (threadIdx.x == 0) asm volatile("red.release.gpu.global.inc.u32 [%0], %1;" ::"l"(count), "r"(last) : "memory");
  }

  // wait waits until every block has arrived so many times, and not yet for the last time.
  __device__ void wait(int times) const {
    if (threadIdx.x == 0) {
      unsigned arrived;
      do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(arrived) : "l"(count) : "memory");
      while (arrived < times * gridDim.x);
    }
    __syncthreads();
  }
};

// read_four reads four neighbours in a row of a matrix, past the first cache, which does
// not see what other blocks write. Elements from count on are 0. If all four exist and
// are aligned, they move at once.
__device__ inline float4 read_four(const float *at, int count) {
  if (count >= 4 && (unsigned long long)at % sizeof(float4) == 0) return __ldcg((const float4 *)at);
  return {count > 0 ? __ldcg(at) : 0.0f, count > 1 ? __ldcg(at + 1) : 0.0f, count > 2 ? __ldcg(at + 2) : 0.0f,
          count > 3 ? __ldcg(at + 3) : 0.0f};
}

// Rows moves ROWS rows of K floats from global to shared memory, through registers.
template <int K, int ROWS>
struct Rows {
  static constexpr int count = ROWS * K / 4 / kBlock;
  static_assert(count * kBlock * 4 == ROWS * K, "threads have equal shares");
  float4 value[count];

  // Rows of x hold hidden floats. Beyond them, and below the first left rows, is 0.
  __device__ void load(const float *x, int hidden, int left) {
#pragma unroll
    for (int i = 0; i < count; i++) {
      int e = threadIdx.x + i * kBlock, row = e / (K / 4), k = e % (K / 4) * 4;
      value[i] = read_four(x + (row * hidden + k), row < left ? hidden - k : 0);
    }
  }
  __device__ void store(float4 *shared) const {
#pragma unroll
    for (int i = 0; i < count; i++) shared[threadIdx.x + i * kBlock] = value[i];
  }
};

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

// Columns holds the weights of COLUMNS columns of a product in the registers of a warp.
// Run j of lane l holds k = 128 j + 4 l and the three after it.
template <int K, int COLUMNS>
struct Columns {
  static constexpr int runs = K / 4 / kWarp, rows = kSums / COLUMNS;
  float4 weight[COLUMNS][runs];

  // row_of maps a column to its row in the weights [.., hidden], or to -1 if there is none.
  template <class RowOf>
  __device__ void load(const float *weights, int hidden, RowOf row_of) {
#pragma unroll
    for (int column = 0; column < COLUMNS; column++) {
      int row = row_of(column);
#pragma unroll
      for (int j = 0; j < runs; j++) {
        int k = (j * kWarp + threadIdx.x % kWarp) * 4;
        weight[column][j] = read_four(weights + (long long)row * hidden + k, row >= 0 ? hidden - k : 0);
      }
    }
  }

  // multiply returns, in lane l < kSums, element [l / COLUMNS, l % COLUMNS] of the product
  // of rows of x, in shared memory, with the columns.
  __device__ float multiply(const float4 *x) const {
    int lane = threadIdx.x % kWarp;
    float sum[kSums] = {};
#pragma unroll
    for (int row = 0; row < rows; row++)
#pragma unroll
      for (int j = 0; j < runs; j++) {
        float4 v = x[(row * runs + j) * kWarp + lane];
#pragma unroll
        for (int column = 0; column < COLUMNS; column++) {
          float &s = sum[row * COLUMNS + column];
          const float4 &w = weight[column][j];
          s = fmaf(v.w, w.w, fmaf(v.z, w.z, fmaf(v.y, w.y, fmaf(v.x, w.x, s))));
        }
      }
    return halve<kSums / 2>(sum);
  }
};
