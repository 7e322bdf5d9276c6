// The products of persistent.cuh on tensor cores, for compute capability 8.0 and later.
//
// Weights are the left operand of mma, 16 columns of theirs at a time. They are rounded when
// a launch reads them, and stay in registers. h and the gradients of gates are the right
// operand, eight rows of the batch at a time. They are rounded on their way to shared memory,
// where ldmatrix finds them: of a row, it hands each lane 32 bits, which are one number or
// two. All else is float32.
#pragma once
#include "mma.cuh"
#include "persistent.cuh"

// What a format has of a row of K numbers in shared memory. 16 bytes more than a multiple of
// 32 keep the eight rows that ldmatrix reads free of bank conflicts.
template <class Format, int K>
struct Rounded {
  static constexpr int numbers = Format::BK * 4 / kRowBytes;  // in 32 bits
  static constexpr int mmas = K / numbers / 8, bytes = K * 4 / numbers, pitch = bytes + 16;
  static_assert(bytes % 64 == 0, "ldmatrix takes 64 bytes of each row");
};

// left_operand returns a lane's words of a left operand. value(row, k) is the number there.
template <class Format, class Value>
__device__ uint4 left_operand(Value value) {
  constexpr int numbers = Format::BK * 4 / kRowBytes;
  unsigned word[4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    int lane = threadIdx.x % kWarp;
    float x[numbers];
#pragma unroll
    for (int j = 0; j < numbers; j++) x[j] = value(lane / 4 + i % 2 * 8, (lane % 4 + i / 2 * 4) * numbers + j);
    word[i] = Format::pack(x);
  }
  return {word[0], word[1], word[2], word[3]};
}

// right_operands returns a lane's words of the next two right operands, eight rows each.
template <class Format, int K>
__device__ uint4 right_operands(const void *rows) {
  int lane = threadIdx.x % kWarp;
  return load_matrices((unsigned)__cvta_generic_to_shared((const char *)rows + lane % 8 * Rounded<Format, K>::pitch + lane / 8 * 16));
}

// MmaColumns is Columns, but a warp has 16 columns, and one of PARTS parts of k.
template <class Format, class Cell, int K, int PARTS>
struct MmaColumns {
  using Row = Rounded<Format, K>;
  using Share = Rounded<Format, K / PARTS>;  // of a row, of a warp
  static constexpr int columns = kWarps / PARTS * 16, units = columns / Cell::slots;
  static constexpr int chunk = 8, parts = PARTS, tile = units <= 16 ? 16 : chunk;
  static constexpr bool rounds = true;
  static constexpr int pitch = columns + 4;  // of rows of sums; the padding avoids bank conflicts
  static constexpr int staged = chunk * Row::pitch / sizeof(float4);
  using Next = Rows<K, chunk>;
  uint4 weight[Share::mmas];

  __device__ void load(const float *weights, int hidden, int first) {
    int warp = threadIdx.x / kWarp;
#pragma unroll
    for (int m = 0; m < Share::mmas; m++) {
      weight[m] = left_operand<Format>([=](int column, int k) {
        column += warp / PARTS * 16;
        k += warp % PARTS * (K / PARTS) + m * 8 * Row::numbers;
        int unit = first + column / Cell::slots, gate = column % Cell::slots;
        return gate < Cell::gates && unit < hidden && k < hidden ? weights[(gate * hidden + unit) * hidden + k] : 0.0f;
      });
      __syncwarp();  // else all weights are on their way at once, which takes too many registers
    }
  }

  static __device__ void stage(float4 *shared, const Next &next) {
    next.store([=](int row, int run, float4 x) { Format::put((char *)shared + row * Row::pitch + run * 16 / Row::numbers, 0, x); });
  }

  __device__ void multiply(const float4 *x, float *z, int) const {
    int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp, part = warp % PARTS;
    float sum[2][4] = {};  // two, because one would wait for itself
#pragma unroll
    for (int m = 0; m < Share::mmas; m += 2) {
      uint4 b = right_operands<Format, K>((const char *)x + part * Share::bytes + m * 32);
      Format::mma(sum[0], weight[m], b.x, b.y);
      Format::mma(sum[1], weight[m + 1], b.z, b.w);
    }
    z += (part * tile + lane % 4 * 2) * pitch + warp / PARTS * 16 + lane / 4;
#pragma unroll
    for (int i = 0; i < 4; i++) z[i % 2 * pitch + i / 2 * 8] = sum[0][i] + sum[1][i];
  }
};

// MmaSpread is Spread, but a warp has whole tiles of 16 units of dh.
template <class Format, class Cell, int K, int UNITS>
struct MmaSpread {
  using Row = Rounded<Format, UNITS * Cell::slots>;
  static constexpr int units = UNITS, tile = kBlock / UNITS, tiles = K / 16 / kWarps;
  static constexpr int staged = tile * Row::pitch / sizeof(float4);
  static_assert(tile % 8 == 0, "mma takes eight rows");
  uint4 weight[tiles][Row::mmas];

  __device__ void load(const float *weights, int hidden, int first) {
    int warp = threadIdx.x / kWarp;
#pragma unroll
    for (int m = 0; m < Row::mmas; m++)
#pragma unroll
      for (int i = 0; i < tiles; i++)
        weight[i][m] = left_operand<Format>([=](int k, int column) {
          k += (warp * tiles + i) * 16;
          column += m * 8 * Row::numbers;
          int unit = first + column / Cell::slots, gate = column % Cell::slots;
          return gate < Cell::gates && unit < hidden && k < hidden ? weights[(gate * hidden + unit) * hidden + k] : 0.0f;
        });
  }

  static __device__ void stage(float4 *shared, int row, int unit, const float (&dz)[Cell::gates]) {
    char *to = (char *)shared + row * Row::pitch + unit * Cell::slots * 4 / Row::numbers;
    if constexpr (Cell::slots == 4)
      Format::put(to, 0, make_float4(dz[0], dz[1], dz[2], Cell::gates == 4 ? dz[Cell::gates - 1] : 0.0f));
    else
      Format::put(to, dz[0]);
  }

  template <class Emit, class Again>
  __device__ void multiply(const float4 *dz, int rows, Emit emit, Again again) const {
    int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
#pragma unroll 1
    for (int r = 0; r < rows; r += 8) {
      float sum[tiles][4] = {};
#pragma unroll
      for (int m = 0; m < Row::mmas; m += 2) {
        uint4 b = right_operands<Format, UNITS * Cell::slots>((const char *)dz + r * Row::pitch + m * 32);
#pragma unroll
        for (int i = 0; i < tiles; i++) {
          Format::mma(sum[i], weight[i][m], b.x, b.y);
          Format::mma(sum[i], weight[i][m + 1], b.z, b.w);
        }
      }
      const auto row = [=](int j) { return r + lane % 4 * 2 + j % 2; };
      const auto k = [=](int i, int j) { return (warp * tiles + i) * 16 + lane / 4 + j / 2 * 8; };
      bool finite = true;
#pragma unroll
      for (int i = 0; i < tiles; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
          emit(row(j), k(i, j), sum[i][j]);
          finite = finite && fabsf(sum[i][j]) < INFINITY;
        }
      if (finite) continue;
#pragma unroll 1
      for (int e = 0; e < tiles * 4; e++) again(row(e % 4), k(e / 4, e % 4));
    }
  }
};
