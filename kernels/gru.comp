// The GRU cell and its gradient. A row of gates holds r of all hidden units, then z,
// then n. A row of u is laid out in the same way.
#include "common.glsl"
#include "nonlinear.glsl"

// r, z = sigmoid(v + u)   n = tanh(v + r * u)   h = (1-z) * n + z * h_prev
// groups: any, over batch*hidden
kernel gru_cell(
    float gates[],   // [batch, 3*hidden] in: v; out: r, z, n
    float h[],       // [batch, hidden] out
    float u[],       // [batch, 3*hidden]
    float h_prev[],  // [batch, hidden]
    uint batch, uint hidden) {
  EACH(k, batch * hidden) {
    uint of_r = k / hidden * 3u * hidden + k % hidden, of_z = of_r + hidden, of_n = of_z + hidden;
    float r = sigmoid_of(gates[of_r] + u[of_r]);
    float n = tanh_of(fma(r, u[of_n], gates[of_n]));
    float z = sigmoid_of(gates[of_z] + u[of_z]);
    gates[of_r] = r;
    gates[of_z] = z;
    gates[of_n] = n;
    SET(h[k], fma(1.0 - z, n, z * h_prev[k]))
  }
}

// d  = dy + dh
// dn = d * (1-z) * (1-n^2)
// dz = d * (h_prev-n) * z * (1-z)
// dr = dn * u_n * r * (1-r)
// dv = dr, dz, dn   du = dr, dz, dn * r   dh = d * z
// groups: any, over batch*hidden
kernel gru_cell_grad(
    float dv[],      // [batch, 3*hidden] out, may be gates
    float du[],      // [batch, 3*hidden] out, may be u
    float dh[],      // [batch, hidden] in: of h; out: of h_prev, without the part through u
    float gates[],   // [batch, 3*hidden]: r, z, n
    float u[],       // [batch, 3*hidden]
    float h_prev[],  // [batch, hidden]
    float dy[],      // [batch, hidden]
    uint batch, uint hidden) {
  EACH(k, batch * hidden) {
    uint of_r = k / hidden * 3u * hidden + k % hidden, of_z = of_r + hidden, of_n = of_z + hidden;
    float r = gates[of_r], z = gates[of_z], n = gates[of_n], u_n = u[of_n];
    precise float d = dy[k] + dh[k];
    precise float dn = d * (1.0 - z) * tanh_slope(n);
    precise float dr = dn * u_n * sigmoid_slope(r);
    precise float dz = d * (h_prev[k] - n) * sigmoid_slope(z);
    dv[of_r] = dr;
    du[of_r] = dr;
    dv[of_z] = dz;
    du[of_z] = dz;
    dv[of_n] = dn;
    SET(du[of_n], dn * r)
    SET(dh[k], d * z)
  }
}
