// Reductions over rows and moves by index. Matrix products are in gemm.comp.
#include "common.glsl"

#ifdef KERNEL_sum_rows
const uint columns = 32u, lines = GROUP / columns;
shared float part[lines][columns];
#endif

// dst[c,j] = sum_i x[i,j] + beta * dst[c,j], i from c*chunk to (c+1)*chunk
// A tall matrix takes two passes. The second one sums the results of the first.
// groups: x any, over the columns, 32 at a time; y ceil(rows/chunk) or 1
kernel sum_rows(
    float dst[],  // [chunks, cols] out; in too unless beta is 0
    float x[],    // [rows, cols]
    uint rows, uint cols, uint chunk,
    float beta) {
  uint line = gl_LocalInvocationIndex / columns, column = gl_LocalInvocationIndex % columns;
  uint from = gl_WorkGroupID.y * chunk, to = min(rows, from + chunk);
  EACH_ROW(strip, (cols + columns - 1u) / columns) {
    uint j = strip * columns + column;
    precise float sum = 0.0;
    if (j < cols)
      for (uint i = from + line; i < to; i += lines) sum += x[i * cols + j];
    part[line][column] = sum;
    meet();
    if (line == 0u && j < cols) {
      for (uint y = 1u; y < lines; y++) sum += part[y][column];
      uint k = gl_WorkGroupID.y * cols + j;
      if (beta != 0.0) sum = fma(beta, dst[k], sum);
      dst[k] = sum;
    }
    meet();
  }
}

// dst[i,j] = x[ids[i],j]
// An id that does not exist is a fault, and its row of dst keeps its values.
// groups: any, over n*max(cols,1)
kernel gather_rows(
    float dst[],   // [n, cols] out
    float x[],     // [rows, cols]
    int ids[],     // [n]
    uint fault[],  // in and out: of each call, the least position of an id that does not exist
    uint n, uint rows, uint cols, uint call) {
  uint width = max(cols, 1u);
  EACH(k, n * width) {
    uint i = k / width, j = k % width, id = uint(ids[i]);  // a negative id is beyond all rows
    if (id >= rows) {
      if (j == 0u) atomicMin(fault[call], i);
    } else if (cols > 0u) {
      dst[k] = x[id * cols + j];
    }
  }
}

// dst[ids[i],j] += x[i,j], in order of i from first to last-1; an id that does not exist is a fault
// Each invocation owns an element of dst and looks for its row in all ids. So it needs
// no atomics and keeps the order.
// groups: any, over max(rows*cols,1)
kernel scatter_add_rows(
    float dst[],   // [rows, cols] in and out
    float x[],     // [n, cols]
    int ids[],     // [n]
    uint fault[],  // in and out: as in gather_rows
    uint first, uint last, uint rows, uint cols, uint call) {
  EACH(k, max(rows * cols, 1u)) {
    bool mine = rows * cols > 0u;
    uint row = mine ? k / cols : 0u, j = mine ? k % cols : 0u;
    precise float sum = 0.0;
    if (mine) sum = dst[k];
    for (uint i = first; i < last; i++) {
      uint id = uint(ids[i]);
      if (k == 0u && id >= rows) atomicMin(fault[call], i);
      if (mine && id == row) sum += x[i * cols + j];
    }
    if (mine) dst[k] = sum;
  }
}

// goes_before reports whether element a goes before b: the larger one, NaN before all
// numbers, and of equals the first.
bool goes_before(float a, uint a_column, float b, uint b_column) {
  if (is_nan(a) != is_nan(b)) return is_nan(a);
  if (!is_nan(a) && a != b) return a > b;
  return a_column < b_column;
}

#ifdef KERNEL_argmax_rows
shared uint columns[GROUP];
#endif

// dst[i] = the column of the largest x[i,j]
// NaN is larger than any number. Of equal values the first column counts.
// groups: any, over rows
kernel argmax_rows<GROUP = 32, 256, 1024>(
    int dst[],  // [rows] out
    float x[],  // [rows, cols], cols > 0
    uint rows, uint cols) {
  uint t = gl_LocalInvocationIndex;
  EACH_ROW(i, rows) {
    float best = -infinity;
    uint column = cols;  // none, which goes behind all
    EACH_COLUMN(j, cols) if (goes_before(x[i * cols + j], j, best, column)) {
      best = x[i * cols + j];
      column = j;
    }
    scratch[t] = best;
    columns[t] = column;
    for (uint reach = GROUP / 2u; reach > 0u; reach /= 2u) {
      meet();
      if (t < reach && goes_before(scratch[t + reach], columns[t + reach], scratch[t], columns[t])) {
        scratch[t] = scratch[t + reach];
        columns[t] = columns[t + reach];
      }
    }
    if (is_first()) dst[i] = int(columns[0]);
    meet();
  }
}
