// A time step of a recurrent layer on tensor cores, for compute capability 8.0 and later: the
// product of h and the recurrent weights, in tiles, and a cell for each element of a tile.
//
// Both operands are packed, as in mma.cuh. The weights are packed once for all time steps:
// eight rows of each gate take turns, so a warp has all gates of its units. A step rounds and
// packs the h that it makes, for the next step. If a few tiles would leave much of the device
// idle, blocks share each: every one has a slice of k, and the one that is done last adds the
// slices up and makes the cells. Otherwise sums never leave the block.
#pragma once
#include "mma.cuh"

// MmaStep is a tile of ROWS rows by UNITS hidden units, which have GATES columns each.
template <class Format, int GATES_, int ROWS, int UNITS_, int WM, int WN>
struct MmaStep : MmaTile<Format, ROWS, UNITS_ * GATES_, WM, WN> {
  using Tile = MmaTile<Format, ROWS, UNITS_ * GATES_, WM, WN>;
  static constexpr int GATES = GATES_, UNITS = UNITS_;
  static constexpr int padded = UNITS > kPackRows ? UNITS : kPackRows;  // units are padded to a multiple
  static constexpr int eights = WN / 8 / GATES;                         // of units, of a warp
  static_assert(ROWS % kPackRows == 0, "tiles are whole groups of packed rows");
  static_assert(eights * 8 * GATES == WN, "a warp has all gates of its units");
  static_assert(Tile::threads / kWarp * WM * Tile::sum_pitch * 8 <= Tile::bytes, "the sums of all rows fit");
};

// sum_of_biases adds up two biases, of which each may be absent.
__device__ inline float sum_of_biases(const float *a, const float *b, long long k) {
  return (a ? __ldg(a + k) : 0.0f) + (b ? __ldg(b + k) : 0.0f);
}

// step calls cell.apply(row, unit, cell.bias(unit), cell.load(row, unit), sum) for each row of the
// batch and each unit. sum has, for each gate, sum_k h[row,k] * weights[gate*hidden + unit, k].
// What apply returns is the h of the next step, and goes to next too.
//
// Sums that are not finite are computed once more, in float32, as those of a product are.
//
// Only with y > 1 blocks down, each of a slice of k, part and count are used.
template <class T, class Cell>
__device__ void step(const char *__restrict__ slabs_h, const char *__restrict__ slabs_weights, char *__restrict__ next,
                     const float *__restrict__ h, const float *__restrict__ weights, float4 *part, unsigned *count, int slice, int batch,
                     int hidden, const Cell &cell) {
  extern __shared__ float4 shared[];
  constexpr int BK = T::Format::BK;
  // Tiles with the same weights are neighbours, so that these come from memory once.
  int down = (batch + T::BM - 1) / T::BM;
  int first_row = blockIdx.x % down * T::BM, first_unit = blockIdx.x / down * T::UNITS;
  long long step_h = down * (long long)T::BM * kRowBytes;
  long long step_weights = (hidden + T::padded - 1) / T::padded * (long long)(T::padded * T::GATES * kRowBytes);

  int from = blockIdx.y * slice, to = min(hidden, from + slice);
  float sum[T::WM / 16][T::WN / 8][4] = {};
  multiply_slabs<T>(sum, (char *)shared, slabs_h + from / BK * step_h + first_row * (long long)kRowBytes, step_h,
                    slabs_weights + from / BK * step_weights + first_unit * (long long)(T::GATES * kRowBytes), step_weights,
                    (to - from + BK - 1) / BK);
  if (gridDim.y > 1) {
    constexpr int fours = T::WM / 16 * (T::WN / 8);  // of sums of a thread
    part += blockIdx.x * (long long)gridDim.y * (fours * T::threads) + threadIdx.x;
    const auto at = [=](unsigned z, int i, int j) { return part + ((long long)z * fours + i * (T::WN / 8) + j) * T::threads; };
#pragma unroll
    for (int i = 0; i < T::WM / 16; i++)
#pragma unroll
      for (int j = 0; j < T::WN / 8; j++) *at(blockIdx.y, i, j) = make_float4(sum[i][j][0], sum[i][j][1], sum[i][j][2], sum[i][j][3]);
    if (!arrives_last(count + blockIdx.x, gridDim.y, *(unsigned *)shared)) return;
    __syncthreads();  // sums take the place of what has been read
    for (auto &row : sum)
      for (auto &of : row) of[0] = of[1] = of[2] = of[3] = 0;
#pragma unroll 1
    for (unsigned z = 0; z < gridDim.y; z++)
#pragma unroll
      for (int i = 0; i < T::WM / 16; i++)
#pragma unroll
        for (int j = 0; j < T::WN / 8; j++) {
          float4 more = *at(z, i, j);
          sum[i][j][0] += more.x, sum[i][j][1] += more.y, sum[i][j][2] += more.z, sum[i][j][3] += more.w;
        }
  }
  int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  float2 *sums = (float2 *)shared + warp * T::WM * T::sum_pitch;
#pragma unroll
  for (int i = 0; i < T::WM / 16; i++) put_sums<T>(sum[i], sums + i * 16 * T::sum_pitch);
  __syncwarp();

  // Eight lanes have a row of eight units, which is a sector of memory, and each lane has four
  // rows. All that their cells read is on its way at once.
  constexpr int rows = 4;
  first_row += warp / (T::BN / T::WN) * T::WM;
  first_unit += warp % (T::BN / T::WN) * T::eights * 8;
#pragma unroll 1
  for (int e = 0; e < T::WM / 16 * T::eights; e++) {
    int unit = first_unit + e % T::eights * 8 + lane % 8, top = e / T::eights * 16 + lane / 8;
    typename Cell::Input in[rows];
    const auto exists = [=](int i) { return first_row + top + i * 4 < batch && unit < hidden; };
#pragma unroll
    for (int i = 0; i < rows; i++)
      if (exists(i)) in[i] = cell.load(first_row + top + i * 4, unit);
    const auto bias = cell.bias(min(unit, hidden - 1));
#pragma unroll
    for (int i = 0; i < rows; i++) {
      if (!exists(i)) continue;
      long long row = first_row + top + i * 4;
      const float *z = (const float *)(sums + (top + i * 4) * T::sum_pitch) + e % T::eights * T::GATES * 8 + lane % 8;
      float total[T::GATES];
      bool finite = true;
#pragma unroll
      for (int gate = 0; gate < T::GATES; gate++) {
        total[gate] = z[gate * 8];
        finite &= fabsf(total[gate]) < INFINITY;
      }
      if (!finite) {
#pragma unroll
        for (int gate = 0; gate < T::GATES; gate++) {
          total[gate] = 0;
#pragma unroll 1
          for (int k = 0; k < hidden; k++)
            total[gate] = fmaf(__ldg(&h[row * hidden + k]), __ldg(&weights[(gate * (long long)hidden + unit) * hidden + k]), total[gate]);
        }
      }
      constexpr int bytes = kRowBytes / T::Format::parts / BK;  // of a number
      T::Format::put(next + unit / BK * step_h, in_slab(row, unit % BK * bytes), cell.apply(row, unit, bias, in[i], total));
    }
  }
}
