// All time steps of an Elman RNN backward in one launch, on tensor cores: see persistent_mma.cuh.
#include "persistent_mma.cuh"
#include "rnn_backward.cuh"

BACKWARD(rnn_backward_tf32x3_256, MmaSpread<Whole, Cell, 256, 32>)
BACKWARD(rnn_backward_tf32x3_512, MmaSpread<Whole, Cell, 512, 32>)
BACKWARD(rnn_backward_tf32x3_1024, MmaSpread<Whole, Cell, 1024, 32>)

BACKWARD(rnn_backward_tf32_256, MmaSpread<Tf32, Cell, 256, 32>)
BACKWARD(rnn_backward_tf32_512, MmaSpread<Tf32, Cell, 512, 32>)
BACKWARD(rnn_backward_tf32_1024, MmaSpread<Tf32, Cell, 1024, 32>)

BACKWARD(rnn_backward_bf16_256, MmaSpread<Bf16, Cell, 256, 32>)
BACKWARD(rnn_backward_bf16_512, MmaSpread<Bf16, Cell, 512, 32>)
BACKWARD(rnn_backward_bf16_1024, MmaSpread<Bf16, Cell, 1024, 32>)
