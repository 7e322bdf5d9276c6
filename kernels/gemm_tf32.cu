// Matrix products in TF32, for compute capability 8.0 and later.
#include "gemm_mma.cuh"

PACK(pack_n_tf32, Tf32, false)
PACK(pack_t_tf32, Tf32, true)

GEMM(gemm_tf32_128x256, Tile128x256<Tf32>, 1)
GEMM(gemm_tf32_128x128, Tile128x128<Tf32>, 1)
GEMM(gemm_tf32_64x64, Tile64x64<Tf32>, 3)

GEMM_SHARE(gemm_tf32_share_128x128, Tile128x128<Tf32>, 1)
