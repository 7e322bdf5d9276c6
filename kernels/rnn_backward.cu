// All time steps of an Elman RNN backward in one launch: see persistent.cuh.
#include "rnn_backward.cuh"

BACKWARD(rnn_backward_256, Spread<Cell, 256, 64>)
BACKWARD(rnn_backward_512, Spread<Cell, 512, 64>)
BACKWARD(rnn_backward_1024, Spread<Cell, 1024, 32>)
