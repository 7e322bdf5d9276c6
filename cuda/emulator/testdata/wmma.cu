// Products with nvcuda::wmma: c = a·b + c, of all types and shapes.
#include <mma.h>
using namespace nvcuda::wmma;

template <int M, int N, int K, class In, class Sum, class Stored, class LayoutA, class LayoutB>
__device__ void product(Sum *c, const Stored *a, const Stored *b, int lda, int ldb, bool columns)
{
    fragment<matrix_a, M, N, K, In, LayoutA> fa;
    fragment<matrix_b, M, N, K, In, LayoutB> fb;
    fragment<accumulator, M, N, K, Sum> fc;
    load_matrix_sync(fa, a, lda);
    load_matrix_sync(fb, b, ldb);
    load_matrix_sync(fc, c, columns ? M : N, columns ? mem_col_major : mem_row_major);
    mma_sync(fc, fa, fb, fc);
    store_matrix_sync(c, fc, columns ? M : N, columns ? mem_col_major : mem_row_major);
}

#define PRODUCT(name, M, N, K, In, Sum, Stored, LayoutA, LayoutB, columns)                       \
    extern "C" __global__ void name(Sum *c, const Stored *a, const Stored *b, int lda, int ldb)  \
    {                                                                                            \
        product<M, N, K, In, Sum, Stored, LayoutA, LayoutB>(c, a, b, lda, ldb, columns);         \
    }

PRODUCT(f16_16, 16, 16, 16, __half, float, __half, row_major, col_major, false)
PRODUCT(f16_8, 8, 32, 16, __half, float, __half, col_major, row_major, true)
PRODUCT(f16_32, 32, 8, 16, __half, float, __half, row_major, row_major, false)
PRODUCT(half_16, 16, 16, 16, __half, __half, __half, row_major, row_major, false)
PRODUCT(bf16_16, 16, 16, 16, __nv_bfloat16, float, __nv_bfloat16, row_major, col_major, false)
PRODUCT(bf16_8, 8, 32, 16, __nv_bfloat16, float, __nv_bfloat16, row_major, row_major, false)
PRODUCT(tf32_16, 16, 16, 8, precision::tf32, float, float, row_major, row_major, false)
PRODUCT(s8_16, 16, 16, 16, signed char, int, signed char, row_major, col_major, false)
PRODUCT(u8_32, 32, 8, 16, unsigned char, int, unsigned char, row_major, row_major, true)
PRODUCT(f64_8, 8, 8, 4, double, double, double, row_major, col_major, false)

// The accumulator of one product is scaled, and becomes that of a product of halves.
extern "C" __global__ void scaled(__half *c, const __half *a, const __half *b)
{
    fragment<matrix_a, 16, 16, 16, __half, row_major> fa;
    fragment<matrix_b, 16, 16, 16, __half, row_major> fb;
    fragment<accumulator, 16, 16, 16, float> wide;
    fragment<accumulator, 16, 16, 16, __half> narrow;
    load_matrix_sync(fa, a, 16);
    load_matrix_sync(fb, b, 16);
    fill_fragment(wide, 0.0f);
    mma_sync(wide, fa, fb, wide);
    for (int i = 0; i < wide.num_elements; i++)
        narrow.x[i] = __float2half(wide.x[i] / 2);
    mma_sync(narrow, fa, fb, narrow);
    store_matrix_sync(c, narrow, 16, mem_row_major);
}
