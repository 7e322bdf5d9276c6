// Matrix products in TF32, for compute capability 8.0 and later. The letters of a
// kernel's name are those of gemm.cu.
#include "gemm_mma.cuh"

GEMM(gemm_nn_tf32_128x256, Tile128x256<Tf32>, 1, false, false)
GEMM(gemm_nt_tf32_128x256, Tile128x256<Tf32>, 1, false, true)
GEMM(gemm_tn_tf32_128x256, Tile128x256<Tf32>, 1, true, false)
GEMM(gemm_tt_tf32_128x256, Tile128x256<Tf32>, 1, true, true)

GEMM(gemm_nn_tf32_128x128, Tile128x128<Tf32>, 2, false, false)
GEMM(gemm_nt_tf32_128x128, Tile128x128<Tf32>, 2, false, true)
GEMM(gemm_tn_tf32_128x128, Tile128x128<Tf32>, 2, true, false)
GEMM(gemm_tt_tf32_128x128, Tile128x128<Tf32>, 2, true, true)

GEMM(gemm_nn_tf32_64x64, Tile64x64<Tf32>, 4, false, false)
GEMM(gemm_nt_tf32_64x64, Tile64x64<Tf32>, 4, false, true)
GEMM(gemm_tn_tf32_64x64, Tile64x64<Tf32>, 4, true, false)
GEMM(gemm_tt_tf32_64x64, Tile64x64<Tf32>, 4, true, true)
