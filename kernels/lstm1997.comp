// Memory blocks of the LSTM of 1997, with forget gates and peepholes. A row of gates
// holds in of all blocks, then f (if there are forget gates), then out, and then the
// cells, block by block.
//
// A block belongs to a team of TEAM invocations: one if it has few cells, the whole
// group if it has many.
#include "common.glsl"
#include "nonlinear.glsl"

// EACH_BLOCK(k, n) gives each team blocks of its own. In it, EACH_CELL(v, cells) spreads
// the cells over the team, and team_sum adds x of the whole team, of which one leads.
#define EACH_BLOCK(k, n) for (uint k = gl_GlobalInvocationID.x / TEAM; k < n; k += gl_NumWorkGroups.x * (GROUP / TEAM))
#define EACH_CELL(v, cells) EACH_OF(v, cells, TEAM)
#define leads() (gl_LocalInvocationIndex % TEAM == 0u)
#define team_sum(x) (TEAM == 1u ? (x) : group_sum(x))

// squash is f(x) = range * tanh(slope * x), or the identity if range and slope are 0.
float squash(float range, float slope, float x) {
  precise float y = range * tanh_of(slope * x);
  return range == 0.0 ? x : y;
}

// squash_grad is f'(x), given y = f(x).
float squash_grad(float range, float slope, float y) {
  precise float grad = slope * (range - y * y / range);
  return range == 0.0 ? 1.0 : grad;
}

// in = sigmoid(z_in + sum_v p_in * s_prev)   f = sigmoid(z_f + sum_v p_f * s_prev), or 1
// s  = f * s_prev + in * g(z_cell)           out = sigmoid(z_out + sum_v p_out * s)
// y  = out * h(s)
// groups: any, over batch*blocks teams
kernel lstm1997_cell<TEAM = 1, 32, 256, 1024; GROUP = 256, 32, 256, 1024>(
    float gates[],   // [batch, units] in: z; out: in, f, out, g(z)
    float s[],       // [batch, blocks*cells] out
    float y[],       // [batch, blocks*cells] out
    float s_prev[],  // [batch, blocks*cells]
    float peep[],    // [3, blocks*cells]: of in, f, out; absent for none
    uint batch, uint blocks, uint cells,
    uint forget,     // there are forget gates
    float g_range, float g_slope, float h_range, float h_slope) {
  uint states = blocks * cells, units = blocks * (2u + forget) + states;
  bool has_peep = peep_at != absent;
  EACH_BLOCK(k, batch * blocks) {
    uint j = k % blocks, row = k / blocks * units, first = k * cells, of_block = j * cells;
    uint of_in = row + j, of_forget = of_in + blocks, of_out = of_in + blocks * (1u + forget);
    uint of_cell = row + blocks * (2u + forget) + of_block;
    // The sums begin with z, which the one who leads puts in.
    precise float z_in = 0.0, z_forget = 0.0, z_out = 0.0;
    if (leads()) {
      z_in = gates[of_in];
      z_out = gates[of_out];
      if (forget != 0u) z_forget = gates[of_forget];
    }
    if (has_peep)
      EACH_CELL(v, cells) {
        z_in = fma(peep[of_block + v], s_prev[first + v], z_in);
        if (forget != 0u) z_forget = fma(peep[states + of_block + v], s_prev[first + v], z_forget);
      }
    float gate = sigmoid_of(team_sum(z_in)), keep = 1.0;
    if (forget != 0u) keep = sigmoid_of(team_sum(z_forget));
    EACH_CELL(v, cells) {
      float squashed = squash(g_range, g_slope, gates[of_cell + v]);
      gates[of_cell + v] = squashed;
      precise float state = fma(keep, s_prev[first + v], gate * squashed);
      s[first + v] = state;
      if (has_peep) z_out = fma(peep[2u * states + of_block + v], state, z_out);
    }
    float open = sigmoid_of(team_sum(z_out));
    EACH_CELL(v, cells) SET(y[first + v], open * squash(h_range, h_slope, s[first + v]))
    if (leads()) {
      gates[of_in] = gate;
      if (forget != 0u) gates[of_forget] = keep;
      gates[of_out] = open;
    }
  }
}

// p_in[v,m] = f * p_in[v,m] + g * in * (1-in) * y[m]
// p_f[v,m]  = f * p_f[v,m]  + s_prev * f * (1-f) * y[m]
// p_c[v,m]  = f * p_c[v,m]  + in * g' * y[m]
// y[m] is source m. Columns beyond the sources belong to the peepholes, and there y[m]
// is s_prev of the block. Cells have no peepholes, so p_c has no such columns.
// groups: any, over batch*blocks*cells*columns
kernel lstm1997_partials(
    float p_in[],    // [batch*blocks*cells, columns] in and out
    float p_f[],     // [batch*blocks*cells, columns] in and out; absent without forget gates
    float p_c[],     // [batch*blocks*cells, sources] in and out
    float gates[],   // [batch, units]: in, f, out, g(z)
    float s_prev[],  // [batch, blocks*cells]
    float source[],  // [batch, sources]
    uint batch, uint blocks, uint cells, uint sources,
    uint columns,    // sources, or sources + cells with peepholes
    float g_range, float g_slope) {
  bool has_forget = p_f_at != absent;
  uint states = blocks * cells, ahead = blocks * (has_forget ? 3u : 2u), units = ahead + states;
  EACH(k, batch * states * columns) {
    uint state = k / columns, m = k % columns, n = state / states, v = state % states, j = v / cells, row = n * units;
    float of_source = m < sources ? source[n * sources + m] : s_prev[n * states + j * cells + m - sources];
    float gate = gates[row + j], g = gates[row + ahead + v], keep = has_forget ? gates[row + blocks + j] : 1.0;
    SET(p_in[k], fma(keep, p_in[k], g * sigmoid_slope(gate) * of_source))
    if (has_forget) SET(p_f[k], fma(keep, p_f[k], s_prev[state] * sigmoid_slope(keep) * of_source))
    if (m < sources) {
      uint of_cell = state * sources + m;
      SET(p_c[of_cell], fma(keep, p_c[of_cell], gate * squash_grad(g_range, g_slope, g) * of_source))
    }
  }
}

// e = dy * out * h'(s)   d_out = out * (1-out) * sum_v h(s) * dy
// groups: any, over batch*blocks teams
kernel lstm1997_error<TEAM = 1, 32, 256, 1024; GROUP = 256, 32, 256, 1024>(
    float error[],  // [batch*blocks*cells + batch*blocks] out: e, then d_out
    float gates[],  // [batch, units]: in, f, out, g(z)
    float s[],      // [batch, blocks*cells]
    float dy[],     // [batch, blocks*cells]
    uint batch, uint blocks, uint cells,
    uint forget,    // there are forget gates
    float h_range, float h_slope) {
  uint units = blocks * (2u + forget + cells);
  EACH_BLOCK(k, batch * blocks) {
    float gate = gates[k / blocks * units + blocks * (1u + forget) + k % blocks];
    precise float sum = 0.0;
    EACH_CELL(v, cells) {
      uint state = k * cells + v;
      float squashed = squash(h_range, h_slope, s[state]);
      SET(error[state], dy[state] * gate * squash_grad(h_range, h_slope, squashed))
      sum = fma(squashed, dy[state], sum);
    }
    sum = team_sum(sum);
    if (leads()) SET(error[batch * blocks * cells + k], sum * sigmoid_slope(gate))
  }
}

// dw[in,m] += sum_v e * p_in[v,m]   dw[f,m]   += sum_v e * p_f[v,m]
// dw[v,m]  += e * p_c[v,m]          dw[out,m] += d_out * y[m]
// summed over the sequences from first to last-1, in order, for so many units from
// first_unit on. Columns beyond the sources belong to the peepholes: there dpeep takes
// the place of dw, and s of the block that of y.
// groups: any, over units*columns teams
kernel lstm1997_grad<TEAM = 1, 32, 256, 1024; GROUP = 256, 32, 256, 1024>(
    float dw[],      // [all units, sources] in and out
    float dpeep[],   // [3, blocks*cells] in and out: of in, f, out; absent for none
    float p_in[],    // [batch*blocks*cells, columns]
    float p_f[],     // [batch*blocks*cells, columns]; absent without forget gates
    float p_c[],     // [batch*blocks*cells, sources]
    float error[],   // [batch*blocks*cells + batch*blocks]: e, then d_out
    float s[],       // [batch, blocks*cells]
    float source[],  // [batch, sources]
    uint first, uint last, uint first_unit, uint units,
    uint batch, uint blocks, uint cells, uint sources,
    uint columns) {  // sources, or sources + cells with peepholes
  uint states = blocks * cells, first_out = blocks * (p_f_at != absent ? 2u : 1u), first_cell = first_out + blocks;
  EACH_BLOCK(k, units * columns) {
    uint unit = first_unit + k / columns, m = k % columns;
    bool is_cell = unit >= first_cell, beyond = m >= sources;
    if (is_cell && beyond) continue;
    uint j = is_cell ? (unit - first_cell) / cells : unit % blocks, gate = unit < blocks ? 0u : unit < first_out ? 1u : 2u;
    uint state = j * cells + (m - sources);  // that a peephole sees
    uint to = beyond ? gate * states + state : unit * sources + m;
    precise float sum = 0.0;
    if (leads()) {
      if (beyond) sum = dpeep[to]; else sum = dw[to];
    }
    for (uint n = first; n < last; n++) {
      if (gate < 2u) {
        EACH_CELL(v, cells) {
          uint cell = n * states + j * cells + v;
          sum = fma(error[cell], gate == 0u ? p_in[cell * columns + m] : p_f[cell * columns + m], sum);
        }
      } else if (leads() && is_cell) {
        uint cell = n * states + (unit - first_cell);
        sum = fma(error[cell], p_c[cell * sources + m], sum);
      } else if (leads()) {
        float y = beyond ? s[n * states + state] : source[n * sources + m];
        sum = fma(error[batch * states + n * blocks + j], y, sum);
      }
    }
    sum = team_sum(sum);
    if (leads()) {
      if (beyond) dpeep[to] = sum; else dw[to] = sum;
    }
  }
}
