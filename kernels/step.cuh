// A time step of a recurrent layer: the product of h and the recurrent weights, in tiles,
// and a cell for each element of a tile.
//
// Each block reads the weights of its units and its rows of h once. So a tile with as many
// rows as the batch reads no weight twice, and a tile with many units reads h few times.
// Small tiles spread a small layer over the device. Two blocks may share a tile: each has
// half of k, and the one that is done last makes the cells.
//
// Every tile gives the same bits. A sum over k consists of four sums. Sum g has the k for
// which k / 8 % 4 is g. Each is added up in the order of k, and then they are, in their order.
#pragma once
#include "common.cuh"

constexpr int kStepSums = 4, kNeighbours = 8, kSlab = kStepSums * kNeighbours;

// StepTile is a tile of ROWS rows by UNITS hidden units, which have GATES columns each. A
// thread has TM rows and TU units. Each group of threads covers the tile, with one of the
// four sums of each element. If a block has two groups, two blocks share a tile.
template <int GATES_, int ROWS_, int UNITS_, int TM_, int TU_, int GROUPS_>
struct StepTile {
  static constexpr int GATES = GATES_, ROWS = ROWS_, UNITS = UNITS_, TM = TM_, TU = TU_, GROUPS = GROUPS_;
  static constexpr int TN = TU * GATES, across = UNITS / TU, group = ROWS / TM * across, threads = group * GROUPS;
  static constexpr int blocks = kStepSums / GROUPS;        // that share a tile
  static constexpr int depth = GROUPS * kNeighbours;   // k of a slab that a block has
  static constexpr int lines = ROWS + UNITS * GATES;   // of a slab: rows of h, and of the weights
  static constexpr int pitch = lines + 4;
  static constexpr int columns = GATES == 1 ? 4 : GATES;  // of whole units, whose sums are exchanged at a time
  static constexpr int V = TN % 4 == 0 ? 4 : TN % 2 == 0 ? 2 : 1;  // columns that a thread reads at a time
  static_assert(TM % 4 == 0 && TM % GROUPS == 0 && group % kWarp == 0, "groups have equal shares of the cells");
  static_assert(across % 8 == 0 && ROWS / TM % 4 == 0, "a warp covers 4 x 8 threads");
  static_assert(pitch % 8 == 4, "eight k of four lines are stored to 32 banks");

  struct alignas(V * sizeof(float)) Pack {
    float value[V];
  };
  union alignas(sizeof(float4)) Shared {
    float slab[2][depth][pitch];
    float sum[blocks > 1 ? 1 : GROUPS][TM][columns][group];  // after the last slab
    unsigned before;  // arrivals at a tile that blocks share, after the last slab
  };
};

// step calls cell(row, unit, sum) for each row of the batch and each unit. sum has, for
// each gate, sum_k h[row,k] * weights[gate*hidden + unit, k].
//
// Only blocks that share a tile use part, [tiles, 4, tile], and count, [tiles].
template <class T, class Cell>
__device__ void step(float *part, unsigned *count, const float *__restrict__ h, const float *__restrict__ weights,
                     int batch, int hidden, Cell cell) {
  __shared__ typename T::Shared shared;
  using Pack = typename T::Pack;
  constexpr int V = T::V;

  // Tiles with the same weights are neighbours, so that these come from memory once.
  int down = (batch + T::ROWS - 1) / T::ROWS;
  int tile = blockIdx.x / T::blocks, share = blockIdx.x % T::blocks;
  int first_row = tile % down * T::ROWS, first_unit = tile / down * T::UNITS;

  // Of the units of a tile, a thread has x, x + across, and so on. Its columns are the
  // gates of the first one, then those of the next. They come in packs of V.
  int group = threadIdx.x / T::group, t = threadIdx.x % T::group, warp = t / kWarp, lane = t % kWarp;
  int y = warp / (T::across / 8) * 4 + lane / 8, x = warp % (T::across / 8) * 8 + lane % 8;

  // A warp loads eight neighbours along k of four lines at a time, and each eight are a
  // sector of memory. A line that does not exist is a copy of the last one: it meets no
  // element that exists.
  constexpr int apart = T::threads / 8, loads = (T::lines + apart - 1) / apart;
  const float *line[loads];
  float value[loads][T::GROUPS];
  int first_line = threadIdx.x / 8, k = share * T::depth + threadIdx.x % 8;
#pragma unroll
  for (int i = 0; i < loads; i++) {
    int column = first_line + i * apart - T::ROWS, j = column / (T::across * V) * V + column % V;
    int unit = first_unit + j / T::GATES * T::across + column % (T::across * V) / V;
    const float *from = column < 0 ? h + min(first_row + column + T::ROWS, batch - 1) * (long long)hidden
                                   : weights + (j % T::GATES * (long long)hidden + min(unit, hidden - 1)) * hidden;
    line[i] = from + k;
  }
  const auto exists = [=](int i) { return (i + 1) * apart <= T::lines || first_line + i * apart < T::lines; };
  const auto load = [&] {
#pragma unroll
    for (int i = 0; i < loads; i++) {
#pragma unroll
      for (int j = 0; j < T::GROUPS; j++)
        value[i][j] = exists(i) && k + j * 8 < hidden ? __ldg(line[i] + j * 8) : 0.0f;
      line[i] += kSlab;
    }
    k += kSlab;
  };
  const auto store = [&](int half) {
#pragma unroll
    for (int i = 0; i < loads; i++)
#pragma unroll
      for (int j = 0; j < T::GROUPS; j++)
        if (exists(i)) shared.slab[half][threadIdx.x % 8 + j * 8][first_line + i * apart] = value[i][j];
  };

  float sum[T::TM][T::TN] = {};
  load();
  store(0);
  __syncthreads();
  for (int left = hidden, half = 0; left > 0; left -= kSlab, half ^= 1) {
    if (left > kSlab) load();
#pragma unroll
    for (int p = 0; p < kNeighbours; p++) {
      const float *at = shared.slab[half][group * kNeighbours + p];
      float a[T::TM], b[T::TN];
#pragma unroll
      for (int i = 0; i < T::TM; i += 4) *(float4 *)&a[i] = *(const float4 *)&at[i * (T::ROWS / T::TM) + y * 4];
#pragma unroll
      for (int j = 0; j < T::TN; j += V) *(Pack *)&b[j] = *(const Pack *)&at[T::ROWS + j * T::across + x * V];
#pragma unroll
      for (int i = 0; i < T::TM; i++)
#pragma unroll
        for (int j = 0; j < T::TN; j++) sum[i][j] = fmaf(a[i], b[j], sum[i][j]);
    }
    if (left > kSlab) store(half ^ 1);
    __syncthreads();
  }

  // Each group of the block that makes the cells has as many of a thread's rows.
  constexpr int rows = T::TM / T::GROUPS;
  const auto make_cells = [&](int first, const auto &part_of) {
#pragma unroll
    for (int s = 0; s < rows; s++) {
      int i = group * rows + s, row = first_row + i / 4 * (T::ROWS / T::TM * 4) + y * 4 + i % 4;
      float total[T::columns];
#pragma unroll
      for (int j = 0; j < T::columns; j++) {
        total[j] = part_of(0, i, j);
#pragma unroll
        for (int g = 1; g < kStepSums; g++) total[j] += part_of(g, i, j);
      }
#pragma unroll
      for (int u = 0; u < T::columns / T::GATES; u++) {
        int unit = first_unit + (first / T::GATES + u) * T::across + x;
        if (row < batch && unit < hidden) cell(row, unit, total + u * T::GATES);
      }
    }
  };
  if constexpr (T::blocks == 1) {
#pragma unroll
    for (int first = 0; first < T::TN; first += T::columns) {
      if (first > 0) __syncthreads();
#pragma unroll
      for (int i = 0; i < T::TM; i++)
#pragma unroll
        for (int j = 0; j < T::columns; j++) shared.sum[group][i][j][t] = sum[i][first + j];
      __syncthreads();
      make_cells(first, [&](int g, int i, int j) { return shared.sum[g][i][j][t]; });
    }
  } else {
    float *of_tile = part + tile * (long long)(kStepSums * T::TM * T::TN * T::group) + t;
    const auto at = [=](int g, int i, int j) { return of_tile + ((g * T::TM + i) * T::TN + j) * T::group; };
#pragma unroll
    for (int i = 0; i < T::TM; i++)
#pragma unroll
      for (int j = 0; j < T::TN; j++) *at(share * T::GROUPS + group, i, j) = sum[i][j];
    if (!arrives_last(count + tile, T::blocks, shared.before)) return;
#pragma unroll
    for (int first = 0; first < T::TN; first += T::columns)
      make_cells(first, [=](int g, int i, int j) { return *at(g, i, first + j); });
  }
}

// sum_slices returns element k of a product whose k was cut into slices, part [slices, n],
// in order of the slices. Without any it is -0, which changes no number that it is added to.
__device__ inline float sum_slices(const float *part, int slices, long long n, long long k) {
  float sum = -0.0f;
#pragma unroll 4
  for (int z = 0; z < slices; z++) sum += part[z * n + k];
  return sum;
}
