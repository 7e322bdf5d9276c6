// What orders accesses, and beside each right kernel one where it is missing.
extern "C" {
#define KERNEL __global__ void __launch_bounds__(256)
static __device__ unsigned load_acquire(unsigned *p) {
    unsigned v;
    asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}
static __device__ unsigned load_acquire_block(unsigned *p) {
    unsigned v;
    asm volatile("ld.acquire.cta.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}
static __device__ unsigned load_relaxed(unsigned *p) {
    unsigned v;
    asm volatile("ld.relaxed.gpu.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}
static __device__ unsigned load_cached(unsigned *p) {
    unsigned v;
    asm volatile("ld.global.cg.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}
#define LOAD(p) (*(volatile unsigned *)(p))
#define STORE(p) (*(volatile unsigned *)(p) = 1)
#define STORE_AS(how, p) asm volatile("st." how ".u32 [%0], 1;" ::"l"(p) : "memory")
#define SPIN(value) while ((value) == 0) {}

// Block 0 hands data to block 1.
#define HANDOVER(name, produced, publish, consume, met)                      \
    KERNEL name(int *data, unsigned *flag, int *out) {                       \
        int t = threadIdx.x;                                                 \
        if (blockIdx.x == 0) {                                               \
            data[t] = t;                                                     \
            produced;                                                        \
            if (t == 0) { publish; }                                         \
        } else {                                                             \
            if (t == 0) { consume; }                                         \
            met;                                                             \
            out[t] = data[t];                                                \
        }                                                                    \
    }
#define BARRIER __syncthreads()
#define FENCE __threadfence()
#define FENCE_BLOCK __threadfence_block()
HANDOVER(volatile_flag, BARRIER, FENCE; STORE(flag), SPIN(LOAD(flag)); FENCE, BARRIER)
HANDOVER(atomic_flag, BARRIER, FENCE; atomicExch(flag, 1), SPIN(atomicAdd(flag, 0)), BARRIER)
HANDOVER(atomic_to_volatile, BARRIER, FENCE; atomicAdd(flag, 1), SPIN(LOAD(flag)); FENCE, BARRIER)
HANDOVER(release_acquire, BARRIER, STORE_AS("release.gpu", flag), SPIN(load_acquire(flag)), BARRIER)
HANDOVER(release_to_fence, BARRIER, STORE_AS("release.sys", flag), SPIN(load_relaxed(flag)); FENCE, BARRIER)
HANDOVER(release_then_relaxed, BARRIER, STORE_AS("release.gpu", flag + 1); STORE_AS("release.gpu", flag); STORE_AS("relaxed.gpu", flag), SPIN(load_acquire(flag)), BARRIER)
HANDOVER(fence_to_acquire, BARRIER, FENCE; STORE_AS("relaxed.gpu", flag), SPIN(load_acquire(flag)), BARRIER)
HANDOVER(all_fence, FENCE; BARRIER, STORE(flag), SPIN(LOAD(flag)), BARRIER; FENCE)
HANDOVER(cached_flag, BARRIER, FENCE; STORE_AS("global.cg", flag), SPIN(load_cached(flag)); FENCE, BARRIER)
HANDOVER(no_fence, BARRIER, STORE(flag), SPIN(LOAD(flag)), BARRIER)
HANDOVER(no_release, BARRIER, STORE(flag), SPIN(LOAD(flag)); FENCE, BARRIER)
HANDOVER(no_acquire, BARRIER, FENCE; STORE(flag), SPIN(LOAD(flag)), BARRIER)
HANDOVER(no_fence_atomic, BARRIER, atomicExch(flag, 1), SPIN(atomicAdd(flag, 0)), BARRIER)
HANDOVER(fence_after, BARRIER, STORE(flag); FENCE, SPIN(LOAD(flag)); FENCE, BARRIER)
HANDOVER(fence_too_early, , FENCE; STORE(flag), SPIN(LOAD(flag)); FENCE, BARRIER)
HANDOVER(relaxed, BARRIER, STORE_AS("relaxed.gpu", flag), SPIN(load_relaxed(flag)), BARRIER)
HANDOVER(weak_flag, BARRIER, FENCE; STORE_AS("global", flag), SPIN(load_cached(flag)); FENCE, BARRIER)
HANDOVER(narrow_release, BARRIER, FENCE_BLOCK; STORE(flag), SPIN(LOAD(flag)); FENCE, BARRIER)
HANDOVER(narrow_acquire, BARRIER, FENCE; STORE(flag), SPIN(LOAD(flag)); FENCE_BLOCK, BARRIER)
HANDOVER(narrow_store, BARRIER, STORE_AS("release.cta", flag), SPIN(load_acquire(flag)), BARRIER)
HANDOVER(narrow_load, BARRIER, STORE_AS("release.gpu", flag), SPIN(load_acquire_block(flag)), BARRIER)
HANDOVER(others_do_not_wait, BARRIER, FENCE; STORE(flag), SPIN(LOAD(flag)); FENCE, )

// The first warp hands data to the second, within a block.
#define WITHIN(name, space, produced, publish, consume, met)                 \
    KERNEL name(int *global, unsigned *flag, int *out) {                     \
        __shared__ int shared[32];                                           \
        __shared__ unsigned shared_flag;                                     \
        int t = threadIdx.x, lane = t & 31, *data = space;                   \
        if (t == 0) shared_flag = 0;                                         \
        BARRIER;                                                             \
        if (t < 32) {                                                        \
            data[lane] = lane;                                               \
            produced;                                                        \
            if (lane == 0) { publish; }                                      \
        } else {                                                             \
            if (lane == 0) { consume; }                                      \
            met;                                                             \
            out[lane] = data[lane];                                          \
        }                                                                    \
    }
#define WARP __syncwarp()
WITHIN(within_shared, shared, WARP, FENCE_BLOCK; STORE(&shared_flag), SPIN(LOAD(&shared_flag)); FENCE_BLOCK, WARP)
WITHIN(within_global, global, WARP, FENCE_BLOCK; STORE(flag), SPIN(LOAD(flag)); FENCE_BLOCK, WARP)
WITHIN(within_atomic, global, WARP, FENCE_BLOCK; atomicExch_block(flag, 1), SPIN(atomicAdd_block(flag, 0)), WARP)
WITHIN(within_no_fence, shared, WARP, STORE(&shared_flag), SPIN(LOAD(&shared_flag)), WARP)
WITHIN(within_no_warp, shared, , FENCE_BLOCK; STORE(&shared_flag), SPIN(LOAD(&shared_flag)); FENCE_BLOCK, WARP)
WITHIN(within_lanes_do_not_wait, global, WARP, FENCE_BLOCK; STORE(flag), SPIN(LOAD(flag)); FENCE_BLOCK, )

// Threads of a block, in global memory.
#define NEIGHBOUR(name, between, other)                                      \
    KERNEL name(int *x, int *y) {                                            \
        int t = threadIdx.x;                                                 \
        x[t] = t;                                                            \
        between;                                                             \
        y[t] = x[other];                                                     \
    }
#define TILES __syncwarp(t & 16 ? 0xffff0000u : 0xffffu)
#define SECOND_AND_THIRD if (t >= 32 && t < 96) asm volatile("bar.sync 1, 64;" ::: "memory")
NEIGHBOUR(other_warp, , t ^ 32)
NEIGHBOUR(other_warp_barrier, BARRIER, t ^ 32)
NEIGHBOUR(other_warp_fence, FENCE, t ^ 32)
NEIGHBOUR(other_warp_warp, WARP, t ^ 32)
NEIGHBOUR(other_lane, , t ^ 1)
NEIGHBOUR(other_lane_warp, WARP, t ^ 1)
NEIGHBOUR(in_tile, TILES, t ^ 1)
NEIGHBOUR(other_tile, TILES, t ^ 16)
NEIGHBOUR(named_barrier, SECOND_AND_THIRD, t < 32 || t >= 96 ? t : t < 64 ? t + 32 : t - 32)
NEIGHBOUR(beyond_named_barrier, SECOND_AND_THIRD, t < 32 ? t + 32 : t)

// All read what the last thread then writes.
#define READ_THEN_WRITE(name, between)                                       \
    KERNEL name(int *x, int *y) {                                            \
        int v = x[0];                                                        \
        between;                                                             \
        if (threadIdx.x == blockDim.x - 1) x[0] = v + 1;                     \
        y[threadIdx.x] = v;                                                  \
    }
READ_THEN_WRITE(read_then_write, )
READ_THEN_WRITE(read_then_write_barrier, BARRIER)

// A scan over one value per block, by decoupled look-back.
#define SCAN(name, release, acquire)                                                        \
    KERNEL name(unsigned *ticket, unsigned *flag, int *sum, int *inclusive, int *out) {     \
        if (threadIdx.x > 0) return;                                                        \
        int b = atomicAdd(ticket, 1), before = 0;                                           \
        sum[b] = b + 1;                                                                     \
        release;                                                                            \
        *(volatile unsigned *)(flag + b) = 1;                                               \
        for (int p = b - 1; p >= 0; p--) {                                                  \
            unsigned f;                                                                     \
            while ((f = LOAD(flag + p)) == 0) {}                                            \
            acquire;                                                                        \
            if (f == 2) { before += inclusive[p]; break; }                                  \
            before += sum[p];                                                               \
        }                                                                                   \
        inclusive[b] = before + b + 1;                                                      \
        release;                                                                            \
        *(volatile unsigned *)(flag + b) = 2;                                               \
        out[b] = before;                                                                    \
    }
SCAN(scan, FENCE, FENCE)
SCAN(scan_no_release, , FENCE)
SCAN(scan_no_acquire, FENCE, )
SCAN(scan_narrow, FENCE_BLOCK, FENCE_BLOCK)

// Each block adds to a sum under a lock.
#define LOCK(name, acquire, release)                                         \
    KERNEL name(unsigned *lock, int *sum) {                                  \
        if (threadIdx.x > 0) return;                                         \
        while (atomicCAS(lock, 0, 1) != 0) {}                                \
        acquire;                                                             \
        *sum += blockIdx.x;                                                  \
        release;                                                             \
        atomicExch(lock, 0);                                                 \
    }
LOCK(lock, FENCE, FENCE)
LOCK(lock_no_release, FENCE, )
LOCK(lock_narrow, FENCE_BLOCK, FENCE_BLOCK)

// The last block adds up what the others have left.
#define LAST(name, release)                                                  \
    KERNEL name(unsigned *count, int *part, int *out) {                      \
        __shared__ int last;                                                 \
        if (threadIdx.x == 0) {                                              \
            part[blockIdx.x] = blockIdx.x;                                   \
            release;                                                         \
            last = atomicAdd(count, 1) == gridDim.x - 1;                     \
        }                                                                    \
        BARRIER;                                                             \
        if (last && threadIdx.x < gridDim.x) out[threadIdx.x] = part[threadIdx.x]; \
    }
LAST(last, FENCE)
LAST(last_no_fence, )
LAST(last_narrow, FENCE_BLOCK)

KERNEL found(unsigned *flag, int differ) { *flag = 1 + differ * blockIdx.x; }
KERNEL found_by_threads(unsigned *flag, int differ) { if (threadIdx.x % 32 == 0) *flag = 1 + differ * (threadIdx.x / 32); }
KERNEL count_and_read(unsigned *count, int *out) { atomicAdd(count, 1); out[blockIdx.x] = *count; }
KERNEL count_in_block(unsigned *count) { atomicAdd_block(count, 1); }
KERNEL poll_counter(unsigned *count) { atomicAdd(count, 1); while (LOAD(count) < gridDim.x * blockDim.x) {} }
}
