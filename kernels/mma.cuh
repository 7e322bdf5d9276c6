// A tile of a matrix product on tensor cores, computed by one block, and the packing of
// its operands. It is the core of gemm_tf32.cu, gemm_tf32x3.cu and gemm_bf16.cu, for
// compute capability 8.0 and later.
//
// A product takes two kinds of kernel. Packing rounds an operand to the format of the
// tensor cores and turns it, so that k comes last. Its result is a row of slabs. A slab
// has 128 bytes of k of all rows of op(a), or of all columns of op(b). The product then
// has nothing to do but to copy slabs to shared memory, by cp.async to one of `stages`
// places, and to multiply. So its loop is the same for all transpositions, sizes and
// alignments: rows and k are padded with zeros to whole tiles and slabs.
#pragma once
#include "gemm.cuh"

constexpr int kRowBytes = 128;  // of a row of a slab
constexpr int kPackRows = 64;   // that a block packs; tiles are multiples of it

// in_slab returns where a byte of a row is in a slab. A row has eight pieces of 16 bytes,
// which are permuted so that the same piece of eight rows, as ldmatrix reads it, is in
// all 32 banks.
__device__ inline int in_slab(int row, int byte) { return row * kRowBytes + (byte ^ row % 8 * 16); }

// Formats: how numbers are rounded, and the instruction that multiplies them. A row of a
// slab has BK numbers, in one part or in two. put rounds four neighbours along k, or a
// single number, and stores them in the row at `at`. An mma takes a step of 32 bytes.

// TF32 has the exponent of float32 and 11 significant bits. The tensor core ignores the
// low 13 bits, so half of the last bit that counts is added. Infinities and NaN stay:
// the bits of a NaN could overflow to zero.
struct Tf32 {
  static constexpr int BK = 32, parts = 1;

  static __device__ unsigned round(float x) {
    unsigned bits = __float_as_uint(x);
    asm("{\n\t.reg .pred finite;\n\tsetp.lt.f32 finite, %1, 0f7F800000;\n\t@finite add.u32 %0, %0, 4096;\n\t}" : "+r"(bits) : "f"(fabsf(x)));
    return bits;
  }

  static __device__ void put(char *slab, int at, float4 x) {
    *(uint4 *)(slab + at) = make_uint4(round(x.x), round(x.y), round(x.z), round(x.w));
  }
  static __device__ void put(char *slab, int at, float x) { *(unsigned *)(slab + at) = round(x); }

  static __device__ void mma(float (&sum)[4], const uint4 &a, unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
  }
};

// TF32x3 takes a number as the sum of two of TF32. What the first leaves has 13 bits at
// most, of which the tensor core takes 11. The second part is half a row away. Three
// products of the four are summed.
struct Tf32x3 : Tf32 {
  static constexpr int BK = 16, parts = 2;

  static __device__ void put(char *slab, int at, float4 x) {
    float4 big = {head(x.x), head(x.y), head(x.z), head(x.w)};
    *(float4 *)(slab + at) = big;
    *(float4 *)(slab + (at ^ kRowBytes / 2)) = make_float4(x.x - big.x, x.y - big.y, x.z - big.z, x.w - big.w);
  }
  static __device__ void put(char *slab, int at, float x) {
    float big = head(x);
    *(float *)(slab + at) = big;
    *(float *)(slab + (at ^ kRowBytes / 2)) = x - big;
  }
  static __device__ float head(float x) { return __uint_as_float((__float_as_uint(x) + (1u << 12)) & ~0x1fffu); }
};

// BFloat16 is the upper half of a float32, rounded to nearest even.
struct Bf16 {
  static constexpr int BK = 64, parts = 1;

  static __device__ unsigned pair(float low, float high) {
    unsigned both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
  }

  static __device__ void put(char *slab, int at, float4 x) { *(uint2 *)(slab + at) = make_uint2(pair(x.x, x.y), pair(x.z, x.w)); }
  static __device__ void put(char *slab, int at, float x) { *(unsigned short *)(slab + at) = pair(x, 0); }

  static __device__ void mma(float (&sum)[4], const uint4 &a, unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
  }
};

// pack packs kPackRows rows of a slab. x is [rows, k], or [k, rows] if KFirst. A slab has
// `padded` rows. The numbers take a way through shared memory, so that reading and writing
// touch no sector twice, whatever the alignment of x.
//
// With y blocks down, x holds as many such matrices. Eight rows of each take turns.
template <class Format, bool KFirst>
__device__ void pack(char *slabs, const float *x, int rows, int k, int padded) {
  constexpr int BK = Format::BK, runs = BK / 4;            // of four k
  constexpr int length = KFirst ? kPackRows : BK;          // of a line: what the block has of a row of x
  constexpr int lines = kPackRows * BK / length, apart = kBlock / length;
  __shared__ float4 shared[kPackRows * runs];
  float *tile = (float *)shared;
  int groups = padded / kPackRows, first_row = blockIdx.x % groups * kPackRows, slab = blockIdx.x / groups;
  long long first_k = slab * (long long)BK, pitch = KFirst ? rows : k;
  x += blockIdx.y * (long long)rows * k;

  int line = threadIdx.x / length, at = threadIdx.x % length;
  const float *from = x + ((KFirst ? first_k : first_row) + line) * pitch + (KFirst ? first_row : first_k) + at;
  long long left_rows = rows - first_row - (KFirst ? at : line), left_k = k - first_k - (KFirst ? line : at);
  int exist = min(left_rows, left_k) > 0 ? min(KFirst ? left_k : left_rows, (long long)lines) : 0;  // lines, from `line` on
#pragma unroll
  for (int i = 0; i < lines; i += apart) {
    // With KFirst, a warp later reads from all runs, and from few rows. Runs are permuted so
    // that these are in all banks.
    tile[(line + i) * length + (KFirst ? at ^ (line + i) / 4 * (kWarp / runs) : at)] = i < exist ? *from : 0.0f;
    from += apart * pitch;
  }
  __syncthreads();

  slabs += ((slab * (long long)padded + first_row) * gridDim.y + blockIdx.y * 8) * kRowBytes;
#pragma unroll
  for (int e = threadIdx.x; e < kPackRows * runs; e += kBlock) {
    int row = e / runs, run = e % runs, turned = row ^ run * (kWarp / runs);
    float4 four;
    if constexpr (KFirst) {
      const float *lines = tile + run * 4 * length + turned;
      four = {lines[0], lines[length], lines[2 * length], lines[3 * length]};
    } else {
      four = shared[e];
    }
    Format::put(slabs, in_slab(row / 8 * 8 * gridDim.y + row % 8, run * (kRowBytes / Format::parts / runs)), four);
  }
}

// A tile of BM x BN, computed by warps that each have WM x WN of it.
template <class Format_, int BM_, int BN_, int WM_, int WN_>
struct MmaTile {
  using Format = Format_;
  static constexpr int BM = BM_, BN = BN_, WM = WM_, WN = WN_;
  static constexpr int threads = BM / WM * (BN / WN) * kWarp;
  static constexpr int stages = 3;
  static constexpr int slab = (BM + BN) * kRowBytes;  // bytes of both operands
  static constexpr int bytes = stages * slab;         // of shared memory
  // The sums of a warp take the place of slabs, 16 rows at a time, to be stored four
  // neighbours at a time: 16 lanes that store two of each row fill all banks.
  static constexpr int sum_pitch = WN / 2 + 4;  // of two sums
  static_assert(WM % 16 == 0 && WN % 16 == 0, "ldmatrix reads 16 rows");
  static_assert(threads / kWarp * 16 * sum_pitch * 8 <= bytes, "the sums of all warps fit");
};

// copy_pieces starts to copy `bytes` of a warp, a piece of 16 for each lane at a time. The
// distances are part of the instructions, as far as these have room.
template <int bytes, int at = 0>
__device__ void copy_pieces(unsigned to, const char *from) {
  asm volatile("cp.async.cg.shared.global [%0 + %2], [%1 + %2], 16;" ::"r"(to), "l"(from), "n"(at) : "memory");
  if constexpr (at + kWarp * 16 < bytes) copy_pieces<bytes, at + kWarp * 16>(to, from);
}

// load_matrices is ldmatrix: lane 8i+j names row j of matrix i.
__device__ inline uint4 load_matrices(unsigned row) {
  uint4 r;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r.x), "=r"(r.y), "=r"(r.z), "=r"(r.w)
               : "r"(row)
               : "memory");
  return r;
}

// multiply_slabs adds the products of a tile to sum. a and b are the first slabs, from the
// first row of the tile on. The next slab is step_a or step_b bytes further.
template <class T>
__device__ void multiply_slabs(float (&sum)[T::WM / 16][T::WN / 8][4], char *shared, const char *a, long long step_a, const char *b,
                               long long step_b, int slabs) {
  using Format = typename T::Format;
  // A warp copies as many bytes of a as the others, and of b.
  constexpr int bytes_a = T::BM * kRowBytes * kWarp / T::threads, bytes_b = T::BN * kRowBytes * kWarp / T::threads;
  int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  unsigned first = (unsigned)__cvta_generic_to_shared(shared);
  int to_a = warp * bytes_a + lane * 16, to_b = T::BM * kRowBytes + warp * bytes_b + lane * 16;
  a += warp * bytes_a + lane * 16;
  b += warp * bytes_b + lane * 16;
  auto load = [&](bool exists, unsigned to) {
    if (exists) {
      copy_pieces<bytes_a>(to + to_a, a);
      copy_pieces<bytes_b>(to + to_b, b);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
    a += step_a;
    b += step_b;
  };

  int row_a = warp / (T::BN / T::WN) * T::WM, row_b = T::BM + warp % (T::BN / T::WN) * T::WN;
  // ldmatrix takes rows 0-7 and 8-15 of a, then both again half a step further. Of b it
  // takes rows 0-7 there and there, then 8-15.
  int lane_a = in_slab(row_a + lane % 16, lane / 16 * 16), lane_b = in_slab(row_b + lane / 16 * 8 + lane % 8, lane / 8 % 2 * 16);

#pragma unroll
  for (int slab = 0; slab < T::stages - 1; slab++) load(slab < slabs, first + slab * T::slab);
  constexpr int last = (T::stages - 1) * T::slab;
  unsigned here = first, before = first + last;  // the place of the slab to multiply, and of that before it
#pragma unroll 1
  for (int slab = 0; slab < slabs; slab++) {
    // All slabs but the last stages - 2 have arrived, for all threads, and all have done
    // with the slab before this one.
    asm volatile("cp.async.wait_group %0;" ::"n"(T::stages - 2) : "memory");
    __syncthreads();
    load(slab < slabs - (T::stages - 1), before);
#pragma unroll
    for (int step = 0; step < kRowBytes / Format::parts; step += 32) {
      uint4 part_a[Format::parts][T::WM / 16], part_b[Format::parts][T::WN / 16];
#pragma unroll
      for (int part = 0; part < Format::parts; part++) {
        unsigned at = part * (kRowBytes / 2) + step;
#pragma unroll
        for (int i = 0; i < T::WM / 16; i++) part_a[part][i] = load_matrices(here + (lane_a ^ at) + i * 16 * kRowBytes);
#pragma unroll
        for (int j = 0; j < T::WN / 16; j++) part_b[part][j] = load_matrices(here + (lane_b ^ at) + j * 16 * kRowBytes);
      }
      // With two parts, the smaller products come first, and the smallest is left out.
#pragma unroll
      for (int product = Format::parts * 2 - 2; product >= 0; product--)
#pragma unroll
        for (int i = 0; i < T::WM / 16; i++)
#pragma unroll
          for (int j = 0; j < T::WN / 16; j++) {
            const uint4 &left = part_a[product / 2][i], &right = part_b[product % 2][j];
            Format::mma(sum[i][2 * j], left, right.x, right.y);
            Format::mma(sum[i][2 * j + 1], left, right.z, right.w);
          }
    }
    before = here;
    here = here == first + last ? first : here + T::slab;
  }
  __syncthreads();
}

// multiply_run computes a run of four columns in float32.
__device__ inline float4 multiply_run(const float *a, int trans_a, const float *b, int trans_b, int m, int n, int k, int row, int column,
                                      int from, int to) {
  float sum[4] = {};
#pragma unroll 1
  for (int p = from; p < to; p++) {
    float left = __ldg(&a[trans_a ? p * (long long)m + row : row * (long long)k + p]);
#pragma unroll
    for (int j = 0; j < 4; j++)
      if (column + j < n)
        sum[j] = fmaf(left, __ldg(&b[trans_b ? (column + j) * (long long)k + p : p * (long long)n + column + j]), sum[j]);
  }
  return {sum[0], sum[1], sum[2], sum[3]};
}

// put_sums puts the sums of 16 rows of a warp into shared memory.
template <class T>
__device__ void put_sums(const float (&sum)[T::WN / 8][4], float2 *to) {
  int lane = threadIdx.x % kWarp;
#pragma unroll
  for (int j = 0; j < T::WN / 8; j++)
#pragma unroll
    for (int half = 0; half < 2; half++)
      to[(half * 8 + lane / 4) * T::sum_pitch + j * 4 + lane % 4] = make_float2(sum[j][half * 2], sum[j][half * 2 + 1]);
}

// store_sums hands each run of four columns of a warp's sums to emit(row, column, float4).
// row and column count from the first of the tile.
template <class T, class Emit>
__device__ void store_sums(const float (&sum)[T::WM / 16][T::WN / 8][4], char *shared, Emit emit) {
  int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  int first_row = warp / (T::BN / T::WN) * T::WM, first_column = warp % (T::BN / T::WN) * T::WN;
  float2 *sums = (float2 *)shared + warp * 16 * T::sum_pitch;
#pragma unroll
  for (int i = 0; i < T::WM / 16; i++) {
    put_sums<T>(sum[i], sums);
    __syncwarp();
#pragma unroll 1
    for (int e = lane; e < 16 * T::WN / 4; e += kWarp) {
      int row = e / (T::WN / 4), column = e % (T::WN / 4) * 4;
      emit(first_row + i * 16 + row, first_column + column, *(const float4 *)&sums[row * T::sum_pitch + column / 2]);
    }
    __syncwarp();
  }
}
