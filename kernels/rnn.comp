// A time step of the Elman RNN, fused with the recurrent product, and the gradient of
// its cell. The cell alone is tanh_forward or relu.
#include "common.glsl"
#include "nonlinear.glsl"

#ifdef KERNEL_rnn_step
uint first_row, first_unit;

float whh_of(uint p, uint unit) { return unit < hidden ? whh[unit * hidden + p] : 0.0; }
float h_of(uint row, uint p) { return row < batch ? h[row * hidden + p] : 0.0; }
#define A(i, p) h_of(first_row + i, p)
#define B(p, j) whh_of(p, first_unit + j)
#include "gemm.glsl"
#endif

// h = f(h + h_prev * whh^T + bih + bhh), f = relu ? relu : tanh
// groups: any, over ceil(batch/32)*ceil(hidden/32)
kernel rnn_step<TILE = 32; GROUP = 64>(
    float h[],    // [2*batch, hidden] in: first h_prev, then x * wih^T; out: then h
    float whh[],  // [hidden, hidden]
    float bih[],  // [hidden]; absent for none
    float bhh[],  // [hidden]; absent for none
    uint batch, uint hidden,
    uint relu) {
  uint across = (hidden + TILE - 1u) / TILE, down = (batch + TILE - 1u) / TILE;
  EACH_ROW(tile, across * down) {
    first_row = tile / across * TILE;
    first_unit = tile % across * TILE;
    vec4 sum[PER];
    multiply_tile(0u, hidden, true, true, sum);
    for (uint r = 0u; r < PER; r++)
      for (uint c = 0u; c < PER; c++) {
        uint row = first_row + tile_row(r), unit = first_unit + tile_column(0u) + c, next = (batch + row) * hidden + unit;
        if (row >= batch || unit >= hidden) continue;
        precise float z = h[next] + sum[r][c];
        if (bih_at != absent) z += bih[unit];
        if (bhh_at != absent) z += bhh[unit];
        h[next] = relu != 0u ? relu_of(z) : tanh_of(z);
      }
  }
}

// dz = (dy + dh) * f', f' = relu ? [h > 0] : 1-h^2
// groups: any, over n
kernel rnn_cell_grad(
    float dz[],  // [n] out, may be dy or dh
    float h[],   // [n]
    float dy[],  // [n]
    float dh[],  // [n]
    uint n,
    uint relu) {
  EACH(k, n) {
    precise float d = dy[k] + dh[k], through_tanh = d * tanh_slope(h[k]);
    dz[k] = relu == 0u ? through_tanh : h[k] > 0.0 ? d : 0.0;
  }
}
