// Matrix products in three of TF32, about as exact as float32, for compute capability
// 8.0 and later.
#include "gemm_mma.cuh"

PACK(pack_n_tf32x3, Tf32x3, false)
PACK(pack_t_tf32x3, Tf32x3, true)

GEMM(gemm_tf32x3_128x256, Tile128x256<Tf32x3>, 1)
GEMM(gemm_tf32x3_128x128, Tile128x128<Tf32x3>, 1)
GEMM(gemm_tf32x3_64x64, Tile64x64<Tf32x3>, 3)

GEMM_SHARE(gemm_tf32x3_share_128x128, Tile128x128<Tf32x3>, 1)
