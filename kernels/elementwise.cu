// Operations on single elements.
//
// Loads and stores are scalar. The 32 lanes of a warp touch 128 consecutive bytes,
// which is fully coalesced at any offset of a window.
#include "common.cuh"

// dst[k] = value
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) fill(
    float *dst,     // [n] out
    long long n,
    float value) {
  EACH(k, n) dst[k] = value;
}

// dst[i, dst_col+j] = x[i, x_col+j]; the other columns of dst keep their values
// grid: any blocks of 256 in all, over [rows, cols]
extern "C" __global__ void __launch_bounds__(kBlock) copy_cols(
    float *__restrict__ dst,      // [rows, dst_cols] out
    const float *__restrict__ x,  // [rows, x_cols]
    int rows, int cols,
    int dst_cols, int dst_col,
    int x_cols, int x_col) {
  EACH_ROW(i, rows)
    EACH(j, cols) dst[i * dst_cols + dst_col + j] = x[i * x_cols + x_col + j];
}

// dst[k] = a[k] + b[k]
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) add(
    float *dst,      // [n] out, may be a or b
    const float *a,  // [n]
    const float *b,  // [n]
    long long n) {
  EACH(k, n) dst[k] = a[k] + b[k];
}

// dst[k] = a[k] - b[k]
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) sub(
    float *dst,      // [n] out, may be a or b
    const float *a,  // [n]
    const float *b,  // [n]
    long long n) {
  EACH(k, n) dst[k] = a[k] - b[k];
}

// dst[k] = a[k] * b[k]
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) mul(
    float *dst,      // [n] out, may be a or b
    const float *a,  // [n]
    const float *b,  // [n]
    long long n) {
  EACH(k, n) dst[k] = a[k] * b[k];
}

// dst[k] += a[k] * b[k]
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) add_mul(
    float *dst,      // [n] in and out, may be a or b
    const float *a,  // [n]
    const float *b,  // [n]
    long long n) {
  EACH(k, n) dst[k] = fmaf(a[k], b[k], dst[k]);
}

// dst[k] = alpha * x[k]
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) scale(
    float *dst,      // [n] out, may be x
    const float *x,  // [n]
    long long n,
    float alpha) {
  EACH(k, n) dst[k] = alpha * x[k];
}

// dst[k] += alpha * x[k]
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) add_scaled(
    float *dst,      // [n] in and out, may be x
    const float *x,  // [n]
    long long n,
    float alpha) {
  EACH(k, n) dst[k] = fmaf(alpha, x[k], dst[k]);
}

// dst[i,j] = x[i,j] + row[j]
// grid: any blocks of 256 in all, over [rows, cols]
extern "C" __global__ void __launch_bounds__(kBlock) add_row(
    float *dst,        // [rows, cols] out, may be x
    const float *x,    // [rows, cols]
    const float *row,  // [cols]
    int rows, int cols) {
  EACH_ROW(i, rows)
    EACH(j, cols) dst[i * cols + j] = x[i * cols + j] + row[j];
}

// dst[i,j] = x[i,j] * row[j]
// grid: any blocks of 256 in all, over [rows, cols]
extern "C" __global__ void __launch_bounds__(kBlock) mul_row(
    float *dst,        // [rows, cols] out, may be x
    const float *x,    // [rows, cols]
    const float *row,  // [cols]
    int rows, int cols) {
  EACH_ROW(i, rows)
    EACH(j, cols) dst[i * cols + j] = x[i * cols + j] * row[j];
}

// dst[i,j] = x[i,j] * col[i]
// grid: any blocks of 256 in all, over [rows, cols]
extern "C" __global__ void __launch_bounds__(kBlock) mul_col(
    float *dst,        // [rows, cols] out, may be x
    const float *x,    // [rows, cols]
    const float *col,  // [rows]
    int rows, int cols) {
  EACH_ROW(i, rows)
    EACH(j, cols) dst[i * cols + j] = x[i * cols + j] * col[i];
}

// SplitMix64, read at position index (Steele, Lea, Flood 2014).
static __device__ unsigned long long split_mix(unsigned long long seed, unsigned long long index) {
  unsigned long long z = seed + (index + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// dst[k] = split_mix(seed, offset+k)>>40 >= threshold ? factor * x[k] : 0
// seed and offset are in device memory, so that a captured graph can be replayed with
// other values.
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) dropout(
    float *dst,                        // [n] out, may be x
    const float *x,                    // [n]
    const unsigned long long *stream,  // [2]: seed, offset
    long long n,
    unsigned long long threshold,      // rate * 2^24
    float factor) {                    // 1/(1-rate)
  unsigned long long seed = stream[0], offset = stream[1];
  EACH(k, n) dst[k] = split_mix(seed, offset + k) >> 40 >= threshold ? factor * x[k] : 0.0f;
}
