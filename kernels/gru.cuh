// The GRU cell of one hidden unit, and its gradient. A row of gates holds r of all hidden
// units, then z, then n. A row of u is laid out in the same way.
#pragma once
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

// apply_cell computes the cell of one unit, whose state was before, and returns its h.
// v and u hold the arguments of its r, z, n.
__device__ inline float apply_cell(const Triple<float> &gate, const float (&v)[3], const float (&u)[3], float before) {
  float r = gate[0] = sigmoid_of(v[0] + u[0]);
  float n = gate[2] = tanh_of(fmaf(r, u[2], v[2]));
  float z = gate[1] = sigmoid_of(v[1] + u[1]);
  return fmaf(1.0f - z, n, z * before);
}

// CellGrad is the gradient of the cell of one unit. d is that of h. The gates are those
// after their nonlinearities.
//
// dn = d * (1-z) * (1-n^2)
// dz = d * (h_prev-n) * z * (1-z)
// dr = dn * u_n * r * (1-r)
// dv = dr, dz, dn   du = dr, dz, dn * r   dh = d * z
struct CellGrad {
  float dv[3];  // of r, z, n
  float du_n;   // du is otherwise as dv
  float dh;     // of h_prev, without the part through u

  __device__ CellGrad(const Triple<const float> &gate, float u_n, float h_prev, float d) {
    const float r = gate[0], z = gate[1], n = gate[2];
    dv[2] = d * (1.0f - z) * tanh_slope(n);
    dv[0] = dv[2] * u_n * sigmoid_slope(r);
    dv[1] = d * (h_prev - n) * sigmoid_slope(z);
    du_n = dv[2] * r;
    dh = d * z;
  }

  __device__ void store(const Triple<float> &of_v, const Triple<float> &of_u) const {
    of_v[0] = of_u[0] = dv[0];
    of_v[1] = of_u[1] = dv[1];
    of_v[2] = dv[2];
    of_u[2] = du_n;
  }
};
