// Matrix products. The number in a kernel's name is the size of the tile.
#include "common.glsl"

#ifdef KERNEL_gemm
uint first_row, first_column;

float a_of(uint row, uint p) {
  return row < m ? a[trans_a != 0u ? p * m + row : row * k + p] : 0.0;
}
float b_of(uint p, uint column) {
  return column < n ? b[trans_b != 0u ? column * k + p : p * n + column] : 0.0;
}
#define A(i, p) a_of(first_row + i, p)
#define B(p, j) b_of(p, first_column + j)
#include "gemm.glsl"
#endif

// dst[z,i,j] = alpha * sum_p op(a)[i,p] * op(b)[p,j] + beta * dst[z,i,j],
// p from z*slice to (z+1)*slice
// With slice = k, one pass computes the whole product. Otherwise dst is a workspace,
// alpha is 1, beta is 0, and gemm_reduce makes the second pass.
// groups: x any, over ceil(m/TILE)*ceil(n/TILE); y ceil(k/slice) or 1
kernel gemm<TILE = 32, 64, 128; GROUP = 64, 256, 256>(
    float dst[],  // [slices, m, n] out; in too unless beta is 0
    float a[],    // [m, k], or [k, m] if trans_a
    float b[],    // [k, n], or [n, k] if trans_b
    uint m, uint n, uint k, uint slice,
    uint trans_a, uint trans_b,
    float alpha, float beta) {
  uint from = min(k, gl_WorkGroupID.y * slice), to = min(k, from + slice);
  uint across = (n + TILE - 1u) / TILE, down = (m + TILE - 1u) / TILE;
  EACH_ROW(tile, across * down) {
    first_row = tile / across * TILE;
    first_column = tile % across * TILE;
    vec4 sum[PER * RUNS];
    multiply_tile(from, to, trans_a == 0u, trans_b != 0u, sum);
    for (uint r = 0u; r < PER; r++)
      for (uint c = 0u; c < PER; c++) {
        uint i = first_row + tile_row(r), j = first_column + tile_column(c / 4u) + c % 4u;
        if (i >= m || j >= n) continue;
        uint e = (gl_WorkGroupID.y * m + i) * n + j;
        precise float value = alpha * sum[r * RUNS + c / 4u][c % 4u];
        if (beta != 0.0) value = fma(beta, dst[e], value);
        dst[e] = value;
      }
  }
}

// dst[e] = alpha * sum_z part[z,e] + beta * dst[e], in order of z
// groups: any, over n
kernel gemm_reduce(
    float dst[],   // [n] out; in too unless beta is 0
    float part[],  // [slices, n]
    uint n, uint slices,
    float alpha, float beta) {
  EACH(e, n) {
    precise float sum = 0.0;
    for (uint z = 0u; z < slices; z++) sum += part[z * n + e];
    precise float value = alpha * sum;
    if (beta != 0.0) value = fma(beta, dst[e], value);
    dst[e] = value;
  }
}
