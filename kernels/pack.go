package kernels

// Packing prepares an operand of a product for tensor cores: it rounds the numbers to the
// format of the math, and turns them so that k comes last. See mma.cuh.
type Packing struct {
	Kernel string // "" in float32, whose products take operands as they are
	Rows   int    // of op(a), or columns of op(b); with Launch.Grid.Y > 1, of each of so many matrices
	K      int
	Padded int // rows of whole tiles
	Bytes  int // of the result
	Uses   int // products that take the result, at least 1
	Launch Launch
}

const (
	packRows    = 64  // that a block packs
	slabBytes   = 128 // of a row of a slab
	slabsAtOnce = 3   // that a block of a product has in shared memory
)

// pack plans the packing of an operand for this tile. kFirst says whether its rows in
// memory hold one k each.
func (t GemmTile) pack(kFirst bool, rows, k, tile, uses int) Packing {
	math := t.math()
	if math == "float32" {
		return Packing{}
	}
	padded, slabs := int(ceil(int64(rows), tile))*tile, int(ceil(int64(k), t.Depth))
	return Packing{
		Kernel: "pack_" + letter(kFirst) + "_" + math,
		Rows:   rows, K: k, Padded: padded,
		Bytes:  slabs * padded * slabBytes,
		Uses:   max(1, uses),
		Launch: Launch{Grid: Dim3{padded / packRows * slabs, 1, 1}, Block: Dim3{block, 1, 1}},
	}
}

// moved returns the bytes that packing reads and writes.
func (p Packing) moved() float64 {
	return 4*float64(p.Launch.Grid.Y)*float64(p.Rows)*float64(p.K) + float64(p.Bytes)
}

// tensorTile returns a tile for tensor cores.
func tensorTile(name string, rows, columns, depth, threads int) GemmTile {
	return GemmTile{name, rows, columns, depth, threads, slabsAtOnce * (rows + columns) * slabBytes}
}
