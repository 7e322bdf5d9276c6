// The LSTM cell, and a time step that fuses it with the recurrent product.
#include "lstm.cuh"
#include "step.cuh"

// i, f = sigmoid(z + p * c_prev)   g = tanh(z)   c = f * c_prev + i * g
// o = sigmoid(z + p * c)           h = o * tanh(c)
// grid: any blocks of 256 in all, over [batch, hidden]
extern "C" __global__ void __launch_bounds__(kBlock) lstm_cell(
    float *__restrict__ gates,         // [batch, 4*hidden] in: z; out: i, f, g, o
    float *__restrict__ c,             // [batch, hidden] out
    float *__restrict__ h,             // [batch, hidden] out
    const float *__restrict__ c_prev,  // [batch, hidden]
    const float *__restrict__ peep,    // [3, hidden]: of i, f, o; null for none
    int batch, int hidden) {
  EACH_ROW(row, batch)
    EACH(unit, hidden) {
      const Gates<float> z(gates, hidden, row, unit);
      apply_cell(gates, c, h, c_prev[row * hidden + unit], peep, hidden, row, unit, {z[0], z[1], z[2], z[3]});
    }
}

// z = gates + h_prev * whh^T + bih + bhh, then the cell as in lstm_cell
// The numbers of a name are the rows and the hidden units of a tile.
// grid: x ceil(batch/rows)*ceil(hidden/units), twice that for 128 rows; blocks of 256, or 512
#define LSTM_STEP(name, tile, blocks)                                                            \
  extern "C" __global__ void __launch_bounds__(tile::threads, blocks) name(                      \
      float *__restrict__ gates,        /* [batch, 4*hidden] in: x * wih^T; out: i, f, g, o */   \
      float *__restrict__ c,            /* [batch, hidden] out */                                \
      float *__restrict__ h,            /* [batch, hidden] out */                                \
      const float *__restrict__ c_prev, /* [batch, hidden] */                                    \
      const float *__restrict__ h_prev, /* [batch, hidden] */                                    \
      const float *__restrict__ whh,    /* [4*hidden, hidden] */                                 \
      const float *__restrict__ bih,    /* [4*hidden]; null for none */                          \
      const float *__restrict__ bhh,    /* [4*hidden]; null for none */                          \
      const float *__restrict__ peep,   /* [3, hidden]: of i, f, o; null for none */             \
      float *part, unsigned *count,     /* for tiles that blocks share: see step */              \
      int batch, int hidden) {                                                                   \
    step<tile>(part, count, h_prev, whh, batch, hidden, [=](int row, int unit, const float *sum) { \
      const Gates<float> in(gates, hidden, row, unit);                                           \
      float z[] = {in[0] + sum[0], in[1] + sum[1], in[2] + sum[2], in[3] + sum[3]};              \
      _Pragma("unroll") for (int gate = 0; gate < 4; gate++) {                                   \
        if (bih) z[gate] += bih[gate * (long long)hidden + unit];                                \
        if (bhh) z[gate] += bhh[gate * (long long)hidden + unit];                                \
      }                                                                                          \
      apply_cell(gates, c, h, c_prev[row * (long long)hidden + unit], peep, hidden, row, unit, z); \
    });                                                                                          \
  }

using LSTMTile32x8 = StepTile<4, 32, 8, 4, 1, 4>;
using LSTMTile64x16 = StepTile<4, 64, 16, 8, 2, 4>;
using LSTMTile128x32 = StepTile<4, 128, 32, 8, 2, 2>;

LSTM_STEP(lstm_step_32x8, LSTMTile32x8, 3)
LSTM_STEP(lstm_step_64x16, LSTMTile64x16, 2)
LSTM_STEP(lstm_step_128x32, LSTMTile128x32, 1)

// The gradient of the cell: see CellGrad. d = dy + sum_z dh[z]
// grid: any blocks of 256 in all, over [batch, hidden]
extern "C" __global__ void __launch_bounds__(kBlock) lstm_cell_grad(
    float *dz,                         // [batch, 4*hidden] out, may be gates
    float *__restrict__ dc,            // [batch, hidden] in: of c; out: of c_prev
    const float *gates,                // [batch, 4*hidden]: i, f, g, o
    const float *__restrict__ c_prev,  // [batch, hidden]
    const float *__restrict__ c,       // [batch, hidden]
    const float *__restrict__ peep,    // [3, hidden]: of i, f, o; null for none
    const float *__restrict__ dy,      // [batch, hidden]
    const float *__restrict__ dh,      // [slices, batch, hidden]
    int batch, int hidden, int slices) {
  EACH_ROW(row, batch)
    EACH(unit, hidden) {
      long long k = row * hidden + unit;
      float d = dy[k] + sum_slices(dh, slices, batch * (long long)hidden, k);
      const CellGrad grad(gates, peep, hidden, row, unit, c_prev[k], c[k], d, dc[k]);
      grad.store(dz, hidden, row, unit);
      dc[k] = grad.dc;
    }
}

constexpr int kPeepUnits = 32, kPeepRows = kBlock / kPeepUnits;

// part[s,p,unit] = sum_t dz[t,gate,unit] * state[t,unit], t from s*chunk to (s+1)*chunk
// gate = i, f, o for p = 0, 1, 2; state = c_prev for i and f, c for o
// sum_rows adds up the chunks.
// grid: x ceil(hidden/32), y ceil(rows/chunk); blocks of 32 x 8
extern "C" __global__ void __launch_bounds__(kBlock) lstm_peep_grad(
    float *__restrict__ part,          // [chunks, 3, hidden] out
    const float *__restrict__ dz,      // [rows, 4*hidden]: of i, f, g, o
    const float *__restrict__ c_prev,  // [rows, hidden]
    const float *__restrict__ c,       // [rows, hidden]
    int rows, int hidden, int chunk) {
  __shared__ float shared[kPeepRows][3][kPeepUnits];
  long long unit = blockIdx.x * (long long)kPeepUnits + threadIdx.x;
  long long from = blockIdx.y * (long long)chunk, to = min((long long)rows, from + chunk);
  float sum[3] = {};
  if (unit < hidden)
    for (long long t = from + threadIdx.y; t < to; t += kPeepRows) {
      const Gates<const float> gate(dz, hidden, t, unit);
      float before = c_prev[t * hidden + unit];
      sum[0] = fmaf(gate[0], before, sum[0]);
      sum[1] = fmaf(gate[1], before, sum[1]);
      sum[2] = fmaf(gate[3], c[t * hidden + unit], sum[2]);
    }
#pragma unroll
  for (int p = 0; p < 3; p++) shared[threadIdx.y][p][threadIdx.x] = sum[p];
  __syncthreads();
  int p = threadIdx.y;
  if (p >= 3 || unit >= hidden) return;
  float total = shared[0][p][threadIdx.x];
  for (int y = 1; y < kPeepRows; y++) total += shared[y][p][threadIdx.x];
  part[(blockIdx.y * 3ll + p) * hidden + unit] = total;
}
