// Losses and their gradients. Each takes two passes. The first leaves a partial loss
// per block, and loss_sum adds these up. Factors are in device memory, because the
// number of rows that count may change from step to step.
#include "nonlinear.cuh"

constexpr int kIgnoreLabel = -1;

// part[i]      = -factor * log softmax(logits_i)[labels[i]]
// dlogits[i,j] = factor * (softmax(logits_i)[j] - [j = labels[i]])
// Rows with kIgnoreLabel have loss 0 and gradient 0. Any other label that is not a
// column is a fault, and its row of dlogits keeps its values.
// grid: rows blocks of 32..256
extern "C" __global__ void __launch_bounds__(kBlock) softmax_cross_entropy(
    float *__restrict__ part,         // [rows] out
    float *dlogits,                   // [rows, cols] out, may be logits; null to leave it out
    const float *logits,              // [rows, cols]
    const int *__restrict__ labels,   // [rows]
    int rows, int cols,
    const float *__restrict__ scale,  // [1] factor
    unsigned long long *fault,        // [1] in and out, see report_fault
    unsigned long long call) {
  __shared__ float scratch[kBlock / kWarp];
  int row = blockIdx.x;
  if (row >= rows) return;
  const float *in = logits + (long long)row * cols;
  float *out = dlogits + (long long)row * cols;
  int label = labels[row];
  if (label < 0 || label >= cols) {
    if (threadIdx.x == 0) {
      part[row] = 0;
      if (label != kIgnoreLabel) report_fault(fault, call, row);
    }
    if (dlogits && label == kIgnoreLabel)
      for (long long j = threadIdx.x; j < cols; j += blockDim.x) out[j] = 0;
    return;
  }
  float factor = *scale, chosen = in[label], largest = -INFINITY, sum = 0;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) largest = fmaxf(largest, in[j]);
  largest = block_reduce<Max>(largest, scratch);
  for (long long j = threadIdx.x; j < cols; j += blockDim.x) sum += exp_of(in[j] - largest);
  sum = block_reduce<Sum>(sum, scratch);
  // The difference of two numbers may overflow where the loss does not.
  if (threadIdx.x == 0) part[row] = fmaf(2 * factor, largest / 2 - chosen / 2, factor * logf(sum));
  if (!dlogits) return;
  float inverse = 1.0f / sum;
  for (long long j = threadIdx.x; j < cols; j += blockDim.x)
    out[j] = factor * (exp_of(in[j] - largest) * inverse - (j == label ? 1.0f : 0.0f));
}

// part[b] = the block's share of sum_k (y[k]-target[k])^2
// dy[k]   = factor * (y[k]-target[k])
// grid: any blocks of 256, over n, at least one; the grid fixes the order of the sum
extern "C" __global__ void __launch_bounds__(kBlock) squared_error(
    float *__restrict__ part,  // [blocks] out
    float *dy,                 // [n] out, may be y or target; null to leave it out
    const float *y,            // [n]
    const float *target,       // [n]
    long long n,
    const float *__restrict__ scale) {  // [1] factor
  __shared__ float scratch[kBlock / kWarp];
  float sum = 0, factor = *scale;
  EACH(k, n) {
    float difference = y[k] - target[k];
    sum = fmaf(difference, difference, sum);
    if (dy) dy[k] = factor * difference;
  }
  sum = block_reduce<Sum>(sum, scratch);
  if (threadIdx.x == 0) part[blockIdx.x] = sum;
}

// loss[0] = factor * sum_k part[k]
// grid: one block of 256
extern "C" __global__ void __launch_bounds__(kBlock) loss_sum(
    float *__restrict__ loss,        // [1] out
    const float *__restrict__ part,  // [n]
    long long n,
    const float *__restrict__ factor) {  // [1]
  __shared__ float scratch[kBlock / kWarp];
  float sum = 0;
  EACH(k, n) sum += part[k];
  sum = block_reduce<Sum>(sum, scratch);
  if (threadIdx.x == 0) loss[0] = *factor * sum;
}
