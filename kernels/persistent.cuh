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

// Columns holds the weights of COLUMNS columns of a product in the registers of a warp. A
// unit has Cell::slots of them, one for each gate; a slot that is left has no weights.
// Run j of lane l holds k = 128 j + 4 l and the three after it.
template <class Cell, int K, int COLUMNS>
struct Columns {
  static constexpr int runs = K / 4 / kWarp, rows = kSums / COLUMNS;
  float4 weight[COLUMNS][runs];

  static __device__ constexpr bool used(int column) { return column % Cell::slots < Cell::gates; }

  // load takes the columns of units from first on of the weights [gates*hidden, hidden].
  __device__ void load(const float *weights, int hidden, int first) {
#pragma unroll
    for (int column = 0; column < COLUMNS; column++) {
      if (!used(column)) continue;
      int unit = first + column / Cell::slots, row = unit < hidden ? column % Cell::slots * hidden + unit : -1;
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
          if (!used(column)) continue;
          float &s = sum[row * COLUMNS + column];
          const float4 &w = weight[column][j];
          s = fmaf(v.w, w.w, fmaf(v.z, w.z, fmaf(v.y, w.y, fmaf(v.x, w.x, s))));
        }
      }
    return halve<kSums / 2>(sum);
  }
};

// forward runs all time steps of a layer. A block computes a tile of as many cells as it
// has threads, from chunks of rows of h.
//
// A Cell is what a layer computes besides the product. It has gates, of the weights;
// slots, which is gates or the next power of two; Sum, a type of slots floats; and
//   Input load(cell, unit)            what is known of a cell before the product
//   void apply(cell, unit, Input, Sum)
// cell counts the rows of all time steps, and h begins with the state before the first.
template <class Cell, int K, int COLUMNS>
__device__ void forward(const Cell &layer, const float *h, const float *whh, unsigned *count, int steps, int batch,
                        int hidden, int rows) {
  constexpr int warps = kBlock / kWarp, units = warps * COLUMNS / Cell::slots, tile = kBlock / units;
  constexpr int chunk = tile < 8 ? tile : 8;
  using Sum = typename Cell::Sum;
  __shared__ float4 shared_h[chunk * K / 4];
  __shared__ float4 shared_z[tile][(warps + 1) * COLUMNS / 4];  // the padding avoids bank conflicts

  int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  int first_unit = blockIdx.x * units, first_row = blockIdx.y * rows, end = min(batch, first_row + rows);
  Columns<Cell, K, COLUMNS> columns;
  columns.load(whh, hidden, first_unit + warp * COLUMNS / Cell::slots);
  const GridBarrier barrier(count + blockIdx.y, steps);
  int cell_row = threadIdx.x / units, cell_unit = threadIdx.x % units, unit = first_unit + cell_unit;

  for (int t = 0; t < steps; t++) {
    if (t > 0) barrier.wait(t);
    long long before = t * (long long)batch;
    const float *h_prev = h + before * hidden;
    Rows<K, chunk> next;
    next.load(h_prev + (long long)first_row * hidden, hidden, end - first_row);
    for (int top = first_row; top < end; top += tile) {
      bool exists = unit < hidden && top + cell_row < end;
      long long cell = before + top + cell_row;
      typename Cell::Input input = {};
      if (exists) input = layer.load(cell, unit);
      int bottom = min(end, top + tile);
      for (int row = top; row < bottom; row += chunk) {
        next.store(shared_h);
        __syncthreads();
        int following = row + chunk;
        if (following < end) next.load(h_prev + (long long)following * hidden, hidden, end - following);
        for (int r = row; r < min(bottom, following); r += columns.rows) {
          float sum = columns.multiply(&shared_h[(r - row) * (K / 4)]);
          if (lane >= kSums) continue;
          float *line = (float *)shared_z[r - top + lane / COLUMNS];
          line[warp * COLUMNS + lane % COLUMNS] = sum;
        }
        __syncthreads();
      }
      if (exists) layer.apply(cell, unit, input, ((const Sum *)shared_z[cell_row])[cell_unit]);
    }
    barrier.arrive();
  }
}

// backward runs all time steps of a layer. A block takes the gradients of its gates times
// its rows of whh. That is its part of dh of all units, one block's for each. A thread has
// units threadIdx.x + 256 i of them, so sums need no other thread. The block that owns a
// unit adds the parts up, in order, at the next step. So parts of two steps exist at a
// time: a block may write its next part while others still read the one before.
//
// A Cell has gates, and
//   void grad(cell, row, unit, dh, last, dz)   computes dz, of the gates, from dh, of h
//   float first(row, unit, dh)                 returns the gradient of the first h
// dh is the part of the gradient that comes from the next time step, or dh_last.
template <class Cell, int K, int UNITS>
__device__ void backward(const Cell &layer, const float *whh, const float *dh_last, float *dh_first, float *part,
                         unsigned *count, int steps, int batch, int hidden, int rows) {
  constexpr int tile = kBlock / UNITS, own = K / kBlock, together = own < 4 ? 2 : 1, gates = Cell::gates, runs = gates * UNITS / 4;
  static_assert(tile % together == 0, "rows come in whole groups");
  __shared__ float4 shared_dz[tile][runs];

  int first_unit = blockIdx.x * UNITS, first_row = blockIdx.y * rows, end = min(batch, first_row + rows);
  // A row of parts has, for each owner, those of all blocks, each with the owner's units.
  int across = gridDim.x, from_block = blockIdx.x;
  long long pitch = (long long)across * across * UNITS;
  int column[own];  // of this thread's units, or -1
#pragma unroll
  for (int i = 0; i < own; i++) {
    int k = threadIdx.x + i * kBlock;
    column[i] = k < hidden ? (k / UNITS * across + from_block) * UNITS + k % UNITS : -1;
  }
  float weight[gates * UNITS][own];
#pragma unroll
  for (int u = 0; u < UNITS; u++)
#pragma unroll
    for (int i = 0; i < own; i++) {
      bool exists = first_unit + u < hidden && column[i] >= 0;
      const float *from = whh + (first_unit + u) * hidden + threadIdx.x + i * kBlock;
#pragma unroll
      for (int gate = 0; gate < gates; gate++)
        weight[u * gates + gate][i] = exists ? from[gate * hidden * hidden] : 0.0f;
    }

  const GridBarrier barrier(count + blockIdx.y, steps + 1);
  int cell_row = threadIdx.x / UNITS, cell_unit = threadIdx.x % UNITS, unit = first_unit + cell_unit;
  const auto total = [=](int t, int row) {
    const float *from = part + (t % 2 * (long long)batch + row) * pitch + from_block * across * UNITS + cell_unit;
    float sum = 0;
#pragma unroll 8
    for (int block = 0; block < across; block++) sum += __ldcg(from + block * UNITS);
    return sum;
  };

  for (int t = steps - 1; t >= 0; t--) {
    bool last = t == steps - 1;
    if (!last) barrier.wait(steps - 1 - t);
    for (int top = first_row; top < end; top += tile) {
      int row = top + cell_row;
      float dz[gates] = {};
      if (unit < hidden && row < end) {
        float dh = !last ? total(t + 1, row) : dh_last ? dh_last[(long long)row * hidden + unit] : 0.0f;
        layer.grad(t * (long long)batch + row, row, unit, dh, last, dz);
      }
      if (t == 0 && !dh_first) continue;
      if constexpr (gates == 4) {
        shared_dz[cell_row][cell_unit] = make_float4(dz[0], dz[1], dz[2], dz[3]);
      } else {
#pragma unroll
        for (int gate = 0; gate < gates; gate++) ((float *)shared_dz[cell_row])[cell_unit * gates + gate] = dz[gate];
      }
      __syncthreads();
      float *to = part + (t % 2 * (long long)batch + top) * pitch;
      for (int r = 0; r < min(tile, end - top); r += together) {
        float sum[together][own] = {};
#pragma unroll
        for (int run = 0; run < runs; run++)
#pragma unroll
          for (int j = 0; j < together; j++) {
            float4 d = shared_dz[r + j][run];
#pragma unroll
            for (int i = 0; i < own; i++) {
              const auto w = &weight[run * 4];
              sum[j][i] = fmaf(d.w, w[3][i], fmaf(d.z, w[2][i], fmaf(d.y, w[1][i], fmaf(d.x, w[0][i], sum[j][i]))));
            }
          }
#pragma unroll
        for (int j = 0; j < together; j++, to += pitch)
#pragma unroll
          for (int i = 0; i < own; i++)
            if (column[i] >= 0 && r + j < end - top) to[column[i]] = sum[j][i];
      }
      __syncthreads();
    }
    barrier.arrive();
  }
  if (dh_first) {
    barrier.wait(steps);
    for (int row = first_row + cell_row; row < end; row += tile)
      if (unit < hidden) dh_first[(long long)row * hidden + unit] = layer.first(row, unit, total(0, row));
  }
  barrier.arrive();
}
