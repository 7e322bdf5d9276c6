// Kernels with one mistake each, and beside some of them the right version.
extern "C" {
__global__ void guard_off_by_one(float *y, const float *x, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n) y[i] = x[i];
}
__global__ void no_tail_guard(float *y) { y[blockIdx.x * blockDim.x + threadIdx.x] = 1; }
__global__ void misaligned_vector(float4 *y, const float *x) { y[threadIdx.x] = *(const float4 *)(x + 1 + 4 * threadIdx.x); }
__global__ void accumulate(float *y, const float *x, int n) {
    int i = threadIdx.x;
    if (i < n) y[i] += x[i];
}
__global__ void shared_uninitialised(float *y, int n) {
    __shared__ float s[64];
    if (threadIdx.x < n) s[threadIdx.x] = threadIdx.x;
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x];
}
__global__ void missing_barrier(float *x) {
    __shared__ float s[128];
    s[threadIdx.x] = x[threadIdx.x];
    x[threadIdx.x] = s[127 - threadIdx.x];
}
// The second barrier is missing: a fast warp overwrites what a slow one still reads.
__global__ void missing_second_barrier(float *y, int n) {
    __shared__ float s[64];
    float sum = 0;
    for (int k = 0; k < n; k++) {
        s[threadIdx.x] = k + threadIdx.x;
        __syncthreads();
        sum += s[63 - threadIdx.x];
    }
    y[threadIdx.x] = sum;
}
__global__ void missing_syncwarp(float *x) {
    __shared__ float s[32];
    s[threadIdx.x] = x[threadIdx.x];
    x[threadIdx.x] = s[31 - threadIdx.x];
}
__global__ void with_syncwarp(float *x) {
    __shared__ float s[32];
    s[threadIdx.x] = x[threadIdx.x];
    __syncwarp();
    x[threadIdx.x] = s[31 - threadIdx.x];
}
__global__ void same_address(int *y, int differ) {
    __shared__ int s;
    s = threadIdx.x * differ;
    __syncthreads();
    y[threadIdx.x] = s;
}
__global__ void blocks_write_one(int *y) { if (threadIdx.x == 0) y[0] = blockIdx.x; }
__global__ void blocks_read_neighbour(int *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = i;
    y[i] += y[(i + 32) % n];
}
__global__ void blocks_add(int *y) { atomicAdd(y, 1); }
__global__ void blocks_share_word(unsigned char *y) { if (threadIdx.x == 0) y[blockIdx.x] = blockIdx.x; }
__global__ void last_block_without_fence(float *dst, volatile float *part, unsigned *count) {
    part[blockIdx.x] = blockIdx.x;
    if (atomicInc(count, gridDim.x - 1) == gridDim.x - 1) {
        float t = 0;
        for (int b = 0; b < gridDim.x; b++) t += part[b];
        *dst = t;
    }
}
__global__ void plain_last_block(float *dst, float *part, unsigned *count, int fence) {
    part[blockIdx.x] = blockIdx.x;
    if (fence) __threadfence();
    if (atomicInc(count, gridDim.x - 1) == gridDim.x - 1) {
        float t = 0;
        for (int b = 0; b < gridDim.x; b++) t += part[b];
        *dst = t;
    }
}
__global__ void divergent_barrier(int *y) {
    __shared__ int s[64];
    s[threadIdx.x] = threadIdx.x;
    if (threadIdx.x < 40) { __syncthreads(); y[threadIdx.x] = s[39 - threadIdx.x]; }
    else y[threadIdx.x] = 0;
}
__global__ void early_exit(int *y, int n) {
    if (threadIdx.x >= n) return;
    __syncthreads();
    y[threadIdx.x] = 1;
}
__global__ void stuck(int *y) {
    if (threadIdx.x < 32) asm volatile("bar.sync 1, 64;");
    else asm volatile("bar.sync 2, 64;");
    y[threadIdx.x] = 1;
}
__global__ void producer_consumer(int *y) {
    __shared__ int s[32];
    if (threadIdx.x < 32) { s[threadIdx.x] = threadIdx.x; asm volatile("bar.arrive 1, 64;" ::: "memory"); }
    else { asm volatile("bar.sync 1, 64;" ::: "memory"); y[threadIdx.x - 32] = s[63 - threadIdx.x]; }
}
__global__ void shuffle_half(int *y) {
    int v = threadIdx.x;
    if (threadIdx.x < 16) v += __shfl_xor_sync(0xffffffffu, v, 1);
    y[threadIdx.x] = v;
}
__global__ void shuffle_after_exit(int *y, int n) {
    if (threadIdx.x >= n) return;
    y[threadIdx.x] = __shfl_down_sync(0xffffffffu, (int)threadIdx.x, 1);
}
__global__ void local_overflow(int *y, const int *index) {
    int a[16];
    for (int i = 0; i < 16; i++) a[i] = i * y[i];
    a[index[threadIdx.x]]++;
    int s = 0;
    for (int i = 0; i < 16; i++) s += a[(i + index[0]) & 15];
    y[threadIdx.x] = s;
}
__global__ void trap(int *y) { if (y[threadIdx.x] == 3) __trap(); }
__global__ void endless(volatile int *y) { while (*y == 0) {} }
}
