// Matrix products in three of TF32, about as exact as float32, for compute capability
// 8.0 and later. The letters of a kernel's name are those of gemm.cu.
#include "gemm_mma.cuh"

GEMM(gemm_nn_tf32x3_128x256, Tile128x256<Tf32x3>, 1, false, false)
GEMM(gemm_nt_tf32x3_128x256, Tile128x256<Tf32x3>, 1, false, true)
GEMM(gemm_tn_tf32x3_128x256, Tile128x256<Tf32x3>, 1, true, false)
GEMM(gemm_tt_tf32x3_128x256, Tile128x256<Tf32x3>, 1, true, true)

GEMM(gemm_nn_tf32x3_128x128, Tile128x128<Tf32x3>, 2, false, false)
GEMM(gemm_nt_tf32x3_128x128, Tile128x128<Tf32x3>, 2, false, true)
GEMM(gemm_tn_tf32x3_128x128, Tile128x128<Tf32x3>, 2, true, false)
GEMM(gemm_tt_tf32x3_128x128, Tile128x128<Tf32x3>, 2, true, true)

GEMM(gemm_nn_tf32x3_64x64, Tile64x64<Tf32x3>, 4, false, false)
GEMM(gemm_nt_tf32x3_64x64, Tile64x64<Tf32x3>, 4, false, true)
GEMM(gemm_tn_tf32x3_64x64, Tile64x64<Tf32x3>, 4, true, false)
GEMM(gemm_tt_tf32x3_64x64, Tile64x64<Tf32x3>, 4, true, true)
