// All time steps of an LSTM backward in one launch: see persistent.cuh.
#include "lstm_backward.cuh"

BACKWARD(lstm_backward_256, Spread<Cell, 256, 32>)
BACKWARD(lstm_backward_512, Spread<Cell, 512, 16>)
BACKWARD(lstm_backward_1024, Spread<Cell, 1024, 8>)
