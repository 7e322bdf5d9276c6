// A kernel whose faults lie in inlined functions.
template <class T> __device__ void put(T *y, int i, T v)
{
    y[i] = v;
}

template <class T> __device__ void twice(T *y, int i, T v)
{
    put(y, i, v);
    put(y, i + 1, v);
}

template <class T> __global__ void fill(T *y, T v)
{
    int i = threadIdx.x;
    twice(y, i, v);
}

template __global__ void fill<float>(float *, float);
