// Optimizers and clipping. Each works on the flat tensor of all parameters at once.
//
// Scalars that change from step to step, such as the learning rate, are in device
// memory, so that a captured graph can be replayed with other values. Derived
// scalars, such as 1-beta, come from the host, which computes them in float64.
#include "common.cuh"

struct SGDScalars {
  float lr, momentum, weight_decay;
};

// g     = factor * grad + weight_decay * param
// v     = momentum * v + g
// param = param - lr * (nesterov ? g + momentum * v : v), or lr * g without v
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) sgd(
    float *__restrict__ param,         // [n] in and out
    const float *__restrict__ grad,    // [n]
    float *__restrict__ velocity,      // [n] in and out; null if momentum is 0
    const float *__restrict__ factor,  // [1], of grad; null for 1
    const SGDScalars *__restrict__ scalars,
    long long n,
    int nesterov) {
  const SGDScalars s = *scalars;
  const float f = factor ? *factor : 1;
  EACH(k, n) {
    float p = param[k], g = fmaf(s.weight_decay, p, f * grad[k]);
    if (velocity) {
      float v = velocity[k] = fmaf(s.momentum, velocity[k], g);
      g = nesterov ? fmaf(s.momentum, v, g) : v;
    }
    param[k] = fmaf(-s.lr, g, p);
  }
}

struct RMSPropScalars {
  float lr, decay, one_minus_decay, epsilon, momentum, weight_decay;
};

// g     = factor * grad + weight_decay * param
// s     = decay * s + (1-decay) * g^2
// g     = g / (sqrt(s) + epsilon)
// v     = momentum * v + g
// param = param - lr * v, or lr * g without v
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) rmsprop(
    float *__restrict__ param,         // [n] in and out
    const float *__restrict__ grad,    // [n]
    float *__restrict__ square,        // [n] in and out
    float *__restrict__ velocity,      // [n] in and out; null if momentum is 0
    const float *__restrict__ factor,  // [1], of grad; null for 1
    const RMSPropScalars *__restrict__ scalars,
    long long n) {
  const RMSPropScalars s = *scalars;
  const float f = factor ? *factor : 1;
  EACH(k, n) {
    float p = param[k], g = fmaf(s.weight_decay, p, f * grad[k]);
    float mean = square[k] = fmaf(s.decay, square[k], s.one_minus_decay * (g * g));
    g /= sqrtf(mean) + s.epsilon;
    if (velocity) g = velocity[k] = fmaf(s.momentum, velocity[k], g);
    param[k] = fmaf(-s.lr, g, p);
  }
}

struct AdamScalars {
  float lr;             // divided by 1-beta1^step
  float shrink;         // lr * weight decay if decoupled (AdamW), else 0
  float weight_decay;   // 0 if decoupled
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float inverse_root;   // 1/sqrt(1-beta2^step)
  float epsilon;
};

// param = param - shrink * param
// g     = factor * grad + weight_decay * param
// m     = beta1 * m + (1-beta1) * g
// v     = beta2 * v + (1-beta2) * g^2
// param = param - lr * m / (sqrt(v) * inverse_root + epsilon)
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) adam(
    float *__restrict__ param,         // [n] in and out
    const float *__restrict__ grad,    // [n]
    float *__restrict__ mean,          // [n] in and out
    float *__restrict__ square,        // [n] in and out
    const float *__restrict__ factor,  // [1], of grad; null for 1
    const AdamScalars *__restrict__ scalars,
    long long n) {
  const AdamScalars s = *scalars;
  const float f = factor ? *factor : 1;
  EACH(k, n) {
    float p = fmaf(-s.shrink, param[k], param[k]), g = fmaf(s.weight_decay, p, f * grad[k]);
    float m = mean[k] = fmaf(s.beta1, mean[k], s.one_minus_beta1 * g);
    float v = square[k] = fmaf(s.beta2, square[k], s.one_minus_beta2 * (g * g));
    param[k] = fmaf(-s.lr, m / fmaf(sqrtf(v), s.inverse_root, s.epsilon), p);
  }
}

// part[b] = the block's share of sum_k x[k]^2
// The sum is in double precision, whose range holds the square of any float. A GPU that
// does one double operation per clock still keeps pace with the memory.
// grid: any blocks of 256, over n, at least one; the grid fixes the order of the sum
extern "C" __global__ void __launch_bounds__(kBlock) clip_norm_square(
    double *__restrict__ part,    // [blocks] out
    const float *__restrict__ x,  // [n]
    long long n) {
  __shared__ double scratch[kBlock / kWarp];
  double sum = 0;
  EACH(k, n) sum = fma((double)x[k], (double)x[k], sum);
  sum = block_reduce<Sum>(sum, scratch);
  if (threadIdx.x == 0) part[blockIdx.x] = sum;
}

// norm[0]   = sqrt(sum_k part[k])
// factor[0] = min(1, limit / (norm + 1e-6)), with the norm before rounding; NaN if that is NaN
// grid: one block of 256
extern "C" __global__ void __launch_bounds__(kBlock) clip_norm_root(
    float *__restrict__ norm,         // [1] out
    float *__restrict__ factor,       // [1] out
    const double *__restrict__ part,  // [n]
    long long n,
    float limit) {
  __shared__ double scratch[kBlock / kWarp];
  double sum = 0;
  EACH(k, n) sum += part[k];
  sum = block_reduce<Sum>(sum, scratch);
  if (threadIdx.x > 0) return;
  double length = sqrt(sum);
  norm[0] = (float)length;
  float f = (float)(limit / (length + 1e-6));
  factor[0] = f >= 1 ? 1 : f;
}

// x[k] = x[k] * factor
// grid: any blocks of 256, over n
extern "C" __global__ void __launch_bounds__(kBlock) clip_norm_scale(
    float *__restrict__ x,             // [n] in and out
    const float *__restrict__ factor,  // [1]
    long long n) {
  const float f = factor[0];
  if (f == 1) return;
  EACH(k, n) x[k] *= f;
}
