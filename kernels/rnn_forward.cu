// All time steps of an Elman RNN forward in one launch: see persistent.cuh.
#include "rnn_forward.cuh"

FORWARD(rnn_forward_256, Columns<Cell, 256, 8>)
FORWARD(rnn_forward_512, Columns<Cell, 512, 8>)
FORWARD(rnn_forward_1024, Columns<Cell, 1024, 4>)
