// All time steps of an LSTM forward in one launch: see persistent.cuh.
#include "lstm_forward.cuh"

FORWARD(lstm_forward_128, Columns<Cell, 128, 16>)
FORWARD(lstm_forward_256, Columns<Cell, 256, 16>)
FORWARD(lstm_forward_512, Columns<Cell, 512, 8>)
FORWARD(lstm_forward_1024, Columns<Cell, 1024, 4>)
