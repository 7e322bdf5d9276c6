// Losses and their gradients. Each takes two passes. The first leaves a partial loss
// per group, and loss_sum adds these up.
#include "common.glsl"
#include "nonlinear.glsl"

const int ignore_label = -1;

// part[group]  = the group's share of sum_i -factor * log softmax(logits_i)[labels[i]]
// dlogits[i,j] = factor * (softmax(logits_i)[j] - [j = labels[i]])
// Rows with ignore_label have loss 0 and gradient 0. Any other label that is not a
// column is a fault, and its row of dlogits keeps its values.
// groups: any, over rows; their number fixes the order of the sum
kernel softmax_cross_entropy<GROUP = 32, 256, 1024>(
    float part[],     // [groups] out
    float dlogits[],  // [rows, cols] out, may be logits; absent to leave it out
    float logits[],   // [rows, cols]
    int labels[],     // [rows]
    uint fault[],     // in and out: of each call, the least position of a label that is not a column
    uint rows, uint cols, uint call,
    float factor) {
  precise float loss = 0.0;
  EACH_ROW(i, rows) {
    uint start = i * cols, label = uint(labels[i]);
    if (label < cols) {
      float chosen = logits[start + label];  // the whole group reads it before dlogits, which may be logits
      precise float largest = -infinity, sum = 0.0;
      EACH_COLUMN(j, cols) if (logits[start + j] > largest) largest = logits[start + j];
      largest = group_max(largest);
      EACH_COLUMN(j, cols) sum += exp_of(logits[start + j] - largest);
      sum = group_sum(sum);
      // The difference of two numbers may overflow where the loss does not.
      loss += fma(2.0 * factor, largest / 2.0 - chosen / 2.0, factor * log_of(sum));
      precise float inverse = 1.0 / sum;
      if (dlogits_at != absent)
        EACH_COLUMN(j, cols)
          SET(dlogits[start + j], factor * (exp_of(logits[start + j] - largest) * inverse - (j == label ? 1.0 : 0.0)))
    } else if (labels[i] != ignore_label) {
      if (is_first()) atomicMin(fault[call], i);
    } else if (dlogits_at != absent) {
      EACH_COLUMN(j, cols) dlogits[start + j] = 0.0;
    }
  }
  if (is_first()) part[gl_WorkGroupID.x] = loss;
}

// part[group] = the group's share of sum_k (y[k]-target[k])^2
// dy[k]       = factor * (y[k]-target[k])
// groups: any, over n; their number fixes the order of the sum
kernel squared_error(
    float part[],    // [groups] out
    float dy[],      // [n] out, may be y or target; absent to leave it out
    float y[],       // [n]
    float target[],  // [n]
    uint n,
    float factor) {
  precise float sum = 0.0;
  EACH(k, n) {
    precise float difference = y[k] - target[k];
    sum = fma(difference, difference, sum);
    if (dy_at != absent) SET(dy[k], factor * difference)
  }
  sum = group_sum(sum);
  if (is_first()) part[gl_WorkGroupID.x] = sum;
}

// loss[0] = factor * sum_k part[k]
// groups: one
kernel loss_sum(
    float loss[],  // [1] out
    float part[],  // [n]
    uint n,
    float factor) {
  precise float sum = 0.0;
  EACH(k, n) sum += part[k];
  sum = group_sum(sum);
  if (is_first()) SET(loss[0], factor * sum)
}
