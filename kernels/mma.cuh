// A tile of a matrix product on tensor cores, computed by one block. It is the core of
// gemm_tf32.cu, gemm_tf32x3.cu and gemm_bf16.cu, for compute capability 8.0 and later.
//
// The block walks along k in slabs of BK. A slab goes two ways before it is multiplied:
// cp.async brings the numbers as they are from global to shared memory, to one of
// `stages` places. From there threads take them through registers, where they are
// rounded to the format of the tensor cores and turned so that k comes last, to one of
// two other places. So global memory has the time of a slab to answer, the loop over
// mma is the same for all transpositions, and there is one barrier per slab.
//
// A row of a rounded slab has 64 bytes: 16 numbers of 32 bits, or 32 of 16 bits. Both
// are four pieces of 16 bytes, of which ldmatrix hands a lane the 4 bytes that mma wants
// there: one number of 32 bits or two of 16.
#pragma once
#include "gemm.cuh"

// Formats: how numbers are rounded, and the instruction that multiplies them. put
// rounds four neighbours along k, or a single number, and stores them at `at`. With two
// parts, the second goes `plane` bytes further. pack rounds as many numbers as 32 bits
// hold.

// TF32 has the exponent of float32 and 11 significant bits. The tensor core ignores the
// low 13 bits, so half of the last bit that counts is added. Infinities and NaN stay:
// the bits of a NaN could overflow to zero.
struct Tf32 {
  static constexpr int BK = 16, parts = 1;

  static __device__ unsigned round(float x) {
    unsigned bits = __float_as_uint(x);
    asm("{\n\t.reg .pred finite;\n\tsetp.lt.f32 finite, %1, 0f7F800000;\n\t@finite add.u32 %0, %0, 4096;\n\t}" : "+r"(bits) : "f"(fabsf(x)));
    return bits;
  }

  static __device__ void put(char *at, int plane, float4 x) {
    *(uint4 *)at = make_uint4(round(x.x), round(x.y), round(x.z), round(x.w));
  }
  static __device__ void put(char *at, float x) { *(unsigned *)at = round(x); }
  static __device__ unsigned pack(const float (&x)[1]) { return round(x[0]); }

  static __device__ void mma(float (&sum)[4], const uint4 &a, unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
  }
};

// TF32x3 takes a number as the sum of two of TF32. What the first leaves has 13 bits at
// most, of which the tensor core takes 11. Three products of the four are summed.
struct Tf32x3 : Tf32 {
  static constexpr int parts = 2;

  static __device__ void put(char *at, int plane, float4 x) {
    float4 big = {head(x.x), head(x.y), head(x.z), head(x.w)};
    *(float4 *)at = big;
    *(float4 *)(at + plane) = make_float4(x.x - big.x, x.y - big.y, x.z - big.z, x.w - big.w);
  }
  static __device__ float head(float x) { return __uint_as_float((__float_as_uint(x) + (1u << 12)) & ~0x1fffu); }
};

// BFloat16 is the upper half of a float32, rounded to nearest even.
struct Bf16 {
  static constexpr int BK = 32, parts = 1;

  static __device__ unsigned pair(float low, float high) {
    unsigned both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
  }

  static __device__ void put(char *at, int plane, float4 x) { *(uint2 *)at = make_uint2(pair(x.x, x.y), pair(x.z, x.w)); }
  static __device__ void put(char *at, float x) { *(unsigned short *)at = pair(x, 0); }
  static __device__ unsigned pack(const float (&x)[2]) { return pair(x[0], x[1]); }

  static __device__ void mma(float (&sum)[4], const uint4 &a, unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
  }
};

// A tile of BM x BN, computed by warps that each have WM x WN of it.
template <class Format_, int BM_, int BN_, int WM_, int WN_>
struct MmaTile {
  using Format = Format_;
  static constexpr int BM = BM_, BN = BN_, WM = WM_, WN = WN_, BK = Format::BK;
  static constexpr int threads = BM / WM * (BN / WN) * kWarp;
  static constexpr int runs = BK / 4;  // of four k, in a row of a slab
  static constexpr int stages = 2;     // of numbers that are not rounded yet
  static_assert(WM % 16 == 0 && WN % 8 == 0, "an mma covers 16 x 8");
};

// Panel moves BK x ROWS numbers of an operand, one slab after the other. With KRows, a
// row of the operand in memory holds one k. Without, it holds all k of one row of the
// tile. A line is what a slab has of such a row in memory.
template <class T, int ROWS, bool KRows>
struct Panel {
  static constexpr int length = KRows ? ROWS : T::BK, lines = KRows ? T::BK : ROWS;
  // Bytes from line to line in shared memory. With KRows, threads read four rows of four
  // k. The lines of these k are `runs` apart, and padded, so that eight lanes, which are
  // at neighbours of both, read from all 32 banks.
  static constexpr int pitch = length * 4 + (KRows ? 128 / T::runs : 0);
  static constexpr int raw_bytes = ROWS * T::BK * 4 + 512;  // of a slab, padded or not
  static constexpr int plane = ROWS * 64;  // bytes of a rounded slab
  static constexpr int bytes = plane * T::Format::parts;
  static constexpr int chunks = ROWS * T::BK / 4 / T::threads;  // of four numbers, per thread
  static_assert(T::threads * 4 % length == 0 && T::threads % length == 0, "the chunks of a thread are equally far apart");
  static_assert(!KRows || T::threads * 4 / length % 4 == 0, "their lines are equally far apart in shared memory");
  static_assert(T::threads / T::runs % 8 == 0, "rounded rows of a thread differ by a multiple of eight");

  const float *next;  // element 0 of the next slab
  long long step;     // in memory, from line to line
  int count;          // rows that the operand has from the first row of the tile on
  int line, at;       // of element 0, within the slab

  // The operand begins at x, and has `step` elements in a row in memory. Of the rows of the
  // tile's kind it has `rows`, and the tile begins at `first`. from is the first k.
  // A thread copies `size` elements at a time.
  __device__ Panel(const float *__restrict__ x, int step, int rows, int first, int from, int size)
      : step(step), count(rows - first), line(threadIdx.x * size / length), at(threadIdx.x * size % length) {
    next = x + (KRows ? (from + line) * (long long)step + first + at : (first + line) * (long long)step + from + at);
  }

  // aligned says whether four elements can be copied at a time. Then they exist all or not
  // at all.
  static __device__ bool aligned(const float *x, int step) { return (unsigned long long)x % 16 == 0 && step % 4 == 0; }

  // place returns where a line begins in a slab that is not rounded yet.
  static __device__ int place(int line) { return (KRows ? line % 4 * T::runs + line / 4 : line) * pitch; }

  // load starts to copy the next slab to raw. left is the number of k that are not
  // loaded yet. What does not exist becomes zero.
  template <int size>
  __device__ void load(char *raw, int left) {
    constexpr int apart = T::threads * size / length;  // lines, from element to element of a thread
    int exist = KRows ? (at < count ? left - line : 0) : (at < left ? count - line : 0);  // lines, from `line` on
    unsigned to = (unsigned)__cvta_generic_to_shared(raw) + at * 4;
    if constexpr (size == 4) {
      to += place(line);
#pragma unroll
      for (int i = 0; i < chunks; i++)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to + i * (KRows ? apart / 4 : apart) * pitch),
                     "l"(next + i * apart * step), "r"(i * apart < exist ? 16 : 0));
    } else {
#pragma unroll 1
      for (int i = 0; i < chunks * 4; i++)
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to + place(line + i * apart)),
                     "l"(next + i * apart * step), "r"(i * apart < exist ? 4 : 0));
    }
    next += KRows ? T::BK * step : T::BK;
  }

  // piece returns where a piece of 16 bytes is in a rounded slab. Eight rows of a piece,
  // as ldmatrix reads them, are in all 32 banks. So are two neighbours of rows that are
  // four apart, with their four pieces, as threads store them that turn four rows.
  static __device__ int piece(int row, int i) { return (row ^ row / 4 % 2) * 64 + (i ^ row / 2 % 4) * 16; }

  // convert rounds a slab, and turns it.
  static __device__ void convert(char *rounded, const char *raw) {
    constexpr int size = 64 / T::runs;  // bytes of a rounded run of four k
    int k = threadIdx.x % T::runs, first = threadIdx.x / T::runs;
    auto run = [&](int row) { return rounded + piece(row, k * size / 16) + k * size % 16; };
    if constexpr (!KRows) {
#pragma unroll
      for (int i = 0; i < chunks; i++)
        T::Format::put(run(first) + i * (T::threads / T::runs) * 64, plane, *(const float4 *)(raw + (threadIdx.x + i * T::threads) * 16));
    } else {
#pragma unroll
      for (int i = 0; i < (chunks + 3) / 4; i++) {
        int q = first + i * (T::threads / T::runs);  // four rows
        if (chunks % 4 != 0 && q >= ROWS / 4) break;  // there are more threads than turns
        float x[4][4];
#pragma unroll
        for (int j = 0; j < 4; j++) *(float4 *)x[j] = *(const float4 *)(raw + (j * T::runs + k) * pitch + q * 16);
#pragma unroll
        for (int r = 0; r < 4; r++)
          T::Format::put(run(first * 4 + r) + i * (T::threads / T::runs) * 4 * 64, plane, make_float4(x[0][r], x[1][r], x[2][r], x[3][r]));
      }
    }
  }
};

// load_matrices is ldmatrix: lane 8i+j names row j of matrix i.
__device__ inline uint4 load_matrices(const char *row) {
  uint4 r;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r.x), "=r"(r.y), "=r"(r.z), "=r"(r.w)
               : "r"((unsigned)__cvta_generic_to_shared(row))
               : "memory");
  return r;
}

// The shared memory of a tile, in bytes. The sums of a warp take the place of slabs,
// 16 rows at a time, to be stored four neighbours at a time.
template <class T, bool KRowsA, bool KRowsB>
struct MmaShared {
  using A = Panel<T, T::BM, KRowsA>;
  using B = Panel<T, T::BN, KRowsB>;
  static constexpr int raw = A::raw_bytes + B::raw_bytes, rounded = A::bytes + B::bytes;
  static constexpr int bytes = T::stages * raw + 2 * rounded;
  static constexpr int sum_pitch = T::WN / 2 + 4;  // of two sums; 16 lanes that store four of each row fill all banks
  static_assert(T::threads / kWarp * 16 * sum_pitch * 8 <= bytes, "the sums of all warps fit");
};

// multiply_slabs adds the products of a tile to sum, over k in [from, to). A thread copies
// `size` elements at a time.
template <class T, bool KRowsA, bool KRowsB, int size>
__device__ void multiply_slabs(float (&sum)[T::WM / 16][T::WN / 8][4], char *shared, const float *a, int pitch_a, const float *b,
                               int pitch_b, int m, int n, int first_row, int first_column, int from, int to) {
  using Shared = MmaShared<T, KRowsA, KRowsB>;
  using A = typename Shared::A;
  using B = typename Shared::B;
  using Format = typename T::Format;
  char *rounded = shared + T::stages * Shared::raw;

  A panel_a(a, pitch_a, m, first_row, from, size);
  B panel_b(b, pitch_b, n, first_column, from, size);
  int left = to - from;
  auto load = [&](int stage) {
    char *raw = shared + stage * Shared::raw;
    panel_a.template load<size>(raw, left);
    panel_b.template load<size>(raw + A::raw_bytes, left);
    asm volatile("cp.async.commit_group;" ::: "memory");
    left -= T::BK;
  };
  auto convert = [&](int stage, int half) {
    const char *raw = shared + stage * Shared::raw;
    A::convert(rounded + half * Shared::rounded, raw);
    B::convert(rounded + half * Shared::rounded + A::bytes, raw + A::raw_bytes);
  };
  // All copies but those of the last stages - 2 slabs have arrived, for all threads.
  auto arrive = [] {
    asm volatile("cp.async.wait_group %0;" ::"n"(T::stages - 2) : "memory");
    __syncthreads();
  };

  int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  int place_a = warp / (T::BN / T::WN) * T::WM * 64, place_b = A::bytes + warp % (T::BN / T::WN) * T::WN * 64;
  int lane_a = place_a + A::piece(lane % 16, lane / 16);
  int lane_b = place_b + (Format::parts == 1 ? B::piece(lane % 8, lane / 8) : B::piece(lane % 8, lane / 8 % 2) + lane / 16 * B::plane);

#pragma unroll
  for (int stage = 0; stage < T::stages - 1; stage++) load(stage);
  arrive();
  load(T::stages - 1);
  convert(0, 0);
  // At the end, slabs that do not exist are loaded and rounded: zeros.
  for (int stage = 0, half = 0; left > -T::stages * T::BK; half ^= 1) {
    arrive();
    load(stage);
    stage = (stage + 1) % T::stages;
    convert(stage, half ^ 1);

    const char *slab = rounded + half * Shared::rounded;
    // A slab has the k of two mma. With one part, a pass takes both, else it takes the
    // two parts for one of them: the halves of a and b. The other mma is two pieces away.
#pragma unroll
    for (int pass = 0; pass < Format::parts; pass++) {
      constexpr int away = 32;
      uint4 half_a[2][T::WM / 16];
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int i = 0; i < T::WM / 16; i++)
          half_a[h][i] = load_matrices(slab + i * 16 * 64 + (Format::parts == 1 ? lane_a ^ h * away : (lane_a ^ pass * away) + h * A::plane));
#pragma unroll
      for (int j = 0; j < T::WN / 8; j++) {
        uint4 halves_b = load_matrices(slab + j * 8 * 64 + (lane_b ^ pass * away));
#pragma unroll
        for (int i = 0; i < T::WM / 16; i++) {
          if constexpr (Format::parts == 1) {
            Format::mma(sum[i][j], half_a[0][i], halves_b.x, halves_b.y);
            Format::mma(sum[i][j], half_a[1][i], halves_b.z, halves_b.w);
          } else {  // the smaller products first; the smallest is left out
            Format::mma(sum[i][j], half_a[1][i], halves_b.x, halves_b.y);
            Format::mma(sum[i][j], half_a[0][i], halves_b.z, halves_b.w);
            Format::mma(sum[i][j], half_a[0][i], halves_b.x, halves_b.y);
          }
        }
      }
    }
  }
  asm volatile("cp.async.wait_all;" ::: "memory");
  __syncthreads();
}

// multiply_run computes a run of four columns in float32.
template <bool KRowsA, bool KRowsB>
__device__ float4 multiply_run(const float *a, int pitch_a, const float *b, int pitch_b, int n, int row, int column, int from, int to) {
  float sum[4] = {};
#pragma unroll 1
  for (int k = from; k < to; k++) {
    float left = __ldg(&a[KRowsA ? k * (long long)pitch_a + row : row * (long long)pitch_a + k]);
#pragma unroll
    for (int j = 0; j < 4; j++)
      if (column + j < n)
        sum[j] = fmaf(left, __ldg(&b[KRowsB ? k * (long long)pitch_b + column + j : (column + j) * (long long)pitch_b + k]), sum[j]);
  }
  return {sum[0], sum[1], sum[2], sum[3]};
}

// multiply_mma computes the tile from first_row and first_column on, over k in
// [from, to). It hands each run of four columns to emit(row, column, float4).
//
// Sums that are not finite are computed once more, in float32: numbers near the largest
// may have been rounded to infinity, and what is left of an infinity is NaN.
template <class T, bool KRowsA, bool KRowsB, class Emit>
__device__ void multiply_mma(const float *a, int pitch_a, const float *b, int pitch_b, int m, int n, int first_row,
                             int first_column, int from, int to, Emit emit) {
  using Shared = MmaShared<T, KRowsA, KRowsB>;
  extern __shared__ float4 shared[];
  float sum[T::WM / 16][T::WN / 8][4] = {};
  if (Shared::A::aligned(a, pitch_a) && Shared::B::aligned(b, pitch_b))
    multiply_slabs<T, KRowsA, KRowsB, 4>(sum, (char *)shared, a, pitch_a, b, pitch_b, m, n, first_row, first_column, from, to);
  else
    multiply_slabs<T, KRowsA, KRowsB, 1>(sum, (char *)shared, a, pitch_a, b, pitch_b, m, n, first_row, first_column, from, to);

  int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  first_row += warp / (T::BN / T::WN) * T::WM;
  first_column += warp % (T::BN / T::WN) * T::WN;
  float2 *sums = (float2 *)shared + warp * 16 * Shared::sum_pitch;
#pragma unroll
  for (int i = 0; i < T::WM / 16; i++) {
#pragma unroll
    for (int j = 0; j < T::WN / 8; j++)
#pragma unroll
      for (int half = 0; half < 2; half++)
        sums[(half * 8 + lane / 4) * Shared::sum_pitch + j * 4 + lane % 4] =
            make_float2(sum[i][j][half * 2], sum[i][j][half * 2 + 1]);
    __syncwarp();
#pragma unroll 1
    for (int e = lane; e < 16 * T::WN / 4; e += kWarp) {
      int row = e / (T::WN / 4), column = e % (T::WN / 4) * 4;
      float4 run = *(const float4 *)&sums[row * Shared::sum_pitch + column / 2];
      row += first_row + i * 16;
      column += first_column;
      if (row >= m || column >= n) continue;
      if (!(fabsf(run.x) + fabsf(run.y) + fabsf(run.z) + fabsf(run.w) < INFINITY))
        run = multiply_run<KRowsA, KRowsB>(a, pitch_a, b, pitch_b, n, row, column, from, to);
      emit(row, column, run);
    }
    __syncwarp();
  }
}
