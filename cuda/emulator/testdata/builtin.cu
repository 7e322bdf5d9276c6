// Kernels that call the functions of the driver: printf and assert.
#include <assert.h>
#include <stdio.h>

extern "C" __global__ void print(const char *text, double x, long long n)
{
    if (threadIdx.x == 1)
        printf("block %d of %u: %5d|%-5d|%05d|%+d|%.3d|%lld|%#x|%#X|%o|%hd|%hhu\n", blockIdx.x, gridDim.x, 42, 42, 42, 42, 7, n, 255, 0, 8, 70000, 300);
    if (threadIdx.x == 2)
        printf("%s|%10s|%-10s|%.2s|%c|%%|%p\n", text, "right", "left", "cut off", 'c', (void *)4096);
    if (threadIdx.x == 3)
        printf("%f|%.2f|%8.3f|%e|%E|%g|%g|%G|%*d|%.*f|%f|%F|%-6f|\n", x, x, x, x, x, x, 1e10, 1e-10, 6, 42, 1, x, 1 / 0.0, 0.0 / 0.0, -1 / 0.0);
    if (threadIdx.x == 4)
        printf("%g|%g|%g|%#o|%+5.1f|% d|%x|%+i|%a\n", 100000.0, 1e6, 0.0001, 8, 2.25, 5, -1, 3, 1.5);
    if (threadIdx.x == 5)
        printf("no conversion: %y, and 100%");
}

extern "C" __global__ void check(const int *values, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        assert(values[i] >= 0 && "a negative value");
}
