// The nonlinearities and the exponential behind them. They use only correctly rounded
// operations and no approximate instruction. So their bits and bounds are the same on
// every GPU. The bounds hold for all 2^32 arguments, in units in the last place.
#pragma once
#include "common.cuh"

// exp(x) = 2^n * (1 + rest) with |rest| < 0.42, for -1000 < x <= 0 or NaN. Near x = 0,
// n is 0 and rest is exp(x) - 1 with full relative precision.
struct Exponential {
  int n;
  float rest;

  __device__ explicit Exponential(float x) {
    // x = n ln 2 + r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to an integer,
    // which is then in the lowest bits. Its product with the upper part of ln 2 is
    // exact.
    constexpr float rounder = 12582912, ln2_upper = 0.693145752f, ln2_lower = 1.42860677e-6f;
    float shifted = fmaf(x, 1.44269504f, rounder), whole = shifted - rounder;
    n = __float_as_int(shifted) - __float_as_int(rounder);
    float r = fmaf(-ln2_lower, whole, fmaf(-ln2_upper, whole, x));
    // Minimax polynomial for (exp(r) - 1 - r) / r^2. Its error is 2^-26 of exp(r) - 1.
    float p = fmaf(1.38825027e-3f, r, 8.36657453e-3f);
    p = fmaf(p, r, 4.16672006e-2f);
    p = fmaf(p, r, 0.166665435f);
    p = fmaf(p, r, 0.499999970f);
    rest = fmaf(p * r, r, r);
  }

  // 2^(n+by), which must be a normal number.
  __device__ float scale(int by) const { return __uint_as_float((unsigned)(n + by + 127) << 23); }
};

// exp(x) for x <= 0, within 1.06 units. A subnormal result is rounded only once.
__device__ inline float exp_of(float x) {
  constexpr float zero_from = -104;  // exp(-104) rounds to 0
  Exponential e(x < zero_from ? zero_from : x);
  float scale = e.scale(64);
  return fmaf(scale, e.rest, scale) * 0x1p-64f;
}

// a/b for 1 <= b <= 2. A division instruction would also need an approximate reciprocal
// and a case for subnormal numbers.
__device__ inline float quotient(float a, float b) {
  // Minimax polynomial for 1/b, within 1/99. Each step squares the error.
  float y = fmaf(fmaf(0.323232323f, b, -1.45454545f), b, 2.12121212f);
  y = fmaf(fmaf(-b, y, 1.0f), y, y);
  y = fmaf(fmaf(-b, y, 1.0f), y, y);
  float q = a * y;
  return fmaf(fmaf(-b, q, a), y, q);
}

// 1/(1+exp(-x)), within 2.41 units. It uses exp(-|x|), which cannot overflow.
__device__ inline float sigmoid_of(float x) {
  float e = exp_of(-fabsf(x));
  return quotient(x < 0 ? e : 1.0f, 1.0f + e);
}

// tanh(x) = (1-exp(-2x)) / (1+exp(-2x)), within 2.5 units.
__device__ inline float tanh_of(float x) {
  constexpr float one_from = -20;  // exp(-20) is negligible beside 1
  float twice = -2 * fabsf(x);
  Exponential e(twice < one_from ? one_from : twice);
  float scale = e.scale(0), less_one = fmaf(scale, e.rest, scale - 1.0f);
  return copysignf(quotient(less_one, less_one + 2.0f), x);
}

// Derivatives, given the output y.
__device__ inline float sigmoid_slope(float y) { return y * (1.0f - y); }
__device__ inline float tanh_slope(float y) { return fmaf(-y, y, 1.0f); }

// max(x, 0), or NaN for NaN.
__device__ inline float relu_of(float x) { return x <= 0 ? 0.0f : x; }
