//go:build amd64 && linux

package simd

import "testing"

// An instruction of the tile unit is a comment and its bytes.
var amxMutants = []mutant{
	{"an accumulator is dropped", AVX512, "multiplyTiles3x2AMX", `// TDPBF16PS TMM7, TMM5, TMM3\n(\tBYTE.*\n){5}`, 4, "", "TestUnitIsItsOracle"},
	{"a product of small parts is dropped", AVX512, "multiplyTiles3x1AMX", `// TDPBF16PS TMM6, TMM4, TMM0\n(\tBYTE.*\n){5}`, 0, "", "TestUnitIsItsOracle"},
	{"tiles of b are swapped", AVX512, "multiplyTiles2x2AMX", `// TDPBF16PS TMM6, TMM4, TMM0\n\tBYTE \$0xc4\n\tBYTE \$0xe2\n\tBYTE \$0x4a`, 1, "BYTE $$0xc4\nBYTE $$0xe2\nBYTE $$0x42", "TestUnitIsItsOracle"},
	{"sums are not emptied", AVX512, "multiplyTiles1x2AMX", `// TILEZERO TMM2\n(\tBYTE.*\n){5}`, 0, "", "TestTilesOfManyChunksAndBlocks"},
	{"sums are not stored", AVX512, "multiplyTiles1x1AMX", `// TILESTORED .*, TMM1\n(\tBYTE.*\n){10}`, 0, "", "TestUnitIsItsOracle"},
	{"the second panel is the first", AVX512, "multiplyTiles3x2AMX", `MOVQ\s+stepB.*, BX`, 0, "XORQ BX, BX", "TestTilesOfManyChunksAndBlocks"},
	{"the second tile of a is the first", AVX512, "multiplyTiles2x2AMX", `JNZ\s+tile`, 0, "LEAQ -4096(SI), SI\nJNZ tile", "TestTilesOfManyChunksAndBlocks"},
	{"a part is truncated", AVX512, "splitRows2AMX", `VPADDD\s+Z5, Z0, Z8`, 0, "VMOVUPS Z0, Z8", "TestTilesOfAllSizes"},
	{"halves of a word are swapped", AVX512, "splitPanel3AMX", `VPTERNLOGD\s+\$0xf8, Z6, Z9`, 1, "VPTERNLOGD $$0xf8, Z6, Z8", "TestTilesOfAllSizes"},
	{"a span leaves out a half", AVX512, "splitRows3AMX", `VPMAXUD\s+Z9, Z2, Z2`, 0, "", "TestWhatDoesNotFitTheUnitIsFloat32"},
	{"a span leaves out small numbers", AVX512, "splitPanel3AMX", `VPMINUD\s+Z8, Z3, Z3`, 0, "", "TestWhatDoesNotFitTheUnitIsFloat32"},
	{"a span leaves out lanes", AVX512, "splitRows1AMX", `VSHUFI32X4.*`, 0, "", "TestWhatDoesNotFitTheUnitIsFloat32"},
	{"zero is a small number", AVX512, "splitRows3AMX", `VPADDD\s+Z7.*`, 0, "", "TestZerosFitTheUnit"},
	{"a column too many is blended", AVX512, "blendTileAMX", `MOVQ\s+cols\+64\(FP\), (\w+)`, 0, "MOVQ cols+64(FP), $1\nADDQ $$1, $1", "TestTilesOfAllSizes"},
	{"all columns are blended", AVX512, "blendTileAMX", `BZHIQ.*`, 0, "", "TestTilesStayWithinTheirOperands"},
	{"a row too many is split", AVX512, "splitRows3AMX", `MOVQ\s+rows\+0\(FP\), (\w+)`, 0, "MOVQ rows+0(FP), $1\nINCQ $1", "TestTilesStayWithinTheirOperands"},
	{"c is read where beta is 0", AVX512, "blendTileAMX", `JZ\s+overwrite`, 0, "", "TestTilesOfAllSizes"},
	{"alpha is not applied", AVX512, "blendTileAMX", `VFMADD231PS\s+64\((\w+)\), Z0`, 0, "VADDPS 64($1), Z3", "TestTilesOfAllSizes"},
}

func TestMutantsOfAMXAreRejected(t *testing.T) {
	if !*mutants {
		t.Skip("-mutants is not set")
	}
	if _, err := amx(); err != nil {
		t.Skip(err)
	}
	rejectMutants(t, "amx_amd64.s", amxMutants)
}
