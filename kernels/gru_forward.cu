// All time steps of a GRU forward in one launch: see persistent.cuh.
#include "gru_forward.cuh"

FORWARD(gru_forward_256, Columns<Cell, 256, 16>)
FORWARD(gru_forward_512, Columns<Cell, 512, 8>)
FORWARD(gru_forward_1024, Columns<Cell, 1024, 4>)
