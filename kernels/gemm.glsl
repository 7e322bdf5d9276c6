// A tile of a matrix product, computed by one group. It is the core of gemm.comp and of
// the recurrent steps. Who includes it defines TILE and the operands:
// A(i, p) is element p of row i of the tile, B(p, j) element p of column j, both 0
// where there is none.
//
// The group walks along p in slabs of DEPTH, which it copies to shared memory. Each
// invocation computes PER x PER elements, which are 16 rows and 16 columns apart.

const uint PER = TILE / 16u, DEPTH = TILE == 128u ? 8u : 16u;

shared float slab_a[DEPTH][TILE], slab_b[DEPTH][TILE];

// The first row and column of an invocation.
uint tile_row() { return gl_LocalInvocationIndex / 16u; }
uint tile_column() { return gl_LocalInvocationIndex % 16u; }

// multiply_tile sums A * B over p from from to to-1. Element r*PER+c of sum belongs to
// row tile_row()+16r and column tile_column()+16c. along_a and along_b say that the
// neighbours of an element in memory differ in p.
void multiply_tile(uint from, uint to, bool along_a, bool along_b, out float sum[PER * PER]) {
  for (uint r = 0u; r < PER; r++)
    for (uint c = 0u; c < PER; c++) sum[r * PER + c] = 0.0;
  for (uint first = from; first < to; first += DEPTH) {
    for (uint e = gl_LocalInvocationIndex; e < TILE * DEPTH; e += GROUP) {
      uint i = along_a ? e / DEPTH : e % TILE, p = along_a ? e % DEPTH : e / TILE;
      slab_a[p][i] = first + p < to ? A(i, first + p) : 0.0;
    }
    for (uint e = gl_LocalInvocationIndex; e < TILE * DEPTH; e += GROUP) {
      uint j = along_b ? e / DEPTH : e % TILE, p = along_b ? e % DEPTH : e / TILE;
      slab_b[p][j] = first + p < to ? B(first + p, j) : 0.0;
    }
    meet();
    for (uint p = 0u; p < DEPTH; p++) {
      float of_a[PER], of_b[PER];
      for (uint r = 0u; r < PER; r++) of_a[r] = slab_a[p][tile_row() + 16u * r];
      for (uint c = 0u; c < PER; c++) of_b[c] = slab_b[p][tile_column() + 16u * c];
      for (uint r = 0u; r < PER; r++)
        for (uint c = 0u; c < PER; c++) sum[r * PER + c] = fma(of_a[r], of_b[c], sum[r * PER + c]);
    }
    meet();
  }
}
