// All time steps of a GRU backward in one launch: see persistent.cuh.
#include "gru_backward.cuh"

BACKWARD(gru_backward_256, Spread<Cell, 256, 32>)
BACKWARD(gru_backward_512, Spread<Cell, 512, 16>)
BACKWARD(gru_backward_1024, Spread<Cell, 1024, 8>)
