package simd

// kernelsOf are the kernels by their level. Other machines test them by
// GOARCH=arm64 go test -exec qemu-aarch64-static ./cpu/internal/simd
var kernelsOf = [...]*kernels{
	Generic: &genericKernels,
	NEON: {
		width: 16, rows: 6, wideRows: 2, lanes: 8,
		tiles:           []tile{1: tile1x16NEON, tile2x16NEON, tile3x16NEON, tile4x16NEON, tile5x16NEON, tile6x16NEON},
		wideTiles:       []tile{1: tile1x32NEON, tile2x32NEON},
		transposedTiles: []tile{1: transposedTile1x16NEON},
		transposeRows:   transposeRowsNEON,
		copyLanes:       copyRowsOf(8),
		copyPanel:       copyRowsOf(16),
		multiplyAdds:    multiplyAddsNEON, flopsOfRound: 2 * 30 * 4,
	},
}
