// Operations on single elements.
#include "common.glsl"

// dst[k] = value
// groups: any, over n
kernel fill(
    float dst[],  // [n] out
    uint n,
    float value) {
  EACH(k, n) dst[k] = value;
}

// dst[i, dst_col+j] = x[i, x_col+j]; the other columns of dst keep their values
// groups: any, over rows*cols
kernel copy_cols(
    float dst[],  // [rows, dst_cols] out
    float x[],    // [rows, x_cols]
    uint rows, uint cols,
    uint dst_cols, uint dst_col,
    uint x_cols, uint x_col) {
  EACH(k, rows * cols) {
    uint i = k / cols, j = k % cols;
    dst[i * dst_cols + dst_col + j] = x[i * x_cols + x_col + j];
  }
}

// dst[k] = a[k] + b[k]
// groups: any, over n
kernel add(
    float dst[],  // [n] out, may be a or b
    float a[],    // [n]
    float b[],    // [n]
    uint n) {
  EACH(k, n) SET(dst[k], a[k] + b[k])
}

// dst[k] = a[k] - b[k]
// groups: any, over n
kernel sub(
    float dst[],  // [n] out, may be a or b
    float a[],    // [n]
    float b[],    // [n]
    uint n) {
  EACH(k, n) SET(dst[k], a[k] - b[k])
}

// dst[k] = a[k] * b[k]
// groups: any, over n
kernel mul(
    float dst[],  // [n] out, may be a or b
    float a[],    // [n]
    float b[],    // [n]
    uint n) {
  EACH(k, n) SET(dst[k], a[k] * b[k])
}

// dst[k] += a[k] * b[k]
// groups: any, over n
kernel add_mul(
    float dst[],  // [n] in and out, may be a or b
    float a[],    // [n]
    float b[],    // [n]
    uint n) {
  EACH(k, n) SET(dst[k], fma(a[k], b[k], dst[k]))
}

// dst[k] = alpha * x[k]
// groups: any, over n
kernel scale(
    float dst[],  // [n] out, may be x
    float x[],    // [n]
    uint n,
    float alpha) {
  EACH(k, n) SET(dst[k], alpha * x[k])
}

// dst[k] += alpha * x[k]
// groups: any, over n
kernel add_scaled(
    float dst[],  // [n] in and out, may be x
    float x[],    // [n]
    uint n,
    float alpha) {
  EACH(k, n) SET(dst[k], fma(alpha, x[k], dst[k]))
}

// dst[i,j] = x[i,j] + row[j]
// groups: any, over rows*cols
kernel add_row(
    float dst[],  // [rows, cols] out, may be x
    float x[],    // [rows, cols]
    float row[],  // [cols]
    uint rows, uint cols) {
  EACH(k, rows * cols) SET(dst[k], x[k] + row[k % cols])
}

// dst[i,j] = x[i,j] * row[j]
// groups: any, over rows*cols
kernel mul_row(
    float dst[],  // [rows, cols] out, may be x
    float x[],    // [rows, cols]
    float row[],  // [cols]
    uint rows, uint cols) {
  EACH(k, rows * cols) SET(dst[k], x[k] * row[k % cols])
}

// dst[i,j] = x[i,j] * col[i]
// groups: any, over rows*cols
kernel mul_col(
    float dst[],  // [rows, cols] out, may be x
    float x[],    // [rows, cols]
    float col[],  // [rows]
    uint rows, uint cols) {
  EACH(k, rows * cols) SET(dst[k], x[k] * col[k / cols])
}

// Numbers of 64 bits: x holds the lower half, y the upper.
uvec2 add64(uvec2 a, uvec2 b) {
  uint carry, lower = uaddCarry(a.x, b.x, carry);
  return uvec2(lower, a.y + b.y + carry);
}

uvec2 mul64(uvec2 a, uvec2 b) {
  uint upper, lower;
  umulExtended(a.x, b.x, upper, lower);
  return uvec2(lower, upper + a.x * b.y + a.y * b.x);
}

// z ^ z >> bits, for less than 32 bits.
uvec2 fold(uvec2 z, int bits) { return z ^ uvec2(z.x >> bits | z.y << (32 - bits), z.y >> bits); }

// SplitMix64, read at position index (Steele, Lea, Flood 2014).
uvec2 split_mix(uvec2 seed, uvec2 index) {
  uvec2 z = add64(seed, mul64(add64(index, uvec2(1, 0)), uvec2(0x7f4a7c15u, 0x9e3779b9u)));
  z = mul64(fold(z, 30), uvec2(0x1ce4e5b9u, 0xbf58476du));
  z = mul64(fold(z, 27), uvec2(0x133111ebu, 0x94d049bbu));
  return fold(z, 31);
}

// dst[k] = split_mix(seed, offset+k)>>40 >= threshold ? factor * x[k] : 0
// groups: any, over n
kernel dropout(
    float dst[],  // [n] out, may be x
    float x[],    // [n]
    uint n,
    uint seed_lower, uint seed_upper,
    uint offset_lower, uint offset_upper,
    uint threshold,    // rate * 2^24
    float factor) {    // 1/(1-rate)
  uvec2 seed = uvec2(seed_lower, seed_upper), offset = uvec2(offset_lower, offset_upper);
  EACH(k, n) {
    bool keeps = split_mix(seed, add64(offset, uvec2(k, 0))).y >> 8 >= threshold;
    precise float kept = factor * x[k];
    dst[k] = keeps ? kept : 0.0;
  }
}
