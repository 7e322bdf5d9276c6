// All time steps of an LSTM forward in one launch, on tensor cores: see persistent_mma.cuh.
#include "persistent_mma.cuh"
#include "lstm_forward.cuh"

FORWARD(lstm_forward_tf32x3_256, MmaColumns<Whole, Cell, 256, 1>)
FORWARD(lstm_forward_tf32x3_512, MmaColumns<Whole, Cell, 512, 2>)
FORWARD(lstm_forward_tf32x3_1024, MmaColumns<Whole, Cell, 1024, 4>)

FORWARD(lstm_forward_tf32_256, MmaColumns<Tf32, Cell, 256, 1>)
FORWARD(lstm_forward_tf32_512, MmaColumns<Tf32, Cell, 512, 2>)
FORWARD(lstm_forward_tf32_1024, MmaColumns<Tf32, Cell, 1024, 4>)

FORWARD(lstm_forward_bf16_256, MmaColumns<Bf16, Cell, 256, 1>)
FORWARD(lstm_forward_bf16_512, MmaColumns<Bf16, Cell, 512, 1>)
FORWARD(lstm_forward_bf16_1024, MmaColumns<Bf16, Cell, 1024, 2>)
