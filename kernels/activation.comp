// Nonlinearities. Gradients take the output y, not the input.
#include "common.glsl"
#include "nonlinear.glsl"

// y[k] = 1/(1+exp(-x[k]))
// groups: any, over n
kernel sigmoid(
    float y[],  // [n] out, may be x
    float x[],  // [n]
    uint n) {
  EACH(k, n) y[k] = sigmoid_of(x[k]);
}

// dx[k] = dy[k] * y[k] * (1-y[k])
// groups: any, over n
kernel sigmoid_grad(
    float dx[],  // [n] out, may be y or dy
    float y[],   // [n]
    float dy[],  // [n]
    uint n) {
  EACH(k, n) SET(dx[k], dy[k] * sigmoid_slope(y[k]))
}

// y[k] = tanh(x[k])   (not named tanh, because GLSL has such a function)
// groups: any, over n
kernel tanh_forward(
    float y[],  // [n] out, may be x
    float x[],  // [n]
    uint n) {
  EACH(k, n) y[k] = tanh_of(x[k]);
}

// dx[k] = dy[k] * (1-y[k]^2)
// groups: any, over n
kernel tanh_grad(
    float dx[],  // [n] out, may be y or dy
    float y[],   // [n]
    float dy[],  // [n]
    uint n) {
  EACH(k, n) SET(dx[k], dy[k] * tanh_slope(y[k]))
}

// y[k] = max(x[k], 0), NaN for NaN
// groups: any, over n
kernel relu(
    float y[],  // [n] out, may be x
    float x[],  // [n]
    uint n) {
  EACH(k, n) y[k] = relu_of(x[k]);
}

// dx[k] = y[k] > 0 ? dy[k] : 0
// groups: any, over n
kernel relu_grad(
    float dx[],  // [n] out, may be y or dy
    float y[],   // [n]
    float dy[],  // [n]
    uint n) {
  EACH(k, n) dx[k] = y[k] > 0.0 ? dy[k] : 0.0;
}

// y[i,j] = exp(x[i,j]-m) / sum_k exp(x[i,k]-m), m = max_k x[i,k]
// groups: any, over rows
kernel softmax<GROUP = 32, 256, 1024>(
    float y[],  // [rows, cols] out, may be x
    float x[],  // [rows, cols]
    uint rows, uint cols) {
  EACH_ROW(i, rows) {
    uint start = i * cols;
    precise float largest = -infinity, sum = 0.0;
    EACH_COLUMN(j, cols) if (x[start + j] > largest) largest = x[start + j];
    largest = group_max(largest);
    EACH_COLUMN(j, cols) sum += exp_of(x[start + j] - largest);
    precise float factor = 1.0 / group_sum(sum);
    EACH_COLUMN(j, cols) SET(y[start + j], exp_of(x[start + j] - largest) * factor)
  }
}

// dx[i,j] = y[i,j] * (dy[i,j] - sum_k dy[i,k]*y[i,k])
// groups: any, over rows
kernel softmax_grad<GROUP = 32, 256, 1024>(
    float dx[],  // [rows, cols] out, may be y or dy
    float y[],   // [rows, cols]
    float dy[],  // [rows, cols]
    uint rows, uint cols) {
  EACH_ROW(i, rows) {
    uint start = i * cols;
    precise float sum = 0.0;
    EACH_COLUMN(j, cols) sum = fma(dy[start + j], y[start + j], sum);
    sum = group_sum(sum);
    EACH_COLUMN(j, cols) SET(dx[start + j], y[start + j] * (dy[start + j] - sum))
  }
}

// y[i,j] = (x[i,j]-m) * rstd[i], m = sum_k x[i,k] / cols
// rstd[i] = 1/sqrt(sum_k (x[i,k]-m)^2 / cols + epsilon)
// groups: any, over rows
kernel layer_norm<GROUP = 32, 256, 1024>(
    float y[],     // [rows, cols] out, may be x
    float rstd[],  // [rows] out
    float x[],     // [rows, cols]
    uint rows, uint cols,
    float epsilon) {
  EACH_ROW(i, rows) {
    uint start = i * cols;
    precise float sum = 0.0, squares = 0.0;
    EACH_COLUMN(j, cols) sum += x[start + j];
    precise float mean = group_sum(sum) / float(cols);
    EACH_COLUMN(j, cols) {
      precise float difference = x[start + j] - mean;
      squares = fma(difference, difference, squares);
    }
    precise float scale = 1.0 / sqrt(group_sum(squares) / float(cols) + epsilon);
    EACH_COLUMN(j, cols) SET(y[start + j], (x[start + j] - mean) * scale)
    if (is_first()) rstd[i] = scale;
  }
}

// dx[i,j] = rstd[i] * (dy[i,j] - sum_k dy[i,k] / cols - y[i,j] * sum_k dy[i,k]*y[i,k] / cols)
// groups: any, over rows
kernel layer_norm_grad<GROUP = 32, 256, 1024>(
    float dx[],    // [rows, cols] out, may be y or dy
    float y[],     // [rows, cols]
    float rstd[],  // [rows]
    float dy[],    // [rows, cols]
    uint rows, uint cols) {
  EACH_ROW(i, rows) {
    uint start = i * cols;
    precise float sum = 0.0, product = 0.0;
    EACH_COLUMN(j, cols) {
      sum += dy[start + j];
      product = fma(dy[start + j], y[start + j], product);
    }
    precise float mean = group_sum(sum) / float(cols);
    precise float slope = group_sum(product) / float(cols);
    EACH_COLUMN(j, cols) SET(dx[start + j], rstd[i] * (dy[start + j] - mean - y[start + j] * slope))
  }
}
