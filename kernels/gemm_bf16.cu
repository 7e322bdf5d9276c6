// Matrix products in bfloat16, for compute capability 8.0 and later.
#include "gemm_mma.cuh"

PACK(pack_n_bf16, Bf16, false)
PACK(pack_t_bf16, Bf16, true)

GEMM(gemm_bf16_128x256, Tile128x256<Bf16>, 1)
GEMM(gemm_bf16_128x128, Tile128x128<Bf16>, 1)
GEMM(gemm_bf16_64x64, Tile64x64<Bf16>, 3)

GEMM_SHARE(gemm_bf16_share_128x128, Tile128x128<Bf16>, 1)
GEMM_SHARE(gemm_bf16_share_64x64, Tile64x64<Bf16>, 3)
