package simd

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// amx returns the tile unit of this machine. The system gives its registers only to a
// process that asks for them.
var amx = sync.OnceValues(func() (*tileUnit, error) {
	if !cpu.X86.HasAMXTile || !cpu.X86.HasAMXBF16 || !slices.Contains(Levels(), AVX512) {
		return nil, errors.New("this CPU lacks amx_bf16")
	}
	const requestPermission, tileData = 0x1023, 18 // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
	if _, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0); errno != 0 {
		return nil, fmt.Errorf("the system does not let this process use it: %w", errno)
	}
	return &amxUnit, nil
})

// amxUnit is the tile unit of AMX.
var amxUnit = tileUnit{
	multiply: multiplyAMX,
	splitRows: func(parts, rows, blocks int, src []float32, ld int, dst, spans []float32) {
		switch parts {
		case 1:
			splitRows1AMX(rows, blocks, src, ld, dst, spans)
		case 2:
			splitRows2AMX(rows, blocks, src, ld, dst, spans)
		case 3:
			splitRows3AMX(rows, blocks, src, ld, dst, spans)
		}
	},
	splitPanel: func(parts, blocks int, src, dst, spans []float32) {
		switch parts {
		case 1:
			splitPanel1AMX(blocks, src, dst, spans)
		case 2:
			splitPanel2AMX(blocks, src, dst, spans)
		case 3:
			splitPanel3AMX(blocks, src, dst, spans)
		}
	},
	blend: blendTileAMX,
}

func multiplyAMX(parts, rows, blocks, tiles, panels int, a, b []float32, stepB int, sums []float32) {
	config := &tileConfigs[rows]
	switch {
	case parts == 1 && rows <= 16:
		multiplyTiles1x1AMX(blocks, tiles, panels, a, b, stepB, sums, config)
	case parts == 1:
		multiplyTiles1x2AMX(blocks, tiles, panels, a, b, stepB, sums, config)
	case parts == 2 && rows <= 16:
		multiplyTiles2x1AMX(blocks, tiles, panels, a, b, stepB, sums, config)
	case parts == 2:
		multiplyTiles2x2AMX(blocks, tiles, panels, a, b, stepB, sums, config)
	case rows <= 16:
		multiplyTiles3x1AMX(blocks, tiles, panels, a, b, stepB, sums, config)
	default:
		multiplyTiles3x2AMX(blocks, tiles, panels, a, b, stepB, sums, config)
	}
}

// tileConfigs are the configurations of the unit by the rows of a, 1 to 32, as
// LDTILECFG takes them. Tiles 0 to 3 are sums, two beside each other, 4 and 5 are of a,
// 6 and 7 of b.
var tileConfigs = func() (configs [tileSide + 1][64]byte) {
	for rows := 1; rows <= tileSide; rows++ {
		config := &configs[rows]
		config[0] = 1 // the only palette
		upper, lower := min(rows, 16), max(rows-16, 0)
		for tile, height := range []int{upper, upper, lower, lower, upper, lower, 16, 16} {
			if height > 0 {
				config[16+2*tile] = 64 // bytes in a row
				config[48+tile] = byte(height)
			}
		}
	}
	return configs
}()
