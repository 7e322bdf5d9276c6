// Correct kernels in the manner of a training backend.
extern "C" {
__device__ float table[4] = {1.5f, -2.0f, 3.0f, 0.25f};
__constant__ int cst[3] = {7, 8, 9};

__global__ void axpy(float *y, const float *x, float a, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}

__global__ void sigmoid_tanh(float *s, float *t, const float *x, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        s[i] = 1.0f / (1.0f + expf(-x[i]));
        t[i] = tanhf(x[i]);
    }
}

__global__ void sum_rows(float *dst, const float *x, int rows, int cols) {
    __shared__ float part[32];
    int r = blockIdx.x;
    float s = 0;
    for (int c = threadIdx.x; c < cols; c += blockDim.x) s += x[r * cols + c];
    for (int o = 16; o > 0; o >>= 1) s += __shfl_down_sync(0xffffffffu, s, o);
    if ((threadIdx.x & 31) == 0) part[threadIdx.x >> 5] = s;
    __syncthreads();
    if (threadIdx.x < 32) {
        s = threadIdx.x < (blockDim.x + 31) / 32 ? part[threadIdx.x] : 0;
        for (int o = 16; o > 0; o >>= 1) s += __shfl_xor_sync(0xffffffffu, s, o);
        if (threadIdx.x == 0) dst[r] = s;
    }
}

// C = A·B, tiles of 16x16
__global__ void gemm16(float *c, const float *a, const float *b, int m, int n, int k) {
    __shared__ float as[2][16][17], bs[2][16][17];
    int row = blockIdx.y * 16 + threadIdx.y, col = blockIdx.x * 16 + threadIdx.x;
    float acc = 0;
    int tiles = (k + 15) / 16;
    for (int t = 0; t < tiles; t++) {
        int s = t & 1;
        int ka = t * 16 + threadIdx.x, kb = t * 16 + threadIdx.y;
        as[s][threadIdx.y][threadIdx.x] = row < m && ka < k ? a[row * k + ka] : 0;
        bs[s][threadIdx.y][threadIdx.x] = kb < k && col < n ? b[kb * n + col] : 0;
        __syncthreads();
#pragma unroll
        for (int i = 0; i < 16; i++) acc += as[s][threadIdx.y][i] * bs[s][i][threadIdx.x];
    }
    if (row < m && col < n) c[row * n + col] = acc;
}

__device__ __noinline__ int collatz(int n) {
    int steps = 0;
    while (n != 1) { n = n & 1 ? 3 * n + 1 : n / 2; steps++; }
    return steps;
}

__global__ void diverge(int *dst, const int *x, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int v = x[i], r;
    switch (v % 6) {
    case 0: r = collatz(v + 1); break;
    case 1: r = v * 3; break;
    case 2: if (v > 50) { dst[i] = -1; return; } r = v - 100; break;
    case 3: r = cst[v % 3]; break;
    case 4: { r = 0; for (int j = 0; j < v; j++) { if (j == 37) break; if (j % 3 == 0) continue; r += j; } break; }
    default: r = (int)table[v & 3] + v / 7;
    }
    dst[i] = r;
}

__global__ void local_array(int *dst, const int *index, int n) {
    int i = threadIdx.x;
    int a[16];
    for (int j = 0; j < 16; j++) a[j] = j * j + i;
    a[index[i] & 15] += 1000;
    int s = 0;
    for (int j = 0; j < n; j++) s += a[(index[i] + j) & 15] * (j + 1);
    dst[i] = s;
}

__global__ void histogram(int *bins, const int *x, int n) {
    __shared__ int h[16];
    if (threadIdx.x < 16) h[threadIdx.x] = 0;
    __syncthreads();
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(&h[x[i] & 15], 1);
    __syncthreads();
    if (threadIdx.x < 16) atomicAdd(&bins[threadIdx.x], h[threadIdx.x]);
}

__global__ void dynamic_reverse(float *x) {
    extern __shared__ float buf[];
    buf[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = buf[blockDim.x - 1 - threadIdx.x];
}

__global__ void vec4(float4 *dst, const float4 *a, float4 bias, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) { float4 v = a[i]; v.x += bias.x; v.y += bias.y; v.z += bias.z; v.w += bias.w; dst[i] = v; }
}

__global__ void last_block(float *dst, float *part, unsigned *count, const float *x, int n) {
    __shared__ bool last;
    float s = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) s += x[i];
    for (int o = 16; o > 0; o >>= 1) s += __shfl_xor_sync(0xffffffffu, s, o);
    if (threadIdx.x == 0) {
        part[blockIdx.x] = s;
        __threadfence();
        last = atomicInc(count, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        float t = 0;
        for (int b = 0; b < gridDim.x; b++) t += ((volatile float *)part)[b];
        *dst = t;
    }
}
}
