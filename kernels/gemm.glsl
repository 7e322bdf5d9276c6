// A tile of a matrix product, computed by one group. It is the core of gemm.comp and of
// the recurrent steps. Who includes it has the constant TILE and defines the operands:
// A(i, p) is element p of row i of the tile, B(p, j) element p of column j, both 0
// where there is none.
//
// The group walks along p in slabs of DEPTH, which it copies to shared memory. Each
// invocation computes PER x PER elements. They are read, and lie, in runs of four.

const uint PER = TILE == 128u ? 8u : 4u, RUNS = PER / 4u, DEPTH = 16u;
const uint SIDE = TILE / PER;         // invocations along a side of the tile: the group is SIDE x SIDE
const uint SLAB = DEPTH * TILE / 4u;  // runs of a slab

shared vec4 slab_a[DEPTH][TILE / 4u], slab_b[DEPTH][TILE / 4u];

// The place of an invocation in the tile, and of its elements.
uint place_y() { return gl_LocalInvocationIndex / SIDE; }
uint place_x() { return gl_LocalInvocationIndex % SIDE; }
uint tile_row(uint r) { return (r / 4u * SIDE + place_y()) * 4u + r % 4u; }
uint tile_column(uint run) { return (run * SIDE + place_x()) * 4u; }

// multiply_tile sums A * B over p from from to to-1. The run r*RUNS+c of sum belongs to
// row tile_row(r) and the four columns from tile_column(c) on. along_a and along_b say
// that the neighbours of an element in memory differ in p.
void multiply_tile(uint from, uint to, bool along_a, bool along_b, out vec4 sum[PER * RUNS]) {
  for (uint k = 0u; k < PER * RUNS; k++) sum[k] = vec4(0.0);
  for (uint first = from; first < to; first += DEPTH) {
    for (uint e = gl_LocalInvocationIndex; e < SLAB; e += GROUP) {
      uint run = along_a ? e / DEPTH : e % (TILE / 4u), k = along_a ? e % DEPTH : e / (TILE / 4u);
      uint i = run * 4u, p = first + k;
      slab_a[k][run] = p < to ? vec4(A(i, p), A(i + 1u, p), A(i + 2u, p), A(i + 3u, p)) : vec4(0.0);
    }
    for (uint e = gl_LocalInvocationIndex; e < SLAB; e += GROUP) {
      uint run = along_b ? e / DEPTH : e % (TILE / 4u), k = along_b ? e % DEPTH : e / (TILE / 4u);
      uint j = run * 4u, p = first + k;
      slab_b[k][run] = p < to ? vec4(B(p, j), B(p, j + 1u), B(p, j + 2u), B(p, j + 3u)) : vec4(0.0);
    }
    meet();
    for (uint k = 0u; k < DEPTH; k++) {
      vec4 of_a[RUNS], of_b[RUNS];
      for (uint run = 0u; run < RUNS; run++) {
        of_a[run] = slab_a[k][run * SIDE + place_y()];
        of_b[run] = slab_b[k][run * SIDE + place_x()];
      }
      for (uint r = 0u; r < PER; r++)
        for (uint run = 0u; run < RUNS; run++)
          sum[r * RUNS + run] = fma(vec4(of_a[r / 4u][r % 4u]), of_b[run], sum[r * RUNS + run]);
    }
    meet();
  }
}
