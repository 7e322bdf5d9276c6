// All time steps of an LSTM backward in one launch: see persistent.cuh.
#include "lstm.cuh"
#include "persistent.cuh"

// A block takes its gates' gradients times its rows of whh. That is its part of
// dh of all units, one block's for each. A thread has units threadIdx.x + 256 i of them, so
// sums need no other thread. The block that owns a unit adds the parts up, in order, at
// the next step. So parts of two steps exist at a time: a block may write its next part
// while others still read the one before.
template <int K>
__device__ void backward(float *dz, float *dc, const float *gates, const float *c, const float *whh, const float *peep,
                         const float *dy, const float *dh_last, const float *dc_last, float *dh_first, float *part,
                         unsigned *count, int steps, int batch, int hidden, int rows) {
  constexpr int units = 8192 / K, tile = kBlock / units, own = K / kBlock, together = 4 / own;
  __shared__ float4 shared_dz[tile][units];

  int first_unit = blockIdx.x * units, first_row = blockIdx.y * rows, end = min(batch, first_row + rows);
  // A row of parts has, for each owner, those of all blocks, each with the owner's units.
  int across = gridDim.x, from_block = blockIdx.x;
  long long pitch = (long long)across * across * units;
  int column[own];  // of this thread's units, or -1
#pragma unroll
  for (int i = 0; i < own; i++) {
    int k = threadIdx.x + i * kBlock;
    column[i] = k < hidden ? (k / units * across + from_block) * units + k % units : -1;
  }
  float4 weight[units][own];
#pragma unroll
  for (int u = 0; u < units; u++)
#pragma unroll
    for (int i = 0; i < own; i++) {
      int k = threadIdx.x + i * kBlock;
      bool exists = first_unit + u < hidden && k < hidden;
      const float *from = whh + (first_unit + u) * (long long)hidden + k;
      long long gate = (long long)hidden * hidden;
      weight[u][i] = exists ? make_float4(from[0], from[gate], from[2 * gate], from[3 * gate]) : float4{};
    }

  const GridBarrier barrier(count + blockIdx.y, steps + 1);
  int cell_row = threadIdx.x / units, cell_unit = threadIdx.x % units, unit = first_unit + cell_unit;
  const auto total = [=](int t, int row) {
    const float *from = part + (t % 2 * (long long)batch + row) * pitch + from_block * across * units + cell_unit;
    float sum = 0;
#pragma unroll 8
    for (int block = 0; block < across; block++) sum += __ldcg(from + block * units);
    return sum;
  };

  for (int t = steps - 1; t >= 0; t--) {
    bool last = t == steps - 1;
    if (!last) barrier.wait(steps - 1 - t);
    for (int top = first_row; top < end; top += tile) {
      int row = top + cell_row;
      float4 of_cell = {};
      if (unit < hidden && row < end) {
        long long cell = t * (long long)batch + row, k = cell * hidden + unit, at = (long long)row * hidden + unit;
        float dh = !last ? total(t + 1, row) : dh_last ? dh_last[at] : 0.0f;
        float from_c = !last ? dc[at] : dc_last ? dc_last[at] : 0.0f;
        const CellGrad grad(gates, peep, hidden, cell, unit, c[k], c[k + (long long)batch * hidden], dy[k] + dh, from_c);
        grad.store(dz, hidden, cell, unit);
        dc[at] = grad.dc;
        of_cell = make_float4(grad.dz[0], grad.dz[1], grad.dz[2], grad.dz[3]);
      }
      if (t == 0 && !dh_first) continue;
      shared_dz[cell_row][cell_unit] = of_cell;
      __syncthreads();
      float *to = part + (t % 2 * (long long)batch + top) * pitch;
      for (int r = 0; r < min(tile, end - top); r += together) {
        float sum[together][own] = {};
#pragma unroll
        for (int u = 0; u < units; u++)
#pragma unroll
          for (int j = 0; j < together; j++) {
            float4 d = shared_dz[r + j][u];
#pragma unroll
            for (int i = 0; i < own; i++) {
              const float4 &w = weight[u][i];
              sum[j][i] = fmaf(d.w, w.w, fmaf(d.z, w.z, fmaf(d.y, w.y, fmaf(d.x, w.x, sum[j][i]))));
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
      if (unit < hidden) dh_first[(long long)row * hidden + unit] = total(0, row);
  }
  barrier.arrive();
}

// For t = steps-1..0: d = dy + dh, the cell's gradient as in lstm_cell_grad, dh = dz * whh
// A kernel is for up to so many hidden units.
// grid: x ceil(hidden/units), y ceil(batch/rows); blocks of 256, all at once
#define BACKWARD(name, most)                                                            \
  extern "C" __global__ void __launch_bounds__(kBlock, 1) name(                         \
      float *dz,                          /* [steps*batch, 4*hidden] out, may be gates */ \
      float *__restrict__ dc,             /* [batch, hidden] out: of the first c */     \
      const float *gates,                 /* [steps*batch, 4*hidden]: i, f, g, o */     \
      const float *__restrict__ c,        /* [(steps+1)*batch, hidden] */               \
      const float *__restrict__ whh,      /* [4*hidden, hidden] */                      \
      const float *__restrict__ peep,     /* [3, hidden]: of i, f, o; null for none */  \
      const float *__restrict__ dy,       /* [steps*batch, hidden] */                   \
      const float *__restrict__ dh_last,  /* [batch, hidden]; null for 0 */             \
      const float *__restrict__ dc_last,  /* [batch, hidden]; null for 0 */             \
      float *__restrict__ dh_first,       /* [batch, hidden] out; null for none */      \
      float *__restrict__ part,           /* [2, batch, gridDim.x*gridDim.x*units] */   \
      unsigned *__restrict__ count,       /* [gridDim.y] 0, and 0 again */              \
      int steps, int batch, int hidden, int rows) {                                     \
    backward<most>(dz, dc, gates, c, whh, peep, dy, dh_last, dc_last, dh_first, part, count, steps, batch, hidden, rows); \
  }
BACKWARD(lstm_backward_256, 256)
BACKWARD(lstm_backward_512, 512)
BACKWARD(lstm_backward_1024, 1024)
