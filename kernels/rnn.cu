// A time step of the Elman RNN, fused with the recurrent product, and the
// gradient of its cell. The cell alone is tanh_forward or relu.
#include "gemm.cuh"
#include "nonlinear.cuh"

// h = f(h + h_prev * whh^T + bih + bhh), f = relu ? relu : tanh
// grid: x ceil(batch/32)*ceil(hidden/32); blocks of 256
extern "C" __global__ void __launch_bounds__(Small::threads, 3) rnn_step(
    float *__restrict__ h,             // [batch, hidden] in: x * wih^T; out
    const float *__restrict__ h_prev,  // [batch, hidden]
    const float *__restrict__ whh,     // [hidden, hidden]
    const float *__restrict__ bih,     // [hidden]; null for none
    const float *__restrict__ bhh,     // [hidden]; null for none
    int batch, int hidden,
    int relu) {
  __shared__ Small::Shared shared;
  int across = (hidden + Small::BN - 1) / Small::BN;
  int first_row = blockIdx.x / across * Small::BM, first_unit = blockIdx.x % across * Small::BN;
  if (first_row >= batch) return;
  multiply_tile<Small, false, false>(
      shared, h_prev, hidden, whh, hidden, 0, hidden,
      [=](int row) { return first_row + row < batch ? first_row + row : -1; },
      [=](int column) { return first_unit + column < hidden ? first_unit + column : -1; },
      [=](int row, int column, float4 sum) {
        row += first_row;
        int unit = first_unit + column;
        if (row >= batch) return;
        const Run run(h + (long long)row * hidden + unit, hidden - unit);
        float4 input = run.read();
        float z[] = {input.x + sum.x, input.y + sum.y, input.z + sum.z, input.w + sum.w};
#pragma unroll
        for (int j = 0; j < 4; j++) {
          if (bih && unit + j < hidden) z[j] += bih[unit + j];
          if (bhh && unit + j < hidden) z[j] += bhh[unit + j];
          z[j] = relu ? relu_of(z[j]) : tanh_of(z[j]);
        }
        run.write({z[0], z[1], z[2], z[3]});
      });
}

// dz = (dy + dh) * f', f' = relu ? [h > 0] : 1-h^2
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) rnn_cell_grad(
    float *dz,                    // [n] out, may be dy or dh
    const float *__restrict__ h,  // [n]
    const float *dy,              // [n]
    const float *dh,              // [n]
    long long n,
    int relu) {
  EACH(k, n) {
    float d = dy[k] + dh[k];
    dz[k] = relu ? (h[k] > 0 ? d : 0.0f) : d * tanh_slope(h[k]);
  }
}
