// How the tiles of a product are shared out, so that all multiprocessors have the same to do
// (stream-K: Osama et al., 2023): for gemm_share.cu, and for products on tensor cores.
#pragma once

// Shares says how the k of tiles is shared out. Of all slabs, tile after tile, a block gets
// `share` neighbours. Each of the first `extra` blocks gets one more.
struct Shares {
  int share, extra;

  __device__ long long begin(long long block) const { return block * share + min((long long)extra, block); }
  __device__ long long block_of(long long slab) const {
    long long longer = extra * (share + 1LL);
    return slab < longer ? slab / (share + 1) : (slab - extra) / share;
  }
};

// each_piece calls multiply(tile, from, end, piece, part) for each tile of which the block has
// slabs. It has those from `from` to end, or to the last of the tile if end is beyond it. The
// first `whole` tiles have a block each. A share is at most the k of a tile, so another block
// has a piece of one tile, or the last piece of one and the first piece of the next. If it is
// all of its tile, it is no piece, and goes to the result, otherwise to part.
template <class T, class Multiply>
__device__ void each_piece(float *part, int tiles, int slabs, int whole, Shares shares, Multiply multiply) {
  int tile = blockIdx.x, from = 0, end = slabs;  // from, and end: in slabs of this tile and the next
  if (tile >= whole) {
    int block = tile - whole;
    long long begin = shares.begin(block);
    part += block * 2LL * T::BM * T::BN;
    tile = whole + begin / slabs;
    from = begin % slabs;
    end = from + (int)(shares.begin(block + 1) - begin);
  }
  for (; tile < tiles && from < end; tile++) {
    multiply(tile, from, end, from > 0 || end < slabs, part);
    __syncthreads();  // sums of this piece may still be read
    part += T::BM * T::BN;
    from = 0;
    end -= slabs;
  }
}
