// Calls through pointers, and functions that call themselves.
#include <stdint.h>

typedef int (*operation)(int, int);

__device__ __noinline__ int plus(int a, int b) { return a + b; }
__device__ __noinline__ int minus(int a, int b) { return a - b; }
__device__ __noinline__ int times(int a, int b) { return a * b; }
__device__ operation table[3] = {plus, minus, times};

extern "C" __global__ void choose(int *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = table[i % 3](i, 10);
}

// The host passes a pointer that another kernel has stored.
extern "C" __global__ void fetch(operation *p) { *p = times; }
extern "C" __global__ void apply(int *y, operation p) { y[threadIdx.x] = p(threadIdx.x, 3); }

__device__ __noinline__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

extern "C" __global__ void fibonaccis(int *y) { y[threadIdx.x] = fibonacci(threadIdx.x % 13); }

__device__ int odd(int n);
__device__ __noinline__ int even(int n) { return n == 0 ? 1 : odd(n - 1); }
__device__ __noinline__ int odd(int n) { return n == 0 ? 0 : even(n - 1); }

extern "C" __global__ void parity(int *y) { y[threadIdx.x] = even(threadIdx.x); }

// Each activation has digits of its own, and the callee writes into those of its caller.
__device__ __noinline__ int digits(int n, int *into)
{
    int own[4];
    for (int i = 0; i < 4; i++)
        own[i] = n * 4 + i;
    if (n > 0)
        digits(n - 1, own);
    int sum = 0;
    for (int i = 0; i < 4; i++)
        sum = sum * 10 + own[i];
    into[n & 3] = sum;
    return sum;
}

extern "C" __global__ void nested(int *y)
{
    int into[4] = {0, 0, 0, 0};
    int sum = digits(threadIdx.x % 6, into);
    y[threadIdx.x] = sum + into[threadIdx.x % 6 & 3];
}

__device__ __noinline__ int endless(int n) { return endless(n + 1) + n; }

extern "C" __global__ void overflow(int *y) { y[0] = endless(0); }
