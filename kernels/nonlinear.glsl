// The nonlinearities, and the exponential and logarithm behind them, because those of
// GLSL may be wrong in all but the first digits. Bounds are in units in the last place,
// where division is correctly rounded, whether fma rounds once or twice.

// exp(x) = 2^n * (1 + rest) with |rest| < 0.42, for -1000 < x <= 0. Near x = 0, n is 0
// and rest is exp(x) - 1 with full relative precision.
struct Exponential {
  int n;
  float rest;
};

Exponential exponential(float x) {
  // x = n ln 2 + r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to an integer, which
  // is then in the lowest bits. Its product with the upper part of ln 2 is exact.
  const float rounder = 12582912.0, ln2_upper = 0.693145752, ln2_lower = 1.42860677e-6;
  precise float shifted = fma(x, 1.44269504, rounder);
  precise float whole = shifted - rounder;
  precise float r = fma(-ln2_lower, whole, fma(-ln2_upper, whole, x));
  // Minimax polynomial for (exp(r) - 1 - r) / r^2. Its error is 2^-26 of exp(r) - 1.
  precise float p = fma(1.38825027e-3, r, 8.36657453e-3);
  p = fma(p, r, 4.16672006e-2);
  p = fma(p, r, 0.166665435);
  p = fma(p, r, 0.499999970);
  precise float rest = fma(p * r, r, r);
  return Exponential(floatBitsToInt(shifted) - floatBitsToInt(rounder), rest);
}

// 2^n, which must be a normal number.
float power_of_two(int n) { return uintBitsToFloat(uint(n + 127) << 23); }

// exp(x) for x <= 0, within 1.6 units. A subnormal result is rounded only once.
float exp_of(float x) {
  if (is_nan(x)) return x;
  const float zero_from = -104.0;  // exp(-104) rounds to 0
  Exponential e = exponential(x < zero_from ? zero_from : x);
  float scale = power_of_two(e.n + 64);
  precise float y = fma(scale, e.rest, scale) * 5.42101086e-20;  // 2^-64
  return y;
}

// log(x) for normal x > 0, within 1.5 units; x for infinity and NaN.
float log_of(float x) {
  if (is_nan(x) || x == infinity) return x;
  // x = 2^n * (1 + f) with 1 + f from sqrt(1/2) to sqrt(2).
  int n = int((floatBitsToUint(x) - 0x3f3504f3u) + 0x3f800000u >> 23) - 127;
  precise float f = uintBitsToFloat(floatBitsToUint(x) - uint(n << 23)) - 1.0;
  precise float square = f * f;
  // Minimax polynomial for (log(1 + f) - f + f^2 / 2) / f^3 (Moshier, Cephes).
  precise float p = fma(7.0376836292e-2, f, -1.1514610310e-1);
  p = fma(p, f, 1.1676998740e-1);
  p = fma(p, f, -1.2420140846e-1);
  p = fma(p, f, 1.4249322787e-1);
  p = fma(p, f, -1.6668057665e-1);
  p = fma(p, f, 2.0000714765e-1);
  p = fma(p, f, -2.4999993993e-1);
  p = fma(p, f, 3.3333331174e-1);
  // The upper part of ln 2 has so few bits that its product with n is exact.
  precise float y = fma(float(n), -2.12194440e-4, f * square * p);
  y = fma(-0.5, square, y);
  y = fma(float(n), 0.693359375, f + y);
  return y;
}

// 1/(1+exp(-x)), within 2.5 units. It uses exp(-|x|), which cannot overflow.
float sigmoid_of(float x) {
  if (is_nan(x)) return x;
  float e = exp_of(-abs(x));
  precise float y = (x < 0.0 ? e : 1.0) / (1.0 + e);
  return y;
}

// tanh(x) = (1-exp(-2x)) / (1+exp(-2x)), within 2.6 units.
float tanh_of(float x) {
  if (is_nan(x)) return x;
  const float one_from = -20.0;  // exp(-20) is negligible beside 1
  precise float twice = -2.0 * abs(x);
  Exponential e = exponential(twice < one_from ? one_from : twice);
  float scale = power_of_two(e.n);
  precise float less_one = fma(scale, e.rest, scale - 1.0);
  precise float y = less_one / (less_one + 2.0);
  return uintBitsToFloat(floatBitsToUint(y) & 0x7fffffffu | floatBitsToUint(x) & 0x80000000u);
}

// Derivatives, given the output y.
float sigmoid_slope(float y) {
  precise float slope = y * (1.0 - y);
  return slope;
}

float tanh_slope(float y) {
  precise float slope = fma(-y, y, 1.0);
  return slope;
}

// max(x, 0), or NaN for NaN.
float relu_of(float x) { return x > 0.0 || is_nan(x) ? x : 0.0; }
