// Nonlinearities. Gradients take the output y, not the input.
#include "nonlinear.cuh"

// y[k] = 1/(1+exp(-x[k]))
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) sigmoid(
    float *y,        // [n] out, may be x
    const float *x,  // [n]
    long long n) {
  EACH(k, n) y[k] = sigmoid_of(x[k]);
}

// dx[k] = dy[k] * y[k] * (1-y[k])
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) sigmoid_grad(
    float *dx,        // [n] out, may be y or dy
    const float *y,   // [n]
    const float *dy,  // [n]
    long long n) {
  EACH(k, n) dx[k] = dy[k] * sigmoid_slope(y[k]);
}

// y[k] = tanh(x[k])   (not named tanh, because C has such a function)
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) tanh_forward(
    float *y,        // [n] out, may be x
    const float *x,  // [n]
    long long n) {
  EACH(k, n) y[k] = tanh_of(x[k]);
}

// dx[k] = dy[k] * (1-y[k]^2)
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) tanh_grad(
    float *dx,        // [n] out, may be y or dy
    const float *y,   // [n]
    const float *dy,  // [n]
    long long n) {
  EACH(k, n) dx[k] = dy[k] * tanh_slope(y[k]);
}

// y[k] = max(x[k], 0), NaN for NaN
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) relu(
    float *y,        // [n] out, may be x
    const float *x,  // [n]
    long long n) {
  EACH(k, n) y[k] = relu_of(x[k]);
}

// dx[k] = y[k] > 0 ? dy[k] : 0
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) relu_grad(
    float *dx,        // [n] out, may be y or dy
    const float *y,   // [n]
    const float *dy,  // [n]
    long long n) {
  EACH(k, n) dx[k] = y[k] > 0 ? dy[k] : 0.0f;
}

// y[i,j] = exp(x[i,j]-m) / sum_k exp(x[i,k]-m), m = max_k x[i,k]
// grid: rows blocks of 32..256
extern "C" __global__ void __launch_bounds__(kBlock) softmax(
    float *y,        // [rows, cols] out, may be x
    const float *x,  // [rows, cols]
    int rows, int cols) {
  __shared__ float scratch[kBlock / kWarp];
  if (blockIdx.x >= rows) return;
  const float *in = x + (long long)blockIdx.x * cols;
  float *out = y + (long long)blockIdx.x * cols;
  float largest = -INFINITY, sum = 0;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) largest = fmaxf(largest, in[j]);
  largest = block_reduce<Max>(largest, scratch);
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) sum += exp_of(in[j] - largest);
  float factor = 1.0f / block_reduce<Sum>(sum, scratch);
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) out[j] = exp_of(in[j] - largest) * factor;
}

// dx[i,j] = y[i,j] * (dy[i,j] - sum_k dy[i,k]*y[i,k])
// grid: rows blocks of 32..256
extern "C" __global__ void __launch_bounds__(kBlock) softmax_grad(
    float *dx,        // [rows, cols] out, may be y or dy
    const float *y,   // [rows, cols]
    const float *dy,  // [rows, cols]
    int rows, int cols) {
  __shared__ float scratch[kBlock / kWarp];
  if (blockIdx.x >= rows) return;
  long long start = (long long)blockIdx.x * cols;
  float sum = 0;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) sum = fmaf(dy[start + j], y[start + j], sum);
  sum = block_reduce<Sum>(sum, scratch);
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) dx[start + j] = y[start + j] * (dy[start + j] - sum);
}

// y[i,j] = (x[i,j]-m) * rstd[i], m = sum_k x[i,k] / cols
// rstd[i] = 1/sqrt(sum_k (x[i,k]-m)^2 / cols + epsilon)
// grid: rows blocks of 32..256
extern "C" __global__ void __launch_bounds__(kBlock) layer_norm(
    float *y,                  // [rows, cols] out, may be x
    float *__restrict__ rstd,  // [rows] out
    const float *x,            // [rows, cols]
    int rows, int cols,
    float epsilon) {
  __shared__ float scratch[kBlock / kWarp];
  if (blockIdx.x >= rows) return;
  const float *in = x + (long long)blockIdx.x * cols;
  float *out = y + (long long)blockIdx.x * cols;
  float sum = 0, squares = 0;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) sum += in[j];
  float mean = block_reduce<Sum>(sum, scratch) / cols;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) squares = fmaf(in[j] - mean, in[j] - mean, squares);
  float scale = 1.0f / sqrtf(block_reduce<Sum>(squares, scratch) / cols + epsilon);
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) out[j] = (in[j] - mean) * scale;
  if (threadIdx.x == 0) rstd[blockIdx.x] = scale;
}

// dx[i,j] = rstd[i] * (dy[i,j] - sum_k dy[i,k] / cols - y[i,j] * sum_k dy[i,k]*y[i,k] / cols)
// grid: rows blocks of 32..256
extern "C" __global__ void __launch_bounds__(kBlock) layer_norm_grad(
    float *dx,                       // [rows, cols] out, may be y or dy
    const float *y,                  // [rows, cols]
    const float *__restrict__ rstd,  // [rows]
    const float *dy,                 // [rows, cols]
    int rows, int cols) {
  __shared__ float scratch[kBlock / kWarp];
  if (blockIdx.x >= rows) return;
  long long start = (long long)blockIdx.x * cols;
  float sum = 0, product = 0;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) {
    sum += dy[start + j];
    product = fmaf(dy[start + j], y[start + j], product);
  }
  float mean = block_reduce<Sum>(sum, scratch) / cols, slope = block_reduce<Sum>(product, scratch) / cols;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x)
    dx[start + j] = rstd[blockIdx.x] * (dy[start + j] - mean - y[start + j] * slope);
}
