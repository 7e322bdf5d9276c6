// Memory blocks of the LSTM of 1997, with forget gates and peepholes. A row of gates
// holds in of all blocks, then f (if there are forget gates), then out, and then the
// cells, block by block.
#include "nonlinear.cuh"

// Squash is f(x) = range * tanh(slope * x), or the identity if range and slope are 0.
struct Squash {
  float range, slope;

  __device__ float of(float x) const { return range == 0 ? x : range * tanh_of(slope * x); }

  // f'(x), given y = f(x).
  __device__ float grad(float y) const { return range == 0 ? 1.0f : slope * (range - y * y / range); }
};

// Units points to the units of one row.
template <class Float>
struct Units {
  Float *in, *forget, *out, *cell;  // forget is null without forget gates

  __device__ Units(Float *gates, long long row, int blocks, int cells, bool has_forget) {
    in = gates + row * (blocks * (2ll + has_forget + cells));
    forget = has_forget ? in + blocks : nullptr;
    out = in + blocks * (1ll + has_forget);
    cell = out + blocks;
  }
};

// through adds to z what the peepholes of a block let through of the block's states s.
static __device__ float through(const float *peep, const float *s, int cells, float z) {
#pragma unroll 1
  for (int v = 0; v < cells; v++) z = fmaf(peep[v], s[v], z);
  return z;
}

// Block is one of the blocks of a row.
struct Block {
  long long j, first, states;  // its number, its first state, and the states of all blocks
  int cells;

  __device__ Block(long long j, int blocks, int cells) : j(j), first(j * cells), states((long long)blocks * cells), cells(cells) {}

  // forward is lstm1997_cell for the block. s_prev, s, y and peep begin at the states of
  // the row.
  __device__ void forward(Units<float> u, const float *s_prev, float *s, float *y, const float *peep, Squash g, Squash h) const {
    const float *before = s_prev + first;
    float *after = s + first, *output = y + first;
    float z_in = u.in[j], z_out = u.out[j], keep = 1;
    if (peep) z_in = through(peep + first, before, cells, z_in);
    const float in = u.in[j] = sigmoid_of(z_in);
    if (u.forget) {
      float z = u.forget[j];
      if (peep) z = through(peep + states + first, before, cells, z);
      keep = u.forget[j] = sigmoid_of(z);
    }
#pragma unroll 1
    for (int v = 0; v < cells; v++) {
      const float input = u.cell[first + v] = g.of(u.cell[first + v]);
      after[v] = fmaf(keep, before[v], in * input);
    }
    if (peep) z_out = through(peep + 2 * states + first, after, cells, z_out);
    const float out = u.out[j] = sigmoid_of(z_out);
#pragma unroll 1
    for (int v = 0; v < cells; v++) output[v] = out * h.of(after[v]);
  }
};

// in = sigmoid(z_in + sum_v p_in * s_prev)   f = sigmoid(z_f + sum_v p_f * s_prev), or 1
// s  = f * s_prev + in * g(z_cell)           out = sigmoid(z_out + sum_v p_out * s)
// y  = out * h(s)
// grid: any blocks of 256 in all, over [batch, blocks]
extern "C" __global__ void __launch_bounds__(kBlock) lstm1997_cell(
    float *__restrict__ gates,         // [batch, units] in: z; out: in, f, out, g(z)
    float *__restrict__ s,             // [batch, blocks*cells] out
    float *__restrict__ y,             // [batch, blocks*cells] out
    const float *__restrict__ s_prev,  // [batch, blocks*cells]
    const float *__restrict__ peep,    // [3, blocks*cells]: of in, f, out; null for none
    int batch, int blocks, int cells,
    int forget,                        // there are forget gates
    float g_range, float g_slope, float h_range, float h_slope) {
  EACH_ROW(n, batch)
    EACH(j, blocks) {
      const Block block(j, blocks, cells);
      const long long row = n * block.states;
      block.forward(Units<float>(gates, n, blocks, cells, forget), s_prev + row, s + row, y + row, peep, {g_range, g_slope}, {h_range, h_slope});
    }
}

// z = weight * y_m of a time step, and then lstm1997_cell. A warp has a block and some rows
// of the batch. It multiplies a few units of the block at a time, and its lanes share m.
// y_m = [x; gates before; y before; 1]. What comes out goes into the y_m of the step after.
// grid: any number of blocks of kBlock threads
constexpr int kStepUnits = 4, kStepRows = kSums / kStepUnits;

extern "C" __global__ void __launch_bounds__(kBlock, 3) lstm1997_step(
    float *__restrict__ gates,         // [batch, units] out: in, f, out, g(z)
    float *__restrict__ s,             // [batch, blocks*cells] out
    float *__restrict__ y,             // [batch, blocks*cells] out
    float *__restrict__ next,          // [batch, sources] out, all but x and 1: of the step after; null for none
    const float *__restrict__ source,  // [batch, sources]: y_m
    const float *__restrict__ weight,  // [units, sources]
    const float *__restrict__ s_prev,  // [batch, blocks*cells]
    const float *__restrict__ peep,    // [3, blocks*cells]: of in, f, out; null for none
    int batch, int blocks, int cells, int sources,
    int forget,                        // there are forget gates
    int feedback,                      // gates are sources
    float g_range, float g_slope, float h_range, float h_slope) {
  const int lane = threadIdx.x % kWarp, kinds = 2 + forget, of_block = kinds + cells;
  const long long tiles = (batch + kStepRows - 1) / kStepRows, warps = (long long)gridDim.x * (kBlock / kWarp);
#pragma unroll 1
  for (long long k = (blockIdx.x * (long long)kBlock + threadIdx.x) / kWarp; k < blocks * tiles; k += warps) {
    const Block block(k / tiles, blocks, cells);
    const long long first_row = k % tiles * kStepRows;
    const int rows = min((long long)kStepRows, batch - first_row);
    // The row of the weights of a unit of the block: in, f, out, cells.
    auto unit = [&](int i) {
      return i < kinds ? i * (long long)blocks + block.j : kinds * (long long)blocks + block.first + i - kinds;
    };
#pragma unroll 1
    for (int from = 0; from < of_block; from += kStepUnits) {
      const float *w[kStepUnits], *x[kStepRows];
      float sum[kSums] = {};
#pragma unroll
      for (int i = 0; i < kStepUnits; i++) w[i] = weight + unit(min(from + i, of_block - 1)) * sources;
#pragma unroll
      for (int r = 0; r < kStepRows; r++) x[r] = source + (first_row + min(r, rows - 1)) * sources;
#pragma unroll 1
      for (int m = lane; m < sources; m += kWarp) {
        float of_row[kStepRows];
#pragma unroll
        for (int r = 0; r < kStepRows; r++) of_row[r] = x[r][m];
#pragma unroll
        for (int i = 0; i < kStepUnits; i++) {
          const float of_unit = w[i][m];
#pragma unroll
          for (int r = 0; r < kStepRows; r++) sum[i * kStepRows + r] = fmaf(of_unit, of_row[r], sum[i * kStepRows + r]);
        }
      }
      const float z = halve<kSums / 2>(sum);
      const int i = from + lane / kStepRows, r = lane % kStepRows;
      if (lane < kSums && i < of_block && r < rows) gates[(first_row + r) * (kinds * (long long)blocks + block.states) + unit(i)] = z;
    }
    __syncwarp();  // each row has one lane from here on
    if (lane < rows) {
      const long long n = first_row + lane, row = n * block.states;
      const Units<float> u(gates, n, blocks, cells, forget);
      block.forward(u, s_prev + row, s + row, y + row, peep, {g_range, g_slope}, {h_range, h_slope});
      if (next) {
        float *outputs = next + (n + 1) * sources - 1 - block.states;
        for (int v = 0; v < cells; v++) outputs[block.first + v] = y[row + block.first + v];
        if (feedback)
          for (int i = 0; i < kinds; i++) outputs[(i - kinds) * (long long)blocks + block.j] = u.in[i * (long long)blocks + block.j];
      }
    }
  }
}

// e = dy * out * h'(s)   d_out = out * (1-out) * sum_v h(s) * dy
// grid: any blocks of 256 in all, over [batch, blocks]
extern "C" __global__ void __launch_bounds__(kBlock) lstm1997_error(
    float *__restrict__ e,            // [batch, blocks*cells] out
    float *__restrict__ d_out,        // [batch, blocks] out
    const float *__restrict__ gates,  // [batch, units]: in, f, out, g(z)
    const float *__restrict__ s,      // [batch, blocks*cells]
    const float *__restrict__ dy,     // [batch, blocks*cells]
    int batch, int blocks, int cells,
    int forget,                       // there are forget gates
    float h_range, float h_slope) {
  const Squash h = {h_range, h_slope};
  EACH_ROW(n, batch)
    EACH(j, blocks) {
      const float out = Units<const float>(gates, n, blocks, cells, forget).out[j];
      const long long first = (n * blocks + j) * cells;
      float sum = 0;
      for (long long k = first; k < first + cells; k++) {
        const float squashed = h.of(s[k]);
        e[k] = dy[k] * out * h.grad(squashed);
        sum = fmaf(squashed, dy[k], sum);
      }
      d_out[n * blocks + j] = sum * sigmoid_slope(out);
    }
}

// Over the steps, from the first to the last:
//   p_in[v,m] = f * p_in[v,m] + g * in * (1-in) * y[m]
//   p_f[v,m]  = f * p_f[v,m]  + s_prev * f * (1-f) * y[m]
//   p_c[v,m]  = f * p_c[v,m]  + in * g' * y[m]
//   dw[in,m] += sum_v e * p_in[v,m]   dw[f,m]   += sum_v e * p_f[v,m]
//   dw[v,m]  += e * p_c[v,m]          dw[out,m] += d_out * y[m]
// y[m] is source m. Columns beyond the sources belong to the peepholes: there dpeep takes
// the place of dw, and s_prev of the block that of y[m], or s for out. Cells have none.
// A thread has a block and a column m. So no step waits for another thread, and the
// partials stay in registers. Sums are over the steps, then the sequences, then the cells.
// grid: any blocks of 256 in all, over [blocks, columns]; z: chunks of sequences
extern "C" __global__ void __launch_bounds__(kBlock, 3) lstm1997_grad(
    float *__restrict__ dw,            // [chunks, units, sources] in and out
    float *__restrict__ dpeep,         // [3, chunks, blocks*cells] in and out: of in, f, out; null for none
    float *__restrict__ p_in,          // [batch*blocks*cells, columns] in and out
    float *__restrict__ p_f,           // [batch*blocks*cells, columns] in and out; null without forget gates
    float *__restrict__ p_c,           // [batch*blocks*cells, sources] in and out
    const float *__restrict__ gates,   // [steps*batch, units]: in, f, out, g(z)
    const float *s_prev,               // [steps*batch, blocks*cells]
    const float *s,                    // [steps*batch, blocks*cells]
    const float *__restrict__ e,       // [steps*batch, blocks*cells]
    const float *__restrict__ d_out,   // [steps*batch, blocks]
    const float *__restrict__ source,  // [steps*batch, sources]
    int steps, int batch, int blocks, int cells, int sources,
    int columns,                       // sources, or sources + cells with peepholes
    int chunk,                         // sequences of a chunk
    float g_range, float g_slope,
    float beta) {                      // 1, or 0 not to read dw and dpeep
  const Squash squash = {g_range, g_slope};
  const int from = blockIdx.z * chunk, to = min(batch, from + chunk);
  EACH_ROW(j, blocks)
    EACH(m, columns) {
      const Block block(j, blocks, cells);
      const bool beyond = m >= sources;
      const long long peephole = block.first + m - sources, width = beyond ? block.states : sources;
      const float *input = beyond ? s_prev + peephole : source + m, *output = beyond ? s + peephole : input;
      // put adds a sum to the gradient of gate 0, 1, 2 of the block, or of its cell gate - 3.
      auto put = [&](int gate, float sum) {
        const long long first_cell = blocks * (p_f ? 3ll : 2ll), row = gate == 0 ? j : gate == 1 ? blocks + j : first_cell - blocks + j;
        float *dst = beyond ? dpeep + (gate * (long long)gridDim.z + blockIdx.z) * block.states + peephole
                            : dw + (blockIdx.z * (first_cell + block.states) + (gate < 3 ? row : first_cell + block.first + gate - 3)) * sources + m;
        *dst = beta == 0 ? sum : *dst + sum;
      };
      float sum_in = 0, sum_f = 0, sum_out = 0;
      for (int v = 0; v < cells; v++) {
        float sum_c = 0;
        for (int n = from; n < to; n++) {
          const long long row = n * block.states + block.first + v, k = row * columns + m, of_cell = row * sources + m;
          float in_v = p_in[k], f_v = p_f ? p_f[k] : 0, c_v = beyond ? 0 : p_c[of_cell];
#pragma unroll 1
          for (int t = 0; t < steps; t++) {
            const long long at = t * (long long)batch + n, state = at * block.states + block.first + v;
            const Units<const float> u(gates, at, blocks, cells, p_f);
            const float y_m = input[at * width], error = e[state], in = u.in[j], g = u.cell[block.first + v], keep = p_f ? u.forget[j] : 1.0f;
            in_v = fmaf(keep, in_v, g * sigmoid_slope(in) * y_m);
            sum_in = fmaf(error, in_v, sum_in);
            if (p_f) {
              f_v = fmaf(keep, f_v, s_prev[state] * sigmoid_slope(keep) * y_m);
              sum_f = fmaf(error, f_v, sum_f);
            }
            c_v = fmaf(keep, c_v, in * squash.grad(g) * y_m);
            sum_c = fmaf(error, c_v, sum_c);
          }
          p_in[k] = in_v;
          if (p_f) p_f[k] = f_v;
          if (!beyond) p_c[of_cell] = c_v;
        }
        if (!beyond) put(3 + v, sum_c);
      }
      for (int n = from; n < to; n++)
#pragma unroll 1
        for (int t = 0; t < steps; t++) {
          const long long at = t * (long long)batch + n;
          sum_out = fmaf(d_out[at * blocks + j], output[at * width], sum_out);
        }
      put(0, sum_in);
      if (p_f) put(1, sum_f);
      put(2, sum_out);
    }
}
