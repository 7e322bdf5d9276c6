// All time steps of an LSTM backward in one launch, on tensor cores: see persistent_mma.cuh.
#include "persistent_mma.cuh"
#include "lstm_backward.cuh"

BACKWARD(lstm_backward_tf32x3_256, MmaSpread<Whole, Cell, 256, 32>)
BACKWARD(lstm_backward_tf32x3_512, MmaSpread<Whole, Cell, 512, 16>)
BACKWARD(lstm_backward_tf32x3_1024, MmaSpread<Whole, Cell, 1024, 8>)

BACKWARD(lstm_backward_tf32_256, MmaSpread<Tf32, Cell, 256, 32>)
BACKWARD(lstm_backward_tf32_512, MmaSpread<Tf32, Cell, 512, 16>)
BACKWARD(lstm_backward_tf32_1024, MmaSpread<Tf32, Cell, 1024, 8>)

BACKWARD(lstm_backward_bf16_256, MmaSpread<Bf16, Cell, 256, 32>)
BACKWARD(lstm_backward_bf16_512, MmaSpread<Bf16, Cell, 512, 32>)
BACKWARD(lstm_backward_bf16_1024, MmaSpread<Bf16, Cell, 1024, 16>)
