// The GRU cell and its gradient. A row of gates holds r of all hidden units, then z,
// then n. A row of u is laid out in the same way.
#include "nonlinear.cuh"

// Triple points to the three gates of a hidden unit in a row.
template <class Float>
struct Triple {
  Float *r;
  long long hidden;

  __device__ Triple(Float *gates, int hidden, long long row, long long unit)
      : r(gates + row * 3 * hidden + unit), hidden(hidden) {}
  __device__ Float &operator[](int gate) const { return r[gate * hidden]; }
};

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
      float r = v[0] = sigmoid_of(v[0] + from[0]);
      float n = v[2] = tanh_of(fmaf(r, from[2], v[2]));
      float z = v[1] = sigmoid_of(v[1] + from[1]);
      h[k] = fmaf(1.0f - z, n, z * h_prev[k]);
    }
}

// d  = dy + dh
// dn = d * (1-z) * (1-n^2)
// dz = d * (h_prev-n) * z * (1-z)
// dr = dn * u_n * r * (1-r)
// dv = dr, dz, dn   du = dr, dz, dn * r   dh = d * z
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
      const Triple<const float> gate(gates, hidden, row, unit), from(u, hidden, row, unit);
      const Triple<float> of_v(dv, hidden, row, unit), of_u(du, hidden, row, unit);
      const float r = gate[0], z = gate[1], n = gate[2], u_n = from[2];
      long long k = row * hidden + unit;
      float d = dy[k] + dh[k];
      float dn = d * (1.0f - z) * tanh_slope(n);
      float dr = dn * u_n * sigmoid_slope(r);
      of_v[0] = of_u[0] = dr;
      of_v[1] = of_u[1] = d * (h_prev[k] - n) * sigmoid_slope(z);
      of_v[2] = dn;
      of_u[2] = dn * r;
      dh[k] = d * z;
    }
}
