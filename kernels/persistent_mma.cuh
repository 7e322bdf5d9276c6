// The products of persistent.cuh on tensor cores, for compute capability 8.0 and later.
//
// Weights are the left operand of mma, 16 columns of theirs at a time. They are rounded when
// a launch reads them, and stay in registers. h and the gradients of gates are the right
// operand, eight rows of the batch at a time. They are rounded on their way to shared memory.
// All else is float32.
//
// An mma adds up over its k in any order, if both operands have the same. So four lanes that
// share a row divide its k into runs of four numbers: they read whole sectors of weights, and
// 16 bytes of shared memory for two mma at a time.
#pragma once
#include "mma.cuh"
#include "persistent.cuh"

// Whole is TF32x3 for operands in registers: a number stays whole until it is multiplied.
// Then it becomes the sum of two. Of the four products, the smallest is left out.
struct Whole : Tf32 {
  static __device__ void put(char *row, int at, float4 x) { *(float4 *)(row + at) = x; }
  static __device__ void put(char *row, int at, float x) { *(float *)(row + at) = x; }

  static __device__ unsigned big(unsigned x) { return __float_as_uint(Tf32x3::head(__uint_as_float(x))); }
  static __device__ unsigned rest(unsigned x) { return __float_as_uint(__uint_as_float(x) - __uint_as_float(big(x))); }

  static __device__ void mma(float (&sum)[4], uint4 a, unsigned b0, unsigned b1) {
    // Here a changes for all that the compiler knows. Else it would keep both parts of all weights.
    asm volatile("" : "+r"(a.x), "+r"(a.y), "+r"(a.z), "+r"(a.w));
    const uint4 of_a = {big(a.x), big(a.y), big(a.z), big(a.w)};
    Tf32::mma(sum, {rest(a.x), rest(a.y), rest(a.z), rest(a.w)}, big(b0), big(b1));
    Tf32::mma(sum, of_a, rest(b0), rest(b1));
    Tf32::mma(sum, of_a, big(b0), big(b1));
  }
};

// What a format has of a row of K numbers in shared memory. 64 bytes more than a multiple of
// 128 keep what eight lanes read of two rows free of bank conflicts.
template <class Format, int K>
struct Rounded {
  static constexpr int numbers = Format::BK * 4 / kRowBytes;  // in 32 bits
  static constexpr int mmas = K / numbers / 8, bytes = K * 4 / numbers, pitch = bytes | 64;
  static_assert(bytes % 64 == 0, "two mma take 64 bytes of each row");

  // at returns where a run of four numbers is. Runs 0 and 4 belong to the same lane, if it
  // takes two of each row, and so on: they are neighbours.
  static __device__ unsigned at(unsigned run) {
    return numbers == 1 ? run * 16 : (run / 8 * 8 + run % 4 * 2 + run / 4 % 2) * 8;
  }

  // right returns a lane's words of right operands m and m + 1, from eight rows.
  static __device__ uint4 right(const void *rows, int m) {
    int lane = threadIdx.x % kWarp;
    return *(const uint4 *)((const char *)rows + lane / 4 * pitch + lane % 4 * 16 + m * 32);
  }

  // left puts a lane's words of left operands m and m + 1 into weight. value(row, run) is the
  // run of four numbers there.
  template <class Value>
  static __device__ void left(uint4 *weight, int m, Value value) {
    int lane = threadIdx.x % kWarp;
    uint4 word[2];
#pragma unroll
    for (int half = 0; half < 2; half++)
#pragma unroll
      for (int i = 0; i < numbers; i++)
        Format::put((char *)&word[half], i * 16 / numbers, value(lane / 4 + half * 8, m * 2 * numbers + i * 4 + lane % 4));
    weight[m] = {word[0].x, word[1].x, word[0].y, word[1].y};
    weight[m + 1] = {word[0].z, word[1].z, word[0].w, word[1].w};
  }
};

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
    for (int m = 0; m < Share::mmas; m += 2) {
      Share::left(weight, m, [=](int column, int run) {
        column += warp / PARTS * 16;
        int k = warp % PARTS * (K / PARTS) + run * 4;
        int unit = first + column / Cell::slots, gate = column % Cell::slots;
        return read_four(weights + (gate * hidden + unit) * hidden + k, gate < Cell::gates && unit < hidden ? hidden - k : 0);
      });
      __syncwarp();  // else all weights are on their way at once, which takes too many registers
    }
  }

  static __device__ void stage(float4 *shared, const Next &next) {
    next.store([=](int row, int run, float4 x) { Format::put((char *)shared + row * Row::pitch, Row::at(run), x); });
  }

  __device__ void multiply(const float4 *x, float *z, int) const {
    int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp, part = warp % PARTS;
    float sum[2][4] = {};  // two, because one would wait for itself
#pragma unroll
    for (int m = 0; m < Share::mmas; m += 2) {
      uint4 b = Row::right((const char *)x + part * Share::bytes, m);
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
  static_assert(tiles * 16 % UNITS == 0, "a warp has all units of an owner");
  uint4 weight[tiles][Row::mmas];

  __device__ void load(const float *weights, int hidden, int first) {
    int warp = threadIdx.x / kWarp;
#pragma unroll
    for (int m = 0; m < Row::mmas; m += 2)
#pragma unroll
      for (int i = 0; i < tiles; i++)
        Row::left(weight[i], m, [=](int k, int run) {
          k += (warp * tiles + i) * 16;
          float x[4];
#pragma unroll
          for (int j = 0; j < 4; j++) {
            int unit = first + (run * 4 + j) / Cell::slots, gate = j % Cell::slots;
            x[j] = gate < Cell::gates && unit < hidden && k < hidden ? weights[(gate * hidden + unit) * hidden + k] : 0.0f;
          }
          return make_float4(x[0], x[1], x[2], x[3]);
        });
  }

  static __device__ void stage(float4 *shared, int row, int unit, const float (&dz)[Cell::gates]) {
    char *to = (char *)shared + row * Row::pitch;
    if constexpr (Cell::slots == 4)
      Format::put(to, Row::at(unit), make_float4(dz[0], dz[1], dz[2], Cell::gates == 4 ? dz[Cell::gates - 1] : 0.0f));
    else
      Format::put(to, Row::at(unit / 4) + unit % 4 * 4 / Row::numbers, dz[0]);
  }

  template <class Again>
  __device__ void multiply(const float4 *dz, int rows, const Parts<units> &parts, float *to, Again again) const {
    const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
    const int first_row = lane % 4 * 2, first = warp * tiles * 16 + lane / 4, left = parts.hidden - first;
    const auto row = [](int j) { return j % 2; };
    const auto k = [](int i, int j) { return i * 16 + j / 2 * 8; };
    bool finite = true;
    to += first_row * parts.pitch + parts.at(first);
#pragma unroll 1
    for (int r = 0; r < rows; r += 8, to += 8 * parts.pitch) {
      float sum[tiles][4] = {};
#pragma unroll
      for (int m = 0; m < Row::mmas; m += 2) {
        uint4 b = Row::right((const char *)dz + r * Row::pitch, m);
#pragma unroll
        for (int i = 0; i < tiles; i++) {
          Format::mma(sum[i], weight[i][m], b.x, b.y);
          Format::mma(sum[i], weight[i][m + 1], b.z, b.w);
        }
      }
#pragma unroll
      for (int i = 0; i < tiles; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
          if (r + first_row + row(j) < rows && k(i, j) < left) to[row(j) * parts.pitch + parts.at(k(i, j))] = sum[i][j];
          finite = finite && fabsf(sum[i][j]) < INFINITY;
        }
    }
    if (finite) return;
#pragma unroll 1
    for (int r = 0; r < rows; r += 8)
#pragma unroll 1
      for (int e = 0; e < tiles * 4; e++) again(r + first_row + row(e), first + k(e / 4, e % 4));
  }
};
