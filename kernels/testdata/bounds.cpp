// Measures the functions of nonlinear.cuh against float64's, over all float32
// arguments, on the CPU, whose operations round as a GPU's do. Prints the largest
// error of each in units in the last place. Takes minutes:
//
//   g++ -O2 -mfma -ffp-contract=off -pthread kernels/testdata/bounds.cpp && ./a.out
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

// What the headers take from CUDA.
#define __device__
template <class To, class From>
To bits_as(From x) {
  To y;
  memcpy(&y, &x, sizeof y);
  return y;
}
static int __float_as_int(float x) { return bits_as<int>(x); }
static float __uint_as_float(unsigned x) { return bits_as<float>(x); }
static struct { int x; } threadIdx, blockDim;
static void __syncthreads() {}
template <class T>
T __shfl_xor_sync(unsigned, T x, int) { return x; }
static void atomicMin(unsigned long long *, unsigned long long) {}

#include "../nonlinear.cuh"

// The error of got in units in the last place of a float32 near want.
static double error(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : INFINITY;
  int exponent;
  frexp(want, &exponent);
  return fabs(got - want) / ldexp(1, std::max(exponent - 24, -149));
}

template <class Function, class Exact>
void measure(const char *name, double from, double to, Function function, Exact exact) {
  unsigned count = std::max(1u, std::thread::hardware_concurrency());
  std::vector<double> worst(count);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; t++)
    threads.emplace_back([&, t] {
      double most = 0;
      for (uint64_t u = t; u < uint64_t(1) << 32; u += count) {
        float x = __uint_as_float(unsigned(u));
        if (!(x < from) && !(x > to)) most = std::max(most, error(function(x), exact(double(x))));
      }
      worst[t] = most;
    });
  for (auto &thread : threads) thread.join();
  printf("%s %.4f\n", name, *std::max_element(worst.begin(), worst.end()));
}

int main() {
  measure("exp of x <= 0", -INFINITY, 0, exp_of, [](double x) { return exp(x); });
  measure("sigmoid", -INFINITY, INFINITY, sigmoid_of, [](double x) { return 1 / (1 + exp(-x)); });
  measure("tanh", -INFINITY, INFINITY, tanh_of, [](double x) { return tanh(x); });
}
