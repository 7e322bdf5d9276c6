// The LSTM cell, and a time step that fuses it with the recurrent product. A row of
// gates holds i of all hidden units, then f, then g, then o.
#include "common.glsl"
#include "nonlinear.glsl"

// through adds to z what a peephole lets through of state. Without peepholes it does
// not multiply by 0, because the state may be infinite.
float through(bool has_peep, float peep, float state, float z) {
  precise float sum = fma(peep, state, z);
  return has_peep ? sum : z;
}

// Cell is what a cell puts out.
struct Cell {
  float i, f, g, o, c, h;
};

// apply_cell computes the cell of one unit. z holds the arguments of its i, f, g, o,
// peep the peepholes of i, f, o.
Cell apply_cell(vec4 z, float c_prev, bool has_peep, vec3 peep) {
  Cell cell;
  cell.i = sigmoid_of(through(has_peep, peep.x, c_prev, z.x));
  cell.f = sigmoid_of(through(has_peep, peep.y, c_prev, z.y));
  cell.g = tanh_of(z.z);
  precise float c = fma(cell.f, c_prev, cell.i * cell.g);
  cell.o = sigmoid_of(through(has_peep, peep.z, c, z.w));
  precise float h = cell.o * tanh_of(c);
  cell.c = c;
  cell.h = h;
  return cell;
}

// i, f = sigmoid(z + p * c_prev)   g = tanh(z)   c = f * c_prev + i * g
// o = sigmoid(z + p * c)           h = o * tanh(c)
// groups: any, over batch*hidden
kernel lstm_cell(
    float gates[],   // [batch, 4*hidden] in: z; out: i, f, g, o
    float c[],       // [batch, hidden] out
    float h[],       // [batch, hidden] out
    float c_prev[],  // [batch, hidden]
    float peep[],    // [3, hidden]: of i, f, o; absent for none
    uint batch, uint hidden) {
  bool has_peep = peep_at != absent;
  EACH(k, batch * hidden) {
    uint unit = k % hidden, z = k / hidden * 4u * hidden + unit;
    vec3 p = vec3(0.0);
    if (has_peep) p = vec3(peep[unit], peep[hidden + unit], peep[2u * hidden + unit]);
    vec4 of_gates = vec4(gates[z], gates[z + hidden], gates[z + 2u * hidden], gates[z + 3u * hidden]);
    Cell cell = apply_cell(of_gates, c_prev[k], has_peep, p);
    gates[z] = cell.i;
    gates[z + hidden] = cell.f;
    gates[z + 2u * hidden] = cell.g;
    gates[z + 3u * hidden] = cell.o;
    c[k] = cell.c;
    h[k] = cell.h;
  }
}

#ifdef KERNEL_lstm_step
const uint UNITS = TILE / 4u;
uint first_row, first_unit;

// The gates of a unit are four neighbouring columns of the tile, so that one invocation
// gets all of them.
float whh_of(uint p, uint column) {
  uint unit = first_unit + column / 4u;
  return unit < hidden ? whh[(column % 4u * hidden + unit) * hidden + p] : 0.0;
}
float h_of(uint row, uint p) { return row < batch ? h[row * hidden + p] : 0.0; }
#define A(i, p) h_of(first_row + i, p)
#define B(p, j) whh_of(p, j)
#include "gemm.glsl"

// plus is a + b. It stands alone, because glslang does not end on a precise sum of what
// a loop has computed.
vec4 plus(vec4 a, vec4 b) {
  precise vec4 sum = a + b;
  return sum;
}
#endif

// z = gates + h_prev * whh^T + bih + bhh, then the cell as in lstm_cell
// A tile is 32 rows by 8 hidden units.
// groups: any, over ceil(batch/32)*ceil(hidden/8)
kernel lstm_step<TILE = 32; GROUP = 64>(
    float gates[],  // [batch, 4*hidden] in: x * wih^T; out: i, f, g, o
    float c[],      // [2*batch, hidden] in: first c_prev; out: then c
    float h[],      // [2*batch, hidden] in: first h_prev; out: then h
    float whh[],    // [4*hidden, hidden]
    float bih[],    // [4*hidden]; absent for none
    float bhh[],    // [4*hidden]; absent for none
    float peep[],   // [3, hidden]: of i, f, o; absent for none
    uint batch, uint hidden) {
  bool has_peep = peep_at != absent;
  uint across = (hidden + UNITS - 1u) / UNITS, down = (batch + TILE - 1u) / TILE;
  EACH_ROW(tile, across * down) {
    first_row = tile / across * TILE;
    first_unit = tile % across * UNITS;
    vec4 sum[PER];
    multiply_tile(0u, hidden, true, true, sum);
    uint unit = first_unit + place_x();
    for (uint r = 0u; r < PER; r++) {
      uint row = first_row + tile_row(r), k = row * hidden + unit, next = (batch + row) * hidden + unit;
      if (row >= batch || unit >= hidden) continue;
      uint first = row * 4u * hidden + unit;
      vec4 z = plus(sum[r], vec4(gates[first], gates[first + hidden], gates[first + 2u * hidden], gates[first + 3u * hidden]));
      if (bih_at != absent) z = plus(z, vec4(bih[unit], bih[hidden + unit], bih[2u * hidden + unit], bih[3u * hidden + unit]));
      if (bhh_at != absent) z = plus(z, vec4(bhh[unit], bhh[hidden + unit], bhh[2u * hidden + unit], bhh[3u * hidden + unit]));
      vec3 p = vec3(0.0);
      if (has_peep) p = vec3(peep[unit], peep[hidden + unit], peep[2u * hidden + unit]);
      Cell cell = apply_cell(z, c[k], has_peep, p);
      gates[first] = cell.i;
      gates[first + hidden] = cell.f;
      gates[first + 2u * hidden] = cell.g;
      gates[first + 3u * hidden] = cell.o;
      c[next] = cell.c;
      h[next] = cell.h;
    }
  }
}

// d    = dy + dh
// dz_o = d * tanh(c) * o * (1-o)
// dc   = dc + d * o * (1-tanh(c)^2) + p_o * dz_o
// dz_i = dc * g * i * (1-i)   dz_f = dc * c_prev * f * (1-f)   dz_g = dc * i * (1-g^2)
// dc   = dc * f + p_i * dz_i + p_f * dz_f
// groups: any, over batch*hidden
kernel lstm_cell_grad(
    float dz[],      // [batch, 4*hidden] out, may be gates
    float dc[],      // [batch, hidden] in: of c; out: of c_prev
    float gates[],   // [batch, 4*hidden]: i, f, g, o
    float c_prev[],  // [batch, hidden]
    float c[],       // [batch, hidden]
    float peep[],    // [3, hidden]: of i, f, o; absent for none
    float dy[],      // [batch, hidden]
    float dh[],      // [batch, hidden]
    uint batch, uint hidden) {
  bool has_peep = peep_at != absent;
  EACH(k, batch * hidden) {
    uint unit = k % hidden, first = k / hidden * 4u * hidden + unit;
    float i = gates[first], f = gates[first + hidden], g = gates[first + 2u * hidden], o = gates[first + 3u * hidden];
    vec3 p = vec3(0.0);
    if (has_peep) p = vec3(peep[unit], peep[hidden + unit], peep[2u * hidden + unit]);
    precise float d = dy[k] + dh[k];
    float squashed = tanh_of(c[k]);
    precise float dz_o = d * squashed * sigmoid_slope(o);
    precise float state = fma(d * o, tanh_slope(squashed), dc[k]);
    state = through(has_peep, p.z, dz_o, state);
    precise float dz_i = state * g * sigmoid_slope(i);
    precise float dz_f = state * c_prev[k] * sigmoid_slope(f);
    precise float dz_g = state * i * tanh_slope(g);
    precise float back = state * f;
    dz[first] = dz_i;
    dz[first + hidden] = dz_f;
    dz[first + 2u * hidden] = dz_g;
    dz[first + 3u * hidden] = dz_o;
    dc[k] = through(has_peep, p.y, dz_f, through(has_peep, p.x, dz_i, back));
  }
}

#ifdef KERNEL_lstm_peep_grad
const uint units = 32u, lines = GROUP / units;
shared float partial[3][lines][units];
#endif

// part[s,p,unit] = sum_t dz[t,gate,unit] * state[t,unit], t from s*chunk to (s+1)*chunk
// gate = i, f, o for p = 0, 1, 2; state = c_prev for i and f, c for o
// sum_rows adds up the chunks.
// groups: x any, over the units, 32 at a time; y ceil(rows/chunk)
kernel lstm_peep_grad(
    float part[],    // [chunks, 3, hidden] out
    float dz[],      // [rows, 4*hidden]: of i, f, g, o
    float c_prev[],  // [rows, hidden]
    float c[],       // [rows, hidden]
    uint rows, uint hidden, uint chunk) {
  uint line = gl_LocalInvocationIndex / units, column = gl_LocalInvocationIndex % units;
  uint from = gl_WorkGroupID.y * chunk, to = min(rows, from + chunk);
  EACH_ROW(strip, (hidden + units - 1u) / units) {
    uint unit = strip * units + column;
    precise float of_i = 0.0, of_f = 0.0, of_o = 0.0;
    if (unit < hidden)
      for (uint t = from + line; t < to; t += lines) {
        uint k = t * hidden + unit, first = t * 4u * hidden + unit;
        of_i = fma(dz[first], c_prev[k], of_i);
        of_f = fma(dz[first + hidden], c_prev[k], of_f);
        of_o = fma(dz[first + 3u * hidden], c[k], of_o);
      }
    partial[0][line][column] = of_i;
    partial[1][line][column] = of_f;
    partial[2][line][column] = of_o;
    meet();
    if (line < 3u && unit < hidden) {
      precise float sum = 0.0;
      for (uint other = 0u; other < lines; other++) sum += partial[line][other][column];
      part[(gl_WorkGroupID.y * 3u + line) * hidden + unit] = sum;
    }
    meet();
  }
}
