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
  for (int v = 0; v < cells; v++) z = fmaf(peep[v], s[v], z);
  return z;
}

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
  const Squash g = {g_range, g_slope}, h = {h_range, h_slope};
  const long long states = (long long)blocks * cells;
  EACH_ROW(n, batch)
    EACH(j, blocks) {
      const Units<float> u(gates, n, blocks, cells, forget);
      const long long first = j * cells;
      const float *before = s_prev + n * states + first;
      float *after = s + n * states + first, *output = y + n * states + first;
      float z_in = u.in[j], z_out = u.out[j], keep = 1;
      if (peep) z_in = through(peep + first, before, cells, z_in);
      const float in = u.in[j] = sigmoid_of(z_in);
      if (forget) {
        float z = u.forget[j];
        if (peep) z = through(peep + states + first, before, cells, z);
        keep = u.forget[j] = sigmoid_of(z);
      }
      for (int v = 0; v < cells; v++) {
        const float input = u.cell[first + v] = g.of(u.cell[first + v]);
        after[v] = fmaf(keep, before[v], in * input);
      }
      if (peep) z_out = through(peep + 2 * states + first, after, cells, z_out);
      const float out = u.out[j] = sigmoid_of(z_out);
      for (int v = 0; v < cells; v++) output[v] = out * h.of(after[v]);
    }
}

// p_in[v,m] = f * p_in[v,m] + g * in * (1-in) * y[m]
// p_f[v,m]  = f * p_f[v,m]  + s_prev * f * (1-f) * y[m]
// p_c[v,m]  = f * p_c[v,m]  + in * g' * y[m]
// y[m] is source m. Columns beyond the sources belong to the peepholes, and there y[m]
// is s_prev of the block. Cells have no peepholes, so p_c has no such columns.
// grid: any blocks of 256 in all, over [batch*blocks*cells, columns]
extern "C" __global__ void __launch_bounds__(kBlock) lstm1997_partials(
    float *__restrict__ p_in,          // [batch*blocks*cells, columns] in and out
    float *__restrict__ p_f,           // [batch*blocks*cells, columns] in and out; null without forget gates
    float *__restrict__ p_c,           // [batch*blocks*cells, sources] in and out
    const float *__restrict__ gates,   // [batch, units]: in, f, out, g(z)
    const float *__restrict__ s_prev,  // [batch, blocks*cells]
    const float *__restrict__ source,  // [batch, sources]
    int batch, int blocks, int cells, int sources,
    int columns,                       // sources, or sources + cells with peepholes
    float g_range, float g_slope) {
  const Squash squash = {g_range, g_slope};
  const long long states = (long long)blocks * cells;
  EACH_ROW(row, batch * states)
    EACH(m, columns) {
      const long long n = row / states, v = row % states, j = v / cells;
      const Units<const float> u(gates, n, blocks, cells, p_f);
      const float *before = s_prev + n * states;
      const float y = m < sources ? source[n * sources + m] : before[j * cells + m - sources];
      const float in = u.in[j], g = u.cell[v], keep = p_f ? u.forget[j] : 1.0f;
      const long long k = row * columns + m;
      p_in[k] = fmaf(keep, p_in[k], g * sigmoid_slope(in) * y);
      if (p_f) p_f[k] = fmaf(keep, p_f[k], before[v] * sigmoid_slope(keep) * y);
      if (m < sources) {
        float *p = &p_c[row * sources + m];
        *p = fmaf(keep, *p, in * squash.grad(g) * y);
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

// dw[in,m] += sum_v e * p_in[v,m]   dw[f,m]   += sum_v e * p_f[v,m]
// dw[v,m]  += e * p_c[v,m]          dw[out,m] += d_out * y[m]
// summed over the sequences in order. Columns beyond the sources belong to the
// peepholes: there dpeep takes the place of dw, and s of the block that of y.
// grid: any blocks of 256 in all, over [units, columns]
extern "C" __global__ void __launch_bounds__(kBlock) lstm1997_grad(
    float *__restrict__ dw,            // [units, sources] in and out
    float *__restrict__ dpeep,         // [3, blocks*cells] in and out: of in, f, out; null for none
    const float *__restrict__ p_in,    // [batch*blocks*cells, columns]
    const float *__restrict__ p_f,     // [batch*blocks*cells, columns]; null without forget gates
    const float *__restrict__ p_c,     // [batch*blocks*cells, sources]
    const float *__restrict__ e,       // [batch, blocks*cells]
    const float *__restrict__ d_out,   // [batch, blocks]
    const float *__restrict__ s,       // [batch, blocks*cells]
    const float *__restrict__ source,  // [batch, sources]
    int batch, int blocks, int cells, int sources,
    int columns) {                     // sources, or sources + cells with peepholes
  const long long states = (long long)blocks * cells, first_out = blocks * (p_f ? 2ll : 1ll), first_cell = first_out + blocks;
  EACH_ROW(unit, first_cell + states)
    EACH(m, columns) {
      const bool is_cell = unit >= first_cell;
      if (is_cell && m >= sources) continue;
      const long long j = is_cell ? (unit - first_cell) / cells : unit % blocks, beyond = j * cells + m - sources;
      const int gate = unit < blocks ? 0 : unit < first_out ? 1 : 2;
      float *dst = m < sources ? &dw[unit * sources + m] : &dpeep[gate * states + beyond];
      float sum = *dst;
      if (!is_cell && gate == 2) {
        for (long long n = 0; n < batch; n++) {
          const float y = m < sources ? source[n * sources + m] : s[n * states + beyond];
          sum = fmaf(d_out[n * blocks + j], y, sum);
        }
      } else {
        const float *p = is_cell ? p_c : gate == 0 ? p_in : p_f;
        const long long width = is_cell ? sources : columns;
        const long long first = is_cell ? unit - first_cell : j * cells, count = is_cell ? 1 : cells;
        for (long long n = 0; n < batch; n++)
          for (long long k = n * states + first; k < n * states + first + count; k++) sum = fmaf(e[k], p[k * width + m], sum);
      }
      *dst = sum;
    }
}
