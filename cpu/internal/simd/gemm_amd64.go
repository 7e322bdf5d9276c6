package simd

// kernelsOf are the kernels by their level.
var kernelsOf = [...]*kernels{
	Generic: &genericKernels,
	AVX2: {
		width: 16, rows: 6, wideRows: 2, lanes: 8,
		tiles:           []tile{1: tile1x16AVX2, tile2x16AVX2, tile3x16AVX2, tile4x16AVX2, tile5x16AVX2, tile6x16AVX2},
		wideTiles:       []tile{1: tile1x32AVX2, tile2x32AVX2},
		transposedTiles: []tile{1: transposedTile1x16AVX2},
		transposeRows:   transposeRowsAVX2,
		copyLanes:       copyRows8AVX2,
		copyPanel:       copyRows16AVX2,
		multiplyAdds:    multiplyAddsAVX2, flopsOfRound: 2 * 14 * 8,
	},
	AVX512: {
		width: 32, rows: 14, wideRows: 6, lanes: 16, masked: true,
		tiles: []tile{1: tile1x32AVX512, tile2x32AVX512, tile3x32AVX512, tile4x32AVX512, tile5x32AVX512,
			tile6x32AVX512, tile7x32AVX512, tile8x32AVX512, tile9x32AVX512, tile10x32AVX512, tile11x32AVX512,
			tile12x32AVX512, tile13x32AVX512, tile14x32AVX512},
		wideTiles: []tile{1: tile1x64AVX512, tile2x64AVX512, tile3x64AVX512, tile4x64AVX512, tile5x64AVX512,
			tile6x64AVX512},
		transposedTiles: []tile{1: transposedTile1x32AVX512},
		transposeRows:   transposeRowsAVX512,
		copyLanes:       copyRows16AVX512,
		copyPanel:       copyRows32AVX512,
		multiplyAdds:    multiplyAddsAVX512, flopsOfRound: 2 * 30 * 16,
	},
}
