// Tensor cores, asynchronous copies and warp-wide instructions of sm_80. The
// fragment layouts are those of the PTX ISA, "Matrix Fragments for mma".
#include <stdint.h>
extern "C" {
// c[16,8] += a[16,8]·b[8,8], row by row.
__global__ void mma_tf32(float *c, const float *a, const float *b) {
    int g = threadIdx.x / 4, t = threadIdx.x % 4;
    uint32_t ra[4], rb[2];
    float in[4] = {a[g * 8 + t], a[(g + 8) * 8 + t], a[g * 8 + t + 4], a[(g + 8) * 8 + t + 4]};
    for (int i = 0; i < 4; i++) asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(ra[i]) : "f"(in[i]));
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rb[0]) : "f"(b[t * 8 + g]));
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rb[1]) : "f"(b[(t + 4) * 8 + g]));
    float *c0 = c + g * 8 + 2 * t, *c1 = c0 + 64;
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c0[0]), "+f"(c0[1]), "+f"(c1[0]), "+f"(c1[1]) : "r"(ra[0]), "r"(ra[1]), "r"(ra[2]), "r"(ra[3]), "r"(rb[0]), "r"(rb[1]));
}
// The same with k = 4: a is [16,4], b [4,8].
__global__ void mma_tf32_k4(float *c, const float *a, const float *b) {
    int g = threadIdx.x / 4, t = threadIdx.x % 4;
    uint32_t a0 = __float_as_uint(a[g * 4 + t]), a1 = __float_as_uint(a[(g + 8) * 4 + t]), b0 = __float_as_uint(b[t * 8 + g]);
    float *c0 = c + g * 8 + 2 * t, *c1 = c0 + 64;
    asm volatile("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c0[0]), "+f"(c0[1]), "+f"(c1[0]), "+f"(c1[1]) : "r"(a0), "r"(a1), "r"(b0));
}
// a [16,8], b [8,8] of bfloat16, fragments loaded by hand.
__global__ void mma_bf16(float *c, const uint16_t *a, const uint16_t *b) {
    int g = threadIdx.x / 4, t = threadIdx.x % 4;
    uint32_t a0 = a[g * 8 + 2 * t] | a[g * 8 + 2 * t + 1] << 16, a1 = a[(g + 8) * 8 + 2 * t] | a[(g + 8) * 8 + 2 * t + 1] << 16;
    uint32_t b0 = b[2 * t * 8 + g] | b[(2 * t + 1) * 8 + g] << 16;
    float *c0 = c + g * 8 + 2 * t, *c1 = c0 + 64;
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c0[0]), "+f"(c0[1]), "+f"(c1[0]), "+f"(c1[1]) : "r"(a0), "r"(a1), "r"(b0));
}
// a [16,16] and b [16,8] of float16, by rows, brought to shared memory by
// cp.async and to registers by ldmatrix.
__global__ void mma_f16(float *c, const uint16_t *a, const uint16_t *b) {
    __shared__ __align__(16) uint16_t sa[16][16], sb[16][8];
    int lane = threadIdx.x, g = lane / 4, t = lane % 4;
    uint32_t pa = (uint32_t)__cvta_generic_to_shared(&sa[lane / 2][lane % 2 * 8]);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(pa), "l"(a + 8 * lane) : "memory");
    if (lane < 16) {
        uint32_t pb = (uint32_t)__cvta_generic_to_shared(&sb[lane][0]);
        asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(pb), "l"(b + 8 * lane) : "memory");
    }
    asm volatile("cp.async.commit_group;");
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    __syncwarp();
    uint32_t ra[4], rb[2];
    uint32_t row = (uint32_t)__cvta_generic_to_shared(&sa[lane % 16][lane / 16 * 8]);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(ra[0]), "=r"(ra[1]), "=r"(ra[2]), "=r"(ra[3]) : "r"(row));
    uint32_t column = (uint32_t)__cvta_generic_to_shared(&sb[lane % 16][0]);
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];" : "=r"(rb[0]), "=r"(rb[1]) : "r"(column));
    float *c0 = c + g * 8 + 2 * t, *c1 = c0 + 64;
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c0[0]), "+f"(c0[1]), "+f"(c1[0]), "+f"(c1[1]) : "r"(ra[0]), "r"(ra[1]), "r"(ra[2]), "r"(ra[3]), "r"(rb[0]), "r"(rb[1]));
}
// The tail of a copy that is cut short is zero.
__global__ void copy_with_zeros(float *y, const float *x, int bytes) {
    __shared__ __align__(16) float s[4];
    uint32_t p = (uint32_t)__cvta_generic_to_shared(s);
    if (threadIdx.x == 0) asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(p), "l"(x), "r"(bytes) : "memory");
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    if (threadIdx.x < 4) y[threadIdx.x] = s[threadIdx.x];
}
// Two groups are under way; the first is waited for, the second only if all.
__global__ void copy_groups(float *y, const float *x, int all) {
    __shared__ float s[64];
    uint32_t p = (uint32_t)__cvta_generic_to_shared(s + threadIdx.x);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(p), "l"(x + threadIdx.x) : "memory");
    asm volatile("cp.async.commit_group;");
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(p + 128), "l"(x + 32 + threadIdx.x) : "memory");
    asm volatile("cp.async.commit_group;");
    if (all) asm volatile("cp.async.wait_group 0;" ::: "memory");
    else asm volatile("cp.async.wait_group 1;" ::: "memory");
    __syncthreads();
    y[threadIdx.x] = s[31 - threadIdx.x] + (all >= 0 ? s[32 + threadIdx.x] : 0);
}
// dst[8][32]: reductions over the lanes of a warp, and over the block.
__global__ void reductions(int *dst, const int *x) {
    int lane = threadIdx.x & 31, v = x[threadIdx.x];
    unsigned all = 0xffffffffu;
    int out[9];
    out[0] = __reduce_add_sync(all, v);
    out[1] = __reduce_min_sync(all, v);
    out[2] = (int)__reduce_xor_sync(all, (unsigned)v);
    out[3] = (int)__match_any_sync(all, v & 3);
    int same;
    out[4] = (int)__match_all_sync(all, v, &same) + same;
    out[5] = (int)__ballot_sync(all, v & 1);
    out[6] = __any_sync(all, v == 5) * 2 + __all_sync(all, v >= 0);
    out[7] = __syncthreads_count(v & 1);
    out[8] = __syncthreads_or(v == 63) * 2 + __syncthreads_and(v >= 0);
    for (int i = 0; i < 9; i++) dst[i * blockDim.x + threadIdx.x] = out[i] + 0 * lane;
}
}
