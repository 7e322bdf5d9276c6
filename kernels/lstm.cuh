// The LSTM cell of one hidden unit, and its gradient. A row of gates holds i of all hidden
// units, then f, then g, then o.
#pragma once
#include "nonlinear.cuh"

// through adds to z what a peephole lets through of x. Rows 0, 1, 2 of peep are those
// of i, f, o. Without peepholes it does not multiply by 0, because x may be infinite.
__device__ inline float through(const float *peep, int row, int hidden, long long unit, float x, float z) {
  return peep ? fmaf(peep[row * (long long)hidden + unit], x, z) : z;
}

// Gates points to the four gates of a hidden unit in a row.
template <class Float>
struct Gates {
  Float *i;
  long long hidden;

  __device__ Gates(Float *gates, int hidden, long long row, long long unit)
      : i(gates + row * 4 * hidden + unit), hidden(hidden) {}
  __device__ Float &operator[](int gate) const { return i[gate * hidden]; }
};

// apply_cell computes the cell of one unit, whose state was before, and returns its h. z
// holds the arguments of its i, f, g, o.
__device__ inline float apply_cell(float *gates, float *c, float *h, float before, const float *peep, int hidden,
                                   long long row, long long unit, const float (&z)[4]) {
  long long k = row * hidden + unit;
  const Gates<float> out(gates, hidden, row, unit);
  float i = out[0] = sigmoid_of(through(peep, 0, hidden, unit, before, z[0]));
  float f = out[1] = sigmoid_of(through(peep, 1, hidden, unit, before, z[1]));
  float g = out[2] = tanh_of(z[2]);
  float state = c[k] = fmaf(f, before, i * g);
  float o = out[3] = sigmoid_of(through(peep, 2, hidden, unit, state, z[3]));
  return h[k] = o * tanh_of(state);
}

// CellGrad is the gradient of the cell of one unit. d is that of h, and dc, on entry,
// that of c. The gates are those after their nonlinearities.
//
// dz_o = d * tanh(c) * o * (1-o)
// dc   = dc + d * o * (1-tanh(c)^2) + p_o * dz_o
// dz_i = dc * g * i * (1-i)   dz_f = dc * c_prev * f * (1-f)   dz_g = dc * i * (1-g^2)
// dc   = dc * f + p_i * dz_i + p_f * dz_f
struct CellGrad {
  float dz[4];  // of i, f, g, o
  float dc;     // of c_prev

  __device__ CellGrad(const float *gates, const float *peep, int hidden, long long row, long long unit, float c_prev,
                      float c, float d, float dc) {
    const Gates<const float> gate(gates, hidden, row, unit);
    const float i = gate[0], f = gate[1], g = gate[2], o = gate[3];
    float squashed = tanh_of(c);
    dz[3] = d * squashed * sigmoid_slope(o);
    float state = through(peep, 2, hidden, unit, dz[3], fmaf(d * o, tanh_slope(squashed), dc));
    dz[0] = state * g * sigmoid_slope(i);
    dz[1] = state * c_prev * sigmoid_slope(f);
    dz[2] = state * i * tanh_slope(g);
    this->dc = through(peep, 1, hidden, unit, dz[1], through(peep, 0, hidden, unit, dz[0], state * f));
  }

  __device__ void store(float *row_of_dz, int hidden, long long row, long long unit) const {
    const Gates<float> out(row_of_dz, hidden, row, unit);
#pragma unroll
    for (int gate = 0; gate < 4; gate++) out[gate] = dz[gate];
  }
};
