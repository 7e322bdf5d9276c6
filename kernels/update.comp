// Optimizers and clipping. Each works on the flat tensor of all parameters at once.
// Derived scalars, such as 1-beta, come from the host, which computes them in float64.
#include "common.glsl"

// g     = grad + weight_decay * param
// v     = momentum * v + g
// param = param - lr * (nesterov ? g + momentum * v : v), or lr * g without v
// groups: any, over n
kernel sgd(
    float param[],     // [n] in and out
    float grad[],      // [n]
    float velocity[],  // [n] in and out; absent if momentum is 0
    uint n,
    uint nesterov,
    float lr, float momentum, float weight_decay) {
  EACH(k, n) {
    precise float p = param[k], g = fma(weight_decay, p, grad[k]);
    if (velocity_at != absent) {
      precise float v = fma(momentum, velocity[k], g);
      velocity[k] = v;
      g = nesterov != 0u ? fma(momentum, v, g) : v;
    }
    SET(param[k], fma(-lr, g, p))
  }
}

// g     = grad + weight_decay * param
// s     = decay * s + (1-decay) * g^2
// g     = g / (sqrt(s) + epsilon)
// v     = momentum * v + g
// param = param - lr * v, or lr * g without v
// groups: any, over n
kernel rmsprop(
    float param[],     // [n] in and out
    float grad[],      // [n]
    float square[],    // [n] in and out
    float velocity[],  // [n] in and out; absent if momentum is 0
    uint n,
    float lr, float decay, float one_minus_decay, float epsilon, float momentum, float weight_decay) {
  EACH(k, n) {
    precise float p = param[k], g = fma(weight_decay, p, grad[k]);
    precise float mean = fma(decay, square[k], one_minus_decay * (g * g));
    square[k] = mean;
    g = g / (sqrt(mean) + epsilon);
    if (velocity_at != absent) {
      g = fma(momentum, velocity[k], g);
      velocity[k] = g;
    }
    SET(param[k], fma(-lr, g, p))
  }
}

// param = param - shrink * param
// g     = grad + weight_decay * param
// m     = beta1 * m + (1-beta1) * g
// v     = beta2 * v + (1-beta2) * g^2
// param = param - lr * m / (sqrt(v) * inverse_root + epsilon)
// groups: any, over n
kernel adam(
    float param[],   // [n] in and out
    float grad[],    // [n]
    float mean[],    // [n] in and out
    float square[],  // [n] in and out
    uint n,
    float lr,            // divided by 1-beta1^step
    float shrink,        // lr * weight decay if decoupled (AdamW), else 0
    float weight_decay,  // 0 if decoupled
    float beta1, float one_minus_beta1,
    float beta2, float one_minus_beta2,
    float inverse_root,  // 1/sqrt(1-beta2^step)
    float epsilon) {
  EACH(k, n) {
    precise float p = fma(-shrink, param[k], param[k]), g = fma(weight_decay, p, grad[k]);
    precise float m = fma(beta1, mean[k], one_minus_beta1 * g);
    precise float v = fma(beta2, square[k], one_minus_beta2 * (g * g));
    mean[k] = m;
    square[k] = v;
    SET(param[k], fma(-lr, m / fma(sqrt(v), inverse_root, epsilon), p))
  }
}

#if defined(KERNEL_clip_norm_square) || defined(KERNEL_clip_norm_root)
shared double wide[GROUP];

// double_sum is group_sum in double precision, to be called once.
double double_sum(double x) {
  uint t = gl_LocalInvocationIndex;
  wide[t] = x;
  for (uint reach = GROUP / 2u; reach > 0u; reach /= 2u) {
    meet();
    if (t < reach) wide[t] += wide[t + reach];
  }
  meet();
  return wide[0];
}
#endif

// part[group] = the group's share of sum_k x[k]^2
// The sum is in double precision, whose range holds the square of any float.
// groups: any, over n; their number fixes the order of the sum
kernel clip_norm_square(
    double part[],  // [groups] out
    float x[],      // [n]
    uint n) {
  precise double sum = 0.0LF;
  EACH(k, n) sum += double(x[k]) * double(x[k]);
  sum = double_sum(sum);
  if (is_first()) part[gl_WorkGroupID.x] = sum;
}

// norm[0]   = sqrt(sum_k part[k])
// factor[0] = limit / (norm + 1e-6), with the norm before rounding
// groups: one
kernel clip_norm_root(
    float norm[],    // [1] out
    float factor[],  // [1] out
    double part[],   // [n]
    uint n,
    float limit) {
  precise double sum = 0.0LF;
  EACH(k, n) sum += part[k];
  precise double whole = sqrt(double_sum(sum));
  if (is_first()) {
    norm[0] = float(whole);
    SET(factor[0], float(double(limit) / (whole + 1e-6LF)))
  }
}

// x[k] = x[k] * min(1, factor), NaN if factor is NaN
// groups: any, over n
kernel clip_norm_scale(
    float x[],       // [n] in and out
    float factor[],  // [1]
    uint n) {
  float f = factor[0];
  if (f >= 1.0) return;
  EACH(k, n) SET(x[k], x[k] * f)
}
