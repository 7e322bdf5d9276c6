// Matrix products in bfloat16, for compute capability 8.0 and later. The letters of a
// kernel's name are those of gemm.cu.
#include "gemm_mma.cuh"

GEMM(gemm_nn_bf16_128x256, Tile128x256<Bf16>, 1, false, false)
GEMM(gemm_nt_bf16_128x256, Tile128x256<Bf16>, 1, false, true)
GEMM(gemm_tn_bf16_128x256, Tile128x256<Bf16>, 1, true, false)
GEMM(gemm_tt_bf16_128x256, Tile128x256<Bf16>, 1, true, true)

GEMM(gemm_nn_bf16_128x128, Tile128x128<Bf16>, 2, false, false)
GEMM(gemm_nt_bf16_128x128, Tile128x128<Bf16>, 2, false, true)
GEMM(gemm_tn_bf16_128x128, Tile128x128<Bf16>, 2, true, false)
GEMM(gemm_tt_bf16_128x128, Tile128x128<Bf16>, 2, true, true)

GEMM(gemm_nn_bf16_64x64, Tile64x64<Bf16>, 4, false, false)
GEMM(gemm_nt_bf16_64x64, Tile64x64<Bf16>, 4, false, true)
GEMM(gemm_tn_bf16_64x64, Tile64x64<Bf16>, 4, true, false)
GEMM(gemm_tt_bf16_64x64, Tile64x64<Bf16>, 4, true, true)
