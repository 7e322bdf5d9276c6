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
  // From the first element of a thread to its element i, j: runs of four are spread over the tile.
  static __device__ constexpr int row_step(int i) { return i / 4 * (BM / TM * 4) + i % 4; }
  static __device__ constexpr int column_step(int j) { return j / 4 * (BN / TN * 4) + j % 4; }
  static_assert(TM % 4 == 0 && TN % 4 == 0 && BK % 8 == 0 && BK % KG == 0, "fragments are read four at a time");
  static_assert(BN / TN % 8 == 0 && BM / TM % 4 == 0, "a warp covers 4 x 8 threads");
  static_assert(BM * BK % threads == 0 && BN * BK % threads == 0, "threads have equal shares of a slab");

  struct Slabs {
    float a[BK][BM + pad], b[BK][BN + pad];
  };
  union alignas(sizeof(float4)) Shared {
    Slabs slab[2];
    float sum[KG > 1 ? KG : 1][KG > 1 ? BM : 1][BN + pad];  // the sums of the groups, after the last slab
  };
};

using Large = Tile<128, 128, 8, 8, 8, 1>;
using Tall = Tile<128, 64, 8, 8, 8, 1>;
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

// write_run writes alpha * sum + beta * dst to a run of four columns, as far as they exist.
__device__ inline void write_run(float *dst, int m, int n, int row, int column, float4 sum, float alpha, float beta) {
  if (row >= m) return;
  const Run run(dst + (long long)row * n + column, n - column);
  float4 old = beta == 0 ? float4{} : run.read();
  run.write({fmaf(alpha, sum.x, beta * old.x), fmaf(alpha, sum.y, beta * old.y), fmaf(alpha, sum.z, beta * old.z),
             fmaf(alpha, sum.w, beta * old.w)});
}

// Slab moves BK x ROWS elements of an operand from global to shared memory, one slab
// after the other, W neighbours at a time. With KRows, a row of the operand in memory
// holds one k. Without, it holds all k of one row of the tile.
//
// With KRows, a warp reads neighbours of one k. Without, it reads eight neighbours along k
// in each of several rows, and each eight are a sector of memory. Either way its stores to
// shared memory have no bank conflict.
template <class T, int ROWS, bool KRows, int W>
struct Slab {
  static constexpr int count = ROWS * T::BK / W / T::threads;  // pieces of W per thread
  static constexpr int span = T::threads * W;                  // elements from a piece to the thread's next one
  static_assert(KRows ? span % ROWS == 0 : span / 8 <= ROWS || count == 1 || W == 1, "piece i is at a constant distance from piece 0");
  static __device__ constexpr int row_step(int i) { return KRows ? 0 : span / 8 * i % ROWS; }
  static __device__ constexpr int k_step(int i) { return KRows ? span / ROWS * i : span / 8 * i / ROWS * 8; }

  const float *next;      // piece 0 of the next slab
  long long away[count];  // from piece 0 to piece i in memory, with W = 4
  long long pitch;        // between rows in memory
  int row, k;             // of piece 0, within the slab
  unsigned rows;          // bit i: the rows of piece i exist
  float value[count][W];

  // A run of four is loaded at once if all of them are aligned.
  static __device__ bool aligned(const float *x, int pitch) { return pitch % W == 0 && (unsigned long long)x % (W * sizeof(float)) == 0; }

  // row_of maps a row of the tile to a row of the operand, or to -1 if there is none.
  // Rows that are row_step apart in the tile must be row_step apart in the operand.
  //
  // With W = 4, what would be loaded from a row that does not exist comes from the first
  // one. It meets no element that exists, and the loop need not ask.
  template <class RowOf>
  __device__ Slab(const float *__restrict__ x, int pitch, int from, RowOf row_of) : pitch(pitch), rows(0) {
    int e = threadIdx.x * W;
    row = KRows ? e % ROWS : e / 8 % ROWS;
    k = KRows ? e / ROWS : e / 8 / ROWS * 8 + e % 8;
    int first = row_of(row);
    if (W == 4 && first < 0) first = row_of(0);
    next = x + (KRows ? (from + k) * (long long)pitch + first : first * (long long)pitch + from + k);
#pragma unroll
    for (int i = 0; i < count; i++) {
      bool exists = row_of(row + row_step(i)) >= 0;
      rows |= exists << i;
      away[i] = exists || KRows ? distance(i) : k_step(i);
    }
  }

  __device__ long long distance(int i) const { return KRows ? k_step(i) * pitch : row_step(i) * pitch + k_step(i); }

  // left is the number of k that are not loaded yet. With W = 4 it is whole slabs.
  __device__ void load(int left) {
#pragma unroll
    for (int i = 0; i < count; i++) {
      if constexpr (W == 4)
        *(float4 *)value[i] = __ldg((const float4 *)(next + away[i]));
      else
        value[i][0] = (rows >> i & 1) && k + k_step(i) < left ? __ldg(next + distance(i)) : 0.0f;
    }
    next += KRows ? T::BK * pitch : T::BK;
  }

  // to is the place of piece 0 in the slab.
  __device__ void store(float *to) const {
#pragma unroll
    for (int i = 0; i < count; i++) {
      float *at = to + k_step(i) * (ROWS + T::pad) + row_step(i);
      if constexpr (KRows && W == 4) {
        *(float4 *)at = *(const float4 *)value[i];
      } else {
#pragma unroll
        for (int j = 0; j < W; j++) at[j * (ROWS + T::pad)] = value[i][j];
      }
    }
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
  __device__ int row(int i) const { return y * 4 + T::row_step(i); }
  __device__ int column(int j) const { return x * 4 + T::column_step(j); }
};

// multiply_slabs adds the products over k in [from, to) to sum, loading W numbers at a
// time. With W = 4 these are whole slabs, so only rows are guarded, by what is known before
// the loop.
template <class T, bool KRowsA, bool KRowsB, int W, class RowA, class RowB>
__device__ void multiply_slabs(float (&sum)[T::TM][T::TN], typename T::Shared &shared, const float *a, int pitch_a,
                               const float *b, int pitch_b, int from, int to, RowA row_a, RowB row_b) {
  constexpr int depth = T::BK / T::KG, stride = sizeof(typename T::Slabs) / sizeof(float);
  const Place<T> place;
  Slab<T, T::BM, KRowsA, W> slab_a(a, pitch_a, from, row_a);
  Slab<T, T::BN, KRowsB, W> slab_b(b, pitch_b, from, row_b);
  float *to_a = &shared.slab[0].a[slab_a.k][slab_a.row], *to_b = &shared.slab[0].b[slab_b.k][slab_b.row];
  const float *of_a = &shared.slab[0].a[place.group * depth][place.row(0)];
  const float *of_b = &shared.slab[0].b[place.group * depth][place.column(0)];
  int left = to - from;
  slab_a.load(left);
  slab_b.load(left);
  slab_a.store(to_a);
  slab_b.store(to_b);
  __syncthreads();
  for (int turn = stride;; turn = -turn) {
    bool more = (left -= T::BK) > 0;
    if (more) {
      slab_a.load(left);
      slab_b.load(left);
    }
#pragma unroll
    for (int p = 0; p < depth; p++) {
      float part_a[T::TM], part_b[T::TN];
#pragma unroll
      for (int i = 0; i < T::TM; i += 4) *(float4 *)&part_a[i] = *(const float4 *)&of_a[p * (T::BM + T::pad) + T::row_step(i)];
#pragma unroll
      for (int j = 0; j < T::TN; j += 4) *(float4 *)&part_b[j] = *(const float4 *)&of_b[p * (T::BN + T::pad) + T::column_step(j)];
#pragma unroll
      for (int i = 0; i < T::TM; i++)
#pragma unroll
        for (int j = 0; j < T::TN; j++) sum[i][j] = fmaf(part_a[i], part_b[j], sum[i][j]);
    }
    if (!more) break;
    of_a += turn, of_b += turn;
    to_a += turn, to_b += turn;
    slab_a.store(to_a);
    slab_b.store(to_b);
    __syncthreads();
  }
  __syncthreads();
}

// multiply_tile computes the tile whose rows row_a and row_b name, over k in
// [from, to). It hands each run of four columns to emit(row, column, float4), where
// row and column count within the tile.
//
// Where both operands are aligned, whole slabs are loaded 16 bytes at a time. What is left
// of k, or all of it, is loaded number by number. The order of a sum is the same.
template <class T, bool KRowsA, bool KRowsB, class RowA, class RowB, class Emit>
__device__ void multiply_tile(typename T::Shared &shared, const float *a, int pitch_a, const float *b, int pitch_b,
                              int from, int to, RowA row_a, RowB row_b, Emit emit) {
  float sum[T::TM][T::TN] = {};
  if (Slab<T, T::BM, KRowsA, 4>::aligned(a, pitch_a) && Slab<T, T::BN, KRowsB, 4>::aligned(b, pitch_b)) {
    int whole = (to - from) / T::BK * T::BK;
    if (whole) multiply_slabs<T, KRowsA, KRowsB, 4>(sum, shared, a, pitch_a, b, pitch_b, from, from + whole, row_a, row_b);
    from += whole;
  }
  if (from < to) multiply_slabs<T, KRowsA, KRowsB, 1>(sum, shared, a, pitch_a, b, pitch_b, from, to, row_a, row_b);

  const Place<T> place;
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
