// The sum of n numbers, a block at a time. Two kernels that differ in one line.
//
//     nvcc --ptx -lineinfo -arch=compute_70 reduce.cu
const int threads = 128;

__device__ void reduce(float *sums, const float *x, int n, bool wait)
{
    __shared__ float part[threads];
    int i = blockIdx.x * threads + threadIdx.x;
    part[threadIdx.x] = i < n ? x[i] : 0;
    for (int half = threads / 2; half > 0; half /= 2) {
        if (wait)
            __syncthreads(); // the others must have written what is read next
        if (threadIdx.x < half)
            part[threadIdx.x] += part[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        sums[blockIdx.x] = part[0];
}

extern "C" __global__ void reduce_broken(float *sums, const float *x, int n)
{
    reduce(sums, x, n, false);
}

extern "C" __global__ void reduce_mended(float *sums, const float *x, int n)
{
    reduce(sums, x, n, true);
}
