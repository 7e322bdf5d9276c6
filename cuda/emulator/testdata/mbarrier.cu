// mbarriers of sm_80, through the primitives of cuda_awbarrier_primitives.h.
#include <cuda_awbarrier_primitives.h>
#include <cuda_pipeline_primitives.h>

__device__ bool over(__mbarrier_t *barrier, unsigned parity)
{
    unsigned done;
    asm volatile("{ .reg .pred p; mbarrier.test_wait.parity.shared.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done) : "r"((unsigned)__cvta_generic_to_shared(barrier)), "r"(parity) : "memory");
    return done;
}

// Warp 0 fills a buffer, the others read it, round after round, with a barrier for each way.
template <bool wait> __device__ void handOver(int *y, int rounds)
{
    __shared__ __mbarrier_t full, empty;
    __shared__ int buffer[32];
    int lane = threadIdx.x & 31, readers = blockDim.x - 32;
    if (threadIdx.x == 0) {
        __mbarrier_init(&full, 32);
        __mbarrier_init(&empty, readers);
    }
    __syncthreads();
    for (int round = 0; round < rounds; round++) {
        if (threadIdx.x < 32) {
            if (round > 0)
                while (!over(&empty, (round - 1) & 1)) {}
            buffer[lane] = 100 * round + lane;
            __mbarrier_arrive(&full);
        } else {
            if (wait)
                while (!over(&full, round & 1)) {}
            y[round * readers + threadIdx.x - 32] = buffer[31 - lane];
            __mbarrier_arrive(&empty);
        }
    }
}

extern "C" __global__ void hand_over(int *y, int rounds) { handOver<true>(y, rounds); }
extern "C" __global__ void hand_over_broken(int *y, int rounds) { handOver<false>(y, rounds); }

// Each thread copies a word asynchronously and arrives when it is there; all wait for all.
extern "C" __global__ void copies(int *y, const int *x, int wait)
{
    __shared__ __mbarrier_t ready;
    __shared__ int part[64];
    if (threadIdx.x == 0)
        __mbarrier_init(&ready, 64);
    __syncthreads();
    __pipeline_memcpy_async(&part[threadIdx.x], &x[threadIdx.x], 4);
    __pipeline_arrive_on(&ready);
    __mbarrier_token_t token = __mbarrier_arrive(&ready);
    if (wait)
        while (!__mbarrier_test_wait(&ready, token)) {}
    y[threadIdx.x] = part[63 - threadIdx.x];
}

// A thread that leaves is not waited for in later phases.
extern "C" __global__ void leave(int *y)
{
    __shared__ __mbarrier_t all;
    if (threadIdx.x == 0)
        __mbarrier_init(&all, 64);
    __syncthreads();
    if (threadIdx.x < 32) {
        __mbarrier_arrive_and_drop(&all);
        return;
    }
    for (int phase = 0; phase < 3; phase++) {
        __mbarrier_token_t token = __mbarrier_arrive(&all);
        while (!__mbarrier_test_wait(&all, token)) {}
    }
    y[threadIdx.x - 32] = __mbarrier_token_pending_count(__mbarrier_arrive(&all));
}

extern "C" __global__ void too_many(int *y)
{
    __shared__ __mbarrier_t all;
    if (threadIdx.x == 0)
        __mbarrier_init(&all, 8);
    __syncthreads();
    __mbarrier_arrive_and_drop(&all);
}

extern "C" __global__ void no_init()
{
    __shared__ __mbarrier_t all;
    __mbarrier_arrive(&all);
}
