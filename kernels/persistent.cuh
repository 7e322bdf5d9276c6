// Recurrent layers whose time steps are one launch: what their kernels share.
//
// A block has some hidden units and some rows of the batch, and keeps them through all
// time steps. Its part of the recurrent weights stays in registers, so it is read once.
// Blocks with the same rows and other units exchange what they compute through memory,
// and wait for each other between time steps. So all blocks must run at once: the
// launch is cooperative, with at most one block for each multiprocessor.
//
// A launch may run a second layer of the same sizes, such as the other direction, at the
// same time: a grid has z = 1 or 2, and a kernel the operands of both.
#pragma once
#include "common.cuh"

// OF is the operand of layer z.
#define OF(z, operand) (z ? operand##_2 : operand##_1)

// own_layer returns the layer that the block is for. The compiler cannot know that it is
// always the same one. So it chooses addresses anew where they are needed, and does not
// keep them all in registers, which weights fill.
__device__ inline unsigned own_layer() {
  unsigned z;
  asm volatile("mov.u32 %0, %%ctaid.z;" : "=r"(z));
  return z;
}

// GridBarrier lets the blocks with the same rows wait for each other. They arrive as
// often as arrivals says. The last arrival wraps their counter to 0, which it was before
// the first, so the next launch needs no preparation.
struct GridBarrier {
  unsigned *counts;  // one for each layer and group of rows
  unsigned last;     // value that the next arrival wraps to 0

  __device__ GridBarrier(unsigned *counts, int arrivals) : counts(counts), last(arrivals * gridDim.x - 1) {}

  __device__ unsigned *own() const { return counts + own_layer() * gridDim.y + blockIdx.y; }

  // arrive releases what the block has written to the blocks that wait for it.
  __device__ void arrive() const {
    __syncthreads();
    if (threadIdx.x == 0) asm volatile("red.release.gpu.global.inc.u32 [%0], %1;" ::"l"(own()), "r"(last) : "memory");
  }

  // wait waits until every block has arrived so many times, and not yet for the last time.
  __device__ void wait(int times) const {
    if (threadIdx.x == 0) {
      const unsigned *count = own();
      unsigned arrived;
      do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(arrived) : "l"(count) : "memory");
      while (arrived < times * gridDim.x);
    }
    __syncthreads();
  }
};

// read_four reads four neighbours in a row of a matrix, past the first cache, which does
// not see what other blocks write. Elements from count on are 0. If all four exist and
// are aligned, they move at once.
__device__ inline float4 read_four(const float *at, int count) {
  if (count >= 4 && (unsigned long long)at % sizeof(float4) == 0) return __ldcg((const float4 *)at);
  return {count > 0 ? __ldcg(at) : 0.0f, count > 1 ? __ldcg(at + 1) : 0.0f, count > 2 ? __ldcg(at + 2) : 0.0f,
          count > 3 ? __ldcg(at + 3) : 0.0f};
}

// Rows moves ROWS rows of K floats from global to shared memory, through registers. A thread
// has the same run of four floats of every so many rows.
template <int K, int ROWS>
struct Rows {
  static constexpr int runs = K / 4, step = kBlock / runs, count = ROWS / step;
  static_assert(step * runs == kBlock && count * step == ROWS, "threads have equal shares");
  float4 value[count];

  // Rows of x hold hidden floats. Beyond them, and below the first left rows, is 0.
  __device__ void load(const float *x, int hidden, int left) {
    int row = threadIdx.x / runs, k = threadIdx.x % runs * 4;
    x += row * hidden + k;
#pragma unroll
    for (int i = 0; i < count; i++) value[i] = read_four(x + i * step * hidden, row + i * step < left ? hidden - k : 0);
  }

  // store hands each run to put(row, run, float4).
  template <class Put>
  __device__ void store(Put put) const {
#pragma unroll
    for (int i = 0; i < count; i++) put(threadIdx.x / runs + i * step, threadIdx.x % runs, value[i]);
  }
};

constexpr int kWarps = kBlock / kWarp;

// add_products adds x[i] * weights[i*step] to sum, for i < n, in order. Other blocks may have
// written x.
__device__ inline float add_products(float sum, const float *x, const float *weights, long long step, int n) {
#pragma unroll 1
  for (int i = 0; i < n; i++) sum = fmaf(__ldcg(x + i), weights[i * step], sum);
  return sum;
}

// Columns is the product of rows of h with the weights of a block, forward in time. A unit
// has Cell::slots columns, one for each gate; a slot that is left has no weights. The
// lanes of a warp share k, and keep COLUMNS columns in registers: run j of lane l holds
// k = 128 j + 4 l and the three after it.
template <class Cell, int K, int COLUMNS>
struct Columns {
  static constexpr int runs = K / 4 / kWarp, together = kSums / COLUMNS;
  static constexpr int columns = kWarps * COLUMNS, units = columns / Cell::slots;
  static constexpr int tile = kBlock / units, chunk = tile < 8 ? tile : 8, parts = 1;
  static constexpr bool rounds = false;  // the factors
  static constexpr int pitch = columns + COLUMNS;  // of rows of sums; the padding avoids bank conflicts
  static constexpr int staged = chunk * K / 4;
  using Next = Rows<K, chunk>;
  float4 weight[COLUMNS][runs];

  static __device__ constexpr bool used(int column) { return column % Cell::slots < Cell::gates; }

  // load takes the columns of the block's units, from first on, of weights [gates*hidden, hidden].
  __device__ void load(const float *weights, int hidden, int first) {
    first += threadIdx.x / kWarp * COLUMNS / Cell::slots;
#pragma unroll
    for (int column = 0; column < COLUMNS; column++) {
      if (!used(column)) continue;
      int unit = first + column / Cell::slots, row = unit < hidden ? column % Cell::slots * hidden + unit : -1;
#pragma unroll
      for (int j = 0; j < runs; j++) {
        int k = (j * kWarp + threadIdx.x % kWarp) * 4;
        weight[column][j] = read_four(weights + (long long)row * hidden + k, row >= 0 ? hidden - k : 0);
      }
    }
  }

  static __device__ void stage(float4 *shared, const Next &next) {
    next.store([=](int row, int run, float4 x) { shared[row * (K / 4) + run] = x; });
  }

  // multiply puts sums of the first rows of a chunk, at least, into rows of z.
  __device__ void multiply(const float4 *x, float *z, int rows) const {
    int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
    z += lane / COLUMNS * pitch + warp * COLUMNS + lane % COLUMNS;
#pragma unroll 1
    for (int r = 0; r < rows; r += together, z += together * pitch) {
      float sum = product(x + r * (K / 4));
      if (lane < kSums) *z = sum;
    }
  }

  // product returns, in lane l < kSums, element [l / COLUMNS, l % COLUMNS] of the product of
  // rows of x with the columns of the warp.
  __device__ float product(const float4 *x) const {
    int lane = threadIdx.x % kWarp;
    float sum[kSums] = {};
#pragma unroll
    for (int row = 0; row < together; row++)
#pragma unroll
      for (int j = 0; j < runs; j++) {
        float4 v = x[(row * runs + j) * kWarp + lane];
#pragma unroll
        for (int column = 0; column < COLUMNS; column++) {
          if (!used(column)) continue;
          float &s = sum[row * COLUMNS + column];
          const float4 &w = weight[column][j];
          s = fmaf(v.w, w.w, fmaf(v.z, w.z, fmaf(v.y, w.y, fmaf(v.x, w.x, s))));
        }
      }
    return halve<kSums / 2>(sum);
  }
};

// Slots are the sums of a cell in shared memory. They are read at once, because one after
// the other would be bank conflicts.
template <int SLOTS>
struct alignas(SLOTS * sizeof(float)) Slots {
  float of[SLOTS];
};

// forward runs all time steps of a layer. A block computes a tile of cells at a time, from
// chunks of rows of h.
//
// A Cell is what a layer computes besides the product. It has gates, of the weights;
// slots, which is gates or the next power of two; and
//   Input load(cell, unit)                   what is known of a cell before the product
//   void apply(cell, unit, Input, float (&sum)[gates])
// It also has h, which begins with the state before the first time step. cell counts the
// rows of all time steps.
// layer() returns that of the block.
//
// A Product may leave each sum in several parts, to be added up. If it rounds factors, a sum
// that is not finite is computed once more, in float32: numbers near the largest may have
// been rounded to infinity.
template <class Cell, class Product, class Layer>
__device__ void forward(const Layer &layer, const float *whh, unsigned *counts, int steps, int batch,
                        int hidden, int rows) {
  constexpr int units = Product::units, tile = Product::tile, chunk = Product::chunk, parts = Product::parts;
  constexpr int each = (tile * units + kBlock - 1) / kBlock;  // cells of a thread
  __shared__ float4 shared_h[Product::staged];
  __shared__ float4 shared_z[parts * tile * Product::pitch / 4];

  int first_unit = blockIdx.x * units, first_row = blockIdx.y * rows, end = min(batch, first_row + rows);
  Product product;
  product.load(whh, hidden, first_unit);
  const GridBarrier barrier(counts, steps);

  for (int t = 0; t < steps; t++) {
    if (t > 0) barrier.wait(t);
    const auto at = [&](int row) { return t * (long long)batch + row; };
    const auto h_prev = [&](int row) { return layer().h + at(row) * hidden; };
    typename Product::Next next;
    next.load(h_prev(first_row), hidden, end - first_row);
    for (int top = first_row; top < end; top += tile) {
      typename Cell::Input input[each] = {};
      const auto each_cell = [&](auto body) {
#pragma unroll
        for (int i = 0; i < each; i++) {
          int e = threadIdx.x + i * kBlock, row = e / units, unit = e % units;
          if (row < tile && top + row < end && first_unit + unit < hidden) body(input[i], row, unit);
        }
      };
      each_cell([&](typename Cell::Input &in, int row, int unit) { in = layer().load(at(top + row), first_unit + unit); });
      int bottom = min(end, top + tile);
      for (int row = top; row < bottom; row += chunk) {
        Product::stage(shared_h, next);
        __syncthreads();
        int following = row + chunk;
        if (following < end) next.load(h_prev(following), hidden, end - following);
        product.multiply(shared_h, (float *)shared_z + (row - top) * Product::pitch, min(bottom, following) - row);
        __syncthreads();
      }
      each_cell([&](typename Cell::Input &in, int row, int unit) {
        float *z = (float *)shared_z + row * Product::pitch + unit * Cell::slots, sum[Cell::gates];
        const auto add_up = [&] {
          Slots<Cell::slots> in[parts];
#pragma unroll
          for (int part = 0; part < parts; part++) in[part] = *(const Slots<Cell::slots> *)(z + part * tile * Product::pitch);
          bool finite = true;
#pragma unroll
          for (int gate = 0; gate < Cell::gates; gate++) {
            sum[gate] = in[0].of[gate];
#pragma unroll
            for (int part = 1; part < parts; part++) sum[gate] += in[part].of[gate];
            finite = finite && fabsf(sum[gate]) < INFINITY;
          }
          return finite;
        };
        if (!add_up() && Product::rounds) {
#pragma unroll 1
          for (int gate = 0; gate < Cell::gates; gate++) {
            const float *weights = whh + (gate * (long long)hidden + first_unit + unit) * hidden;
            z[gate] = add_products(0, h_prev(top + row), weights, 1, hidden);
#pragma unroll 1
            for (int part = 1; part < parts; part++) z[part * tile * Product::pitch + gate] = 0;
          }
          add_up();
        }
        layer().apply(at(top + row), first_unit + unit, in, sum);
      });
    }
    barrier.arrive();
  }
}

// Parts says where a block's part of dh is, of the units of all owners.
template <int UNITS>
struct Parts {
  int pitch, stride;  // from row to row, and from owner to owner
  int hidden;

  // at returns the distance of unit k from unit 0. That of k + more is at(k) + at(more), if
  // k % UNITS + more % UNITS < UNITS.
  __device__ int at(int k) const { return (unsigned)k / UNITS * stride + (unsigned)k % UNITS; }
};

// Spread is the product of gradients of gates with the weights of a block, backward in
// time. A thread has units threadIdx.x + 256 i of dh, so sums need no other thread.
template <class Cell, int K, int UNITS>
struct Spread {
  static constexpr int units = UNITS, tile = kBlock / UNITS, own = K / kBlock, together = own < 4 ? 2 : 1;
  static constexpr int gates = Cell::gates, runs = gates * UNITS / 4, staged = tile * runs;
  static_assert(tile % together == 0, "rows come in whole groups");
  float weight[gates * UNITS][own];

  // load takes the rows of the block's units, from first on, of weights [gates*hidden, hidden].
  __device__ void load(const float *weights, int hidden, int first) {
#pragma unroll
    for (int u = 0; u < UNITS; u++)
#pragma unroll
      for (int i = 0; i < own; i++) {
        int k = threadIdx.x + i * kBlock;
        bool exists = first + u < hidden && k < hidden;
        const float *from = weights + (first + u) * hidden + k;
#pragma unroll
        for (int gate = 0; gate < gates; gate++)
          weight[u * gates + gate][i] = exists ? from[gate * hidden * hidden] : 0.0f;
      }
  }

  // stage puts the gradients of a cell into shared memory.
  static __device__ void stage(float4 *shared, int row, int unit, const float (&dz)[gates]) {
    if constexpr (gates == 4) {
      shared[row * runs + unit] = make_float4(dz[0], dz[1], dz[2], dz[3]);
    } else {
#pragma unroll
      for (int gate = 0; gate < gates; gate++) ((float *)shared)[row * runs * 4 + unit * gates + gate] = dz[gate];
    }
  }

  // multiply stores the sums of the first rows of a tile at `to`, row by row. If it rounds
  // factors, it then calls again(row, k) for those that may not be finite.
  template <class Again>
  __device__ void multiply(const float4 *dz, int rows, const Parts<units> &parts, float *to, Again) const {
    to += parts.at(threadIdx.x);
    const int left = parts.hidden - threadIdx.x;
#pragma unroll 1
    for (int r = 0; r < rows; r += together, to += together * parts.pitch) {
      float sum[together][own] = {};
#pragma unroll
      for (int run = 0; run < runs; run++)
#pragma unroll
        for (int j = 0; j < together; j++) {
          float4 d = dz[(r + j) * runs + run];
#pragma unroll
          for (int i = 0; i < own; i++) {
            const auto w = &weight[run * 4];
            sum[j][i] = fmaf(d.w, w[3][i], fmaf(d.z, w[2][i], fmaf(d.y, w[1][i], fmaf(d.x, w[0][i], sum[j][i]))));
          }
        }
#pragma unroll
      for (int j = 0; j < together; j++)
#pragma unroll
        for (int i = 0; i < own; i++)
          if (r + j < rows && i * kBlock < left) to[j * parts.pitch + parts.at(i * kBlock)] = sum[j][i];
    }
  }
};

// backward runs all time steps of a layer. A block takes the gradients of its gates times
// its rows of whh. That is its part of dh of all units, one block's for each. The block
// that owns a unit adds the parts up, in order, at the next step. So parts of two steps
// exist at a time: a block may write its next part while others still read the one before.
//
// A Cell has gates and slots as forward, of_gates, and
//   void grad(cell, row, unit, dh, last, dz)   computes dz, of the gates, from dh, of h, and
//                                              stores it in of_gates [steps*batch, gates*hidden]
//   float first(row, unit, dh)                 returns the gradient of the first h
// dh is the part of the gradient that comes from the next time step, or dh_last.
template <class Cell, class Product, class Layer>
__device__ void backward(const Layer &layer, const float *whh, const float *dh_last, float *dh_first, float *part,
                         unsigned *counts, int steps, int batch, int hidden, int rows) {
  constexpr int units = Product::units, tile = Product::tile, gates = Cell::gates;
  __shared__ float4 shared_dz[Product::staged];

  int first_unit = blockIdx.x * units, first_row = blockIdx.y * rows, end = min(batch, first_row + rows);
  // A row of parts has, for each owner, those of all blocks, each with the owner's units.
  const int across = gridDim.x;
  const Parts<units> parts{across * across * units, across * units, hidden};
  part += blockIdx.z * 2ll * batch * parts.pitch;
  Product product;
  product.load(whh, hidden, first_unit);
  const GridBarrier barrier(counts, steps + 1);
  int cell_row = threadIdx.x / units, cell_unit = threadIdx.x % units, unit = first_unit + cell_unit;
  const auto total = [=](int t, int row) {
    const float *from = part + (t % 2 * (long long)batch + row) * parts.pitch + parts.at(first_unit) + cell_unit;
    float sum = 0;
#pragma unroll 8
    for (int block = 0; block < across; block++) sum += __ldcg(from + block * units);
    return sum;
  };

  for (int t = steps - 1; t >= 0; t--) {
    bool last = t == steps - 1;
    if (!last) barrier.wait(steps - 1 - t);
    for (int top = first_row; top < end; top += tile) {
      int row = top + cell_row;
      float dz[gates] = {};
      if (unit < hidden && row < end) {
        float dh = !last ? total(t + 1, row) : dh_last ? dh_last[(long long)row * hidden + unit] : 0.0f;
        layer().grad(t * (long long)batch + row, row, unit, dh, last, dz);
      }
      if (t == 0 && !dh_first) continue;
      Product::stage(shared_dz, cell_row, cell_unit, dz);
      __syncthreads();
      float *to = part + (t % 2 * (long long)batch + top) * parts.pitch + first_unit;
      int count = min(tile, end - top);
      product.multiply(shared_dz, count, parts, to, [=](int r, int k) {
        float *at = to + r * parts.pitch + parts.at(k);
        if (r >= count || k >= hidden || fabsf(*at) < INFINITY) return;
        float sum = 0;
#pragma unroll 1
        for (int gate = 0; gate < gates; gate++) {
          const float *dz = layer().of_gates + ((t * (long long)batch + top + r) * gates + gate) * hidden + first_unit;
          sum = add_products(sum, dz, whh + (gate * (long long)hidden + first_unit) * hidden + k, hidden, min(units, hidden - first_unit));
        }
        *at = sum;
      });
      __syncthreads();
    }
    barrier.arrive();
  }
  if (dh_first) {
    barrier.wait(steps);
    for (int row = first_row + cell_row; row < end; row += tile)
      if (unit < hidden) dh_first[(long long)row * hidden + unit] = layer().first(row, unit, total(0, row));
  }
  barrier.arrive();
}
