// A tile of a matrix product, computed by one block. It is the core of gemm.cu and of
// the recurrent steps.
//
// The block walks along k in slabs of BK. While it computes with one slab in shared
// memory, the next slab is on its way from global memory, through registers, to the
// other half of the buffer. So there is one barrier per slab.
//
// Each thread computes TM x TN elements. If the tile is too small to give work to
// enough threads, KG groups of threads share the k of each slab. Their sums are added
// in the order of the groups.
#pragma once
#include "common.cuh"

template <int BM_, int BN_, int BK_, int TM_, int TN_, int KG_>
struct Tile {
  static constexpr int BM = BM_, BN = BN_, BK = BK_, TM = TM_, TN = TN_, KG = KG_;
  static constexpr int group = (BM / TM) * (BN / TN);  // threads that cover the tile
  static constexpr int threads = group * KG;
  static constexpr int pad = 4;  // keeps the alignment of 16 bytes, and avoids bank conflicts in transposing stores
  static_assert(TM % 4 == 0 && TN % 4 == 0 && BK % 8 == 0 && BK % KG == 0, "fragments are read four at a time");
  static_assert(BN / TN % 8 == 0 && BM / TM % 4 == 0, "a warp covers 4 x 8 threads");
  static_assert(BM * BK % threads == 0 && BN * BK % threads == 0, "threads have equal shares of a slab");

  union alignas(sizeof(float4)) Shared {
    struct {
      float a[2][BK][BM + pad];
      float b[2][BK][BN + pad];
    } slab;
    float sum[KG > 1 ? KG : 1][KG > 1 ? BM : 1][BN + pad];  // the sums of the groups, after the last slab
  };
};

using Large = Tile<128, 128, 8, 8, 8, 1>;
using Medium = Tile<64, 64, 16, 4, 4, 1>;
using Small = Tile<32, 32, 32, 4, 4, 4>;

// Run is four neighbours in a row of a matrix. At the edge only the first few exist. If
// all four exist and are aligned, they move at once, otherwise one by one.
struct Run {
  float *at;
  int count;

  __device__ Run(float *at, int count) : at(at), count(count) {}
  __device__ bool whole() const { return count >= 4 && (unsigned long long)at % sizeof(float4) == 0; }

  __device__ float4 read() const {
    if (whole()) return *(const float4 *)at;
    return {count > 0 ? at[0] : 0.0f, count > 1 ? at[1] : 0.0f, count > 2 ? at[2] : 0.0f, count > 3 ? at[3] : 0.0f};
  }
  __device__ void write(float4 value) const {
    if (whole()) {
      *(float4 *)at = value;
      return;
    }
    if (count > 0) at[0] = value.x;
    if (count > 1) at[1] = value.y;
    if (count > 2) at[2] = value.z;
    if (count > 3) at[3] = value.w;
  }
};

// Slab moves BK x ROWS elements of an operand from global to shared memory, one slab
// after the other. With KRows, a row of the operand in memory holds one k. Without, it
// holds all k of one row of the tile.
//
// With KRows, a warp reads 32 neighbours of one k. Without, it reads eight neighbours
// along k in each of four rows, and each eight are a sector of memory. Either way its
// stores to shared memory fall into 32 banks.
template <class T, int ROWS, bool KRows>
struct Slab {
  static constexpr int count = ROWS * T::BK / T::threads;  // elements per thread
  static_assert(T::threads % ROWS == 0 && T::threads / 8 <= ROWS, "element i is at a constant distance from element 0");
  static __device__ constexpr int row_step(int i) { return KRows ? 0 : T::threads / 8 * i % ROWS; }
  static __device__ constexpr int k_step(int i) { return KRows ? T::threads / ROWS * i : T::threads / 8 * i / ROWS * 8; }

  const float *next;  // element 0 of the next slab
  long long pitch;    // between rows in memory
  int row, k;         // of element 0, within the slab
  unsigned rows;      // bit i: the row of element i exists
  float value[count];

  // row_of maps a row of the tile to a row of the operand, or to -1 if there is none.
  // Rows that are row_step apart in the tile must be row_step apart in the operand.
  template <class RowOf>
  __device__ Slab(const float *__restrict__ x, int pitch, int from, RowOf row_of) : pitch(pitch), rows(0) {
    row = KRows ? threadIdx.x % ROWS : threadIdx.x / 8;
    k = KRows ? threadIdx.x / ROWS : threadIdx.x % 8;
    next = x + (KRows ? (from + k) * (long long)pitch + row_of(row) : row_of(row) * (long long)pitch + from + k);
#pragma unroll
    for (int i = 0; i < count; i++) rows |= (row_of(row + row_step(i)) >= 0) << i;
  }

  // left is the number of k that are not loaded yet.
  __device__ void load(int left) {
#pragma unroll
    for (int i = 0; i < count; i++) {
      bool exists = (rows >> i & 1) && k + k_step(i) < left;
      value[i] = exists ? __ldg(&next[KRows ? k_step(i) * pitch : row_step(i) * pitch + k_step(i)]) : 0.0f;
    }
    next += KRows ? T::BK * pitch : T::BK;
  }

  __device__ void store(float (*shared)[ROWS + T::pad]) const {
#pragma unroll
    for (int i = 0; i < count; i++) shared[k + k_step(i)][row + row_step(i)] = value[i];
  }
};

// Place is the place of a thread in the tile. A warp covers 4 x 8 threads, so that its
// lanes read few different words of a and b. The elements of a thread come in runs of
// four, which are BM/TM*4 rows and BN/TN*4 columns apart.
template <class T>
struct Place {
  int group, y, x;

  __device__ Place() {
    int t = threadIdx.x % T::group, warp = t / kWarp, lane = t % kWarp;
    constexpr int across = T::BN / T::TN / 8;  // warps side by side
    group = threadIdx.x / T::group;
    y = warp / across * 4 + lane / 8;
    x = warp % across * 8 + lane % 8;
  }
  __device__ int row(int i) const { return i / 4 * (T::BM / T::TM * 4) + y * 4 + i % 4; }
  __device__ int column(int j) const { return j / 4 * (T::BN / T::TN * 4) + x * 4 + j % 4; }
};

// multiply_tile computes the tile whose rows row_a and row_b name, over k in
// [from, to). It hands each run of four columns to emit(row, column, float4), where
// row and column count within the tile.
template <class T, bool KRowsA, bool KRowsB, class RowA, class RowB, class Emit>
__device__ void multiply_tile(typename T::Shared &shared, const float *a, int pitch_a, const float *b, int pitch_b,
                              int from, int to, RowA row_a, RowB row_b, Emit emit) {
  const Place<T> place;
  float sum[T::TM][T::TN] = {};

  Slab<T, T::BM, KRowsA> slab_a(a, pitch_a, from, row_a);
  Slab<T, T::BN, KRowsB> slab_b(b, pitch_b, from, row_b);
  int left = to - from;
  slab_a.load(left);
  slab_b.load(left);
  slab_a.store(shared.slab.a[0]);
  slab_b.store(shared.slab.b[0]);
  __syncthreads();
  for (int half = 0; left > 0; half ^= 1) {
    left -= T::BK;
    if (left > 0) {
      slab_a.load(left);
      slab_b.load(left);
    }
    constexpr int depth = T::BK / T::KG;
#pragma unroll
    for (int p = 0; p < depth; p++) {
      const float *line_a = shared.slab.a[half][place.group * depth + p];
      const float *line_b = shared.slab.b[half][place.group * depth + p];
      float part_a[T::TM], part_b[T::TN];
#pragma unroll
      for (int i = 0; i < T::TM; i += 4) *(float4 *)&part_a[i] = *(const float4 *)&line_a[place.row(i)];
#pragma unroll
      for (int j = 0; j < T::TN; j += 4) *(float4 *)&part_b[j] = *(const float4 *)&line_b[place.column(j)];
#pragma unroll
      for (int i = 0; i < T::TM; i++)
#pragma unroll
        for (int j = 0; j < T::TN; j++) sum[i][j] = fmaf(part_a[i], part_b[j], sum[i][j]);
    }
    if (left > 0) {
      slab_a.store(shared.slab.a[half ^ 1]);
      slab_b.store(shared.slab.b[half ^ 1]);
    }
    __syncthreads();
  }

  if constexpr (T::KG == 1) {
#pragma unroll
    for (int i = 0; i < T::TM; i++)
#pragma unroll
      for (int j = 0; j < T::TN; j += 4) emit(place.row(i), place.column(j), *(const float4 *)&sum[i][j]);
  } else {
#pragma unroll
    for (int i = 0; i < T::TM; i++)
#pragma unroll
      for (int j = 0; j < T::TN; j += 4)
        *(float4 *)&shared.sum[place.group][place.row(i)][place.column(j)] = *(const float4 *)&sum[i][j];
    __syncthreads();
#pragma unroll
    for (int run = 0; run < T::BM * T::BN / 4 / T::threads; run++) {
      int e = (threadIdx.x + run * T::threads) * 4, row = e / T::BN, column = e % T::BN;
      float4 total = *(const float4 *)&shared.sum[0][row][column];
#pragma unroll
      for (int group = 1; group < T::KG; group++) {
        float4 part = *(const float4 *)&shared.sum[group][row][column];
        total = make_float4(total.x + part.x, total.y + part.y, total.z + part.z, total.w + part.w);
      }
      emit(row, column, total);
    }
  }
}
