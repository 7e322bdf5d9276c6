// The GRU cell and its gradient.
#include "gru.cuh"

// r, z = sigmoid(v + u)   n = tanh(v + r * u)   h = (1-z) * n + z * h_prev
// grid: any blocks of 256 in all, over [batch, hidden]
extern "C" __global__ void __launch_bounds__(kBlock) gru_cell(
    float *__restrict__ gates,         // [batch, 3*hidden] in: v; out: r, z, n
    float *__restrict__ h,             // [batch, hidden] out
    const float *__restrict__ u,       // [batch, 3*hidden]
    const float *__restrict__ h_prev,  // [batch, hidden]
    int batch, int hidden) {
  EACH_ROW(row, batch)
    EACH(unit, hidden) {
      const Triple<float> v(gates, hidden, row, unit);
      const Triple<const float> from(u, hidden, row, unit);
      long long k = row * hidden + unit;
      h[k] = apply_cell(v, {v[0], v[1], v[2]}, {from[0], from[1], from[2]}, h_prev[k]);
    }
}

// The gradient of the cell: see CellGrad. d = dy + dh
// grid: any blocks of 256 in all, over [batch, hidden]
extern "C" __global__ void __launch_bounds__(kBlock) gru_cell_grad(
    float *dv,                         // [batch, 3*hidden] out, may be gates
    float *du,                         // [batch, 3*hidden] out, may be u
    float *__restrict__ dh,            // [batch, hidden] in: of h; out: of h_prev, without the part through u
    const float *gates,                // [batch, 3*hidden]: r, z, n
    const float *u,                    // [batch, 3*hidden]
    const float *__restrict__ h_prev,  // [batch, hidden]
    const float *__restrict__ dy,      // [batch, hidden]
    int batch, int hidden) {
  EACH_ROW(row, batch)
    EACH(unit, hidden) {
      long long k = row * hidden + unit;
      const Triple<const float> gate(gates, hidden, row, unit), from(u, hidden, row, unit);
      const CellGrad grad(gate, from[2], h_prev[k], dy[k] + dh[k]);
      grad.store(Triple<float>(dv, hidden, row, unit), Triple<float>(du, hidden, row, unit));
      dh[k] = grad.dh;
    }
}
