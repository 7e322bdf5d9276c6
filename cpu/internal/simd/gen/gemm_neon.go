//go:build generator

package main

import "fmt"

// NEON has 32 registers of four floats. The names of its file and functions are
// those of amd64; see gemm.go for the loops.
const neonLanes = 4

// gemmNEON writes the kernels of matrix products.
func gemmNEON(f *armFile) {
	const panel = 16 / neonLanes // registers of a row of a panel of b
	for rows := 1; rows <= 6; rows++ {
		f.tile(rows, panel)
	}
	for rows := 1; rows <= 2; rows++ {
		f.tile(rows, 2*panel)
	}
	f.transposedTile()
	f.transposeRows()
	f.multiplyAdds()
}

// tile writes a kernel of rows × n vectors. The elements of a row of a stay in
// registers and are multiplied by as they are, by FMLA's form for an element.
// Neither it nor FMUL is known to Go's assembler.
func (f *armFile) tile(rows, n int) {
	const panel = 4 // registers that one load fills
	f.function(fmt.Sprintf("tile%dx%dNEON", rows, n*neonLanes),
		fmt.Sprintf("is a tile of %d rows and %d columns.", rows, n*neonLanes), tileParameters)
	acc := func(i, j int) int { return i*n + j }
	ofA := rows * n
	ofB := ofA + (rows+neonLanes-1)/neonLanes

	f.load("k", "R0")
	f.load("a", "R1")
	f.stride("lda", "R2")
	f.load("b", "R3")
	f.stride("ldb", "R4")
	f.offset("panel", "R3", "R5")
	f.offset("ahead", "R3", "R6")
	for v := range rows * n {
		f.line("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v)
	}
	f.label("step")
	// As many elements as there are rows, and no more.
	for i := 0; i < rows; {
		v := ofA + i/neonLanes
		switch rows - i {
		case 1:
			f.line("FMOVS %d(R1), F%d", 4*i, v)
			i++
		case 2:
			f.line("FMOVD %d(R1), F%d", 4*i, v)
			i += 2
		case 3:
			f.line("FMOVD %d(R1), F%d", 4*i, v)
			f.line("ADD $%d, R1, R7", 4*(i+2))
			f.line("VLD1 (R7), V%d.S[2]", v)
			i += 3
		default:
			f.line("FMOVQ %d(R1), F%d", 4*i, v)
			i += 4
		}
	}
	for j := 0; j < n; j += panel {
		f.line("VLD1 (R%d), %s", []int{3, 5}[j/panel], fourRegisters(ofB+j))
	}
	f.line("PRFM (R6), PLDL2KEEP")
	for i := range rows {
		for j := range n {
			f.fmlaElement(acc(i, j), ofB+j, ofA+i/neonLanes, i%neonLanes)
		}
	}
	f.line("ADD R2, R1")
	f.line("ADD R4, R3")
	if n > panel {
		f.line("ADD R4, R5")
	}
	f.line("ADD R4, R6")
	f.line("SUBS $1, R0")
	f.line("BNE step")

	f.blend(rows, n)
}

// blend writes c = alpha·acc + beta·c and the function's end.
func (f *armFile) blend(rows, n int) {
	const panel = 4
	alpha, beta, sum := rows*n, rows*n+1, rows*n+2
	f.load("c", "R1")
	f.stride("ldc", "R2")
	f.line("MOVWU %s, R3", f.parameter("alpha"))
	f.line("VDUP R3, V%d.S4", alpha)
	f.line("MOVWU %s, R3", f.parameter("beta"))
	f.line("VDUP R3, V%d.S4", beta)
	f.line("LSLW $1, R3 // without the sign")
	f.line("CBZW R3, overwrite")
	f.eachQuarter(rows, n, func(at, first int) {
		f.line("VLD1 (R%d), %s", at, fourRegisters(sum))
		for j := range panel {
			f.fmul(sum+j, sum+j, beta)
			f.line("VFMLA V%d.S4, V%d.S4, V%d.S4", alpha, first+j, sum+j)
		}
		f.line("VST1 %s, (R%d)", fourRegisters(sum), at)
	})
	f.line("RET")
	f.label("overwrite")
	f.eachQuarter(rows, n, func(at, first int) {
		for j := range panel {
			f.fmul(first+j, first+j, alpha)
		}
		f.line("VST1 %s, (R%d)", fourRegisters(first), at)
	})
	f.line("RET")
}

// transposedTile writes a tile of one row, a panel wide, of a b that lies transposed. k
// is 4 or more.
func (f *armFile) transposedTile() {
	const (
		n    = 16 / neonLanes
		ofB  = n // four registers for each
		ofA  = ofB + 4*n
		pair = ofA + 1
	)
	f.function(fmt.Sprintf("transposedTile1x%dNEON", n*neonLanes),
		fmt.Sprintf("is a tile of one row and %d columns, which are rows of b.", n*neonLanes), tileParameters)
	f.load("k", "R0")
	f.load("a", "R1")
	f.stride("lda", "R2")
	f.load("b", "R3")
	f.stride("ldb", "R4")
	for acc := range n {
		f.line("VEOR V%d.B16, V%d.B16, V%d.B16", acc, acc, acc)
	}
	f.label("steps")
	f.line("SUBS $4, R0")
	f.line("BGE four")
	// Fewer than four are left: as many before them are read once more, and not used.
	f.line("ADD R0<<2, R3")
	f.line("MUL R2, R0, R5")
	f.line("ADD R5, R1")
	f.label("four")
	for p := range 4 {
		f.line("VLD1 (R1), V%d.S[%d]", ofA, p)
		f.line("ADD R2, R1")
	}
	f.line("MOVD R3, R5")
	for j := range n {
		for i := range 4 {
			f.line("FMOVQ (R5), F%d", ofB+4*j+i)
			f.line("ADD R4, R5")
		}
		f.transpose(ofB+4*j, pair, ofB+4*j, 1)
	}
	f.line("ADD $16, R3")
	for fewer, label := range []string{"", "three", "two", "one"} {
		if fewer > 0 {
			f.line("CMN $%d, R0", fewer)
			f.line("BEQ %s", label)
		}
	}
	for p, label := range []string{"", "three", "two", "one"} {
		if p > 0 {
			f.label(label)
		}
		for j := range n {
			f.fmlaElement(j, ofB+4*j+p, ofA, p)
		}
	}
	f.line("CMP $0, R0")
	f.line("BGT steps")
	f.blend(1, n)
}

// eachQuarter calls do for all four registers, from first on, of the rows of a
// tile, with the register that holds their place in c.
func (f *armFile) eachQuarter(rows, n int, do func(at, first int)) {
	for i := range rows {
		f.line("MOVD R1, R4")
		for j := 0; j < n; j += 4 {
			do(4, i*n+j)
			if j+4 < n {
				f.line("ADD $64, R4")
			}
		}
		if i < rows-1 {
			f.line("ADD R2, R1")
		}
	}
}

func fourRegisters(v int) string {
	return fmt.Sprintf("[V%d.S4, V%d.S4, V%d.S4, V%d.S4]", v, v+1, v+2, v+3)
}

// fmlaElement adds x·y[element] to dst.
func (f *armFile) fmlaElement(dst, x, y, element int) {
	f.line("WORD $0x%08x // FMLA V%d.S[%d], V%d.S4, V%d.S4",
		0x4f801000|element&1<<21|element>>1<<11|y<<16|x<<5|dst, y, element, x, dst)
}

// fmul sets dst = x·y.
func (f *armFile) fmul(dst, x, y int) {
	f.line("WORD $0x%08x // FMUL V%d.S4, V%d.S4, V%d.S4", 0x6e20dc00|y<<16|x<<5|dst, y, x, dst)
}

// transposeRows writes a kernel that transposes eight rows, four columns at a time.
func (f *armFile) transposeRows() {
	const rows = 8
	f.function("transposeRowsNEON", "sets dst[p·ldDst+i] = src[i·ldSrc+p] for p < k, i < 8, where rows from the\n// number rows on are taken to be the last one. k is 4 or more.", transposeParameters)
	f.load("k", "R0")
	f.load("src", "R1")
	f.stride("ldSrc", "R2")
	f.load("rows", "R3")
	f.load("dst", "R4")
	f.stride("ldDst", "R5")
	for i := 1; i < rows; i++ {
		f.line("ADD R2, R%d, R%d", rowRegister(i-1), rowRegister(i))
		f.line("CMP $%d, R3", i)
		f.line("CSEL GT, R%d, R%d, R%d", rowRegister(i), rowRegister(i-1), rowRegister(i))
	}
	f.label("columns")
	f.line("SUBS $4, R0")
	f.line("BGE four")
	// Fewer than four are left: as many before them once more.
	for i := range rows {
		f.line("ADD R0<<2, R%d", rowRegister(i))
	}
	f.line("MUL R5, R0, R3")
	f.line("ADD R3, R4")
	f.line("MOVD ZR, R0")
	f.label("four")
	for i := range rows {
		f.line("VLD1.P 16(R%d), [V%d.S4]", rowRegister(i), i)
	}
	for half := 0; half < rows; half += 4 {
		f.transpose(half, 8+half, 16+half/4, 2)
	}
	for column := range 4 {
		f.line("VST1 [V%d.S4, V%d.S4], (R4)", 16+2*column, 17+2*column)
		f.line("ADD R5, R4")
	}
	f.line("CBNZ R0, columns")
	f.line("RET")
}

// transpose transposes four registers from in on. It takes four from pair on, and sets
// four from out on, which are step apart.
func (f *armFile) transpose(in, pair, out, step int) {
	for i := range 2 {
		f.line("VTRN1 V%d.S4, V%d.S4, V%d.S4", in+2*i+1, in+2*i, pair+2*i)
		f.line("VTRN2 V%d.S4, V%d.S4, V%d.S4", in+2*i+1, in+2*i, pair+2*i+1)
	}
	for i := range 2 {
		f.line("VTRN1 V%d.D2, V%d.D2, V%d.D2", pair+i+2, pair+i, out+step*i)
		f.line("VTRN2 V%d.D2, V%d.D2, V%d.D2", pair+i+2, pair+i, out+step*(i+2))
	}
}

// rowRegister is the register with the place in row i.
func rowRegister(i int) int { return []int{1, 6, 7, 8, 9, 10, 11, 12}[i] }

// multiplyAdds writes a kernel of nothing but multiply-adds.
func (f *armFile) multiplyAdds() {
	const chains = 30
	f.function("multiplyAddsNEON", fmt.Sprintf("does n rounds of %d independent multiply-adds of vectors.", chains), []parameter{{"n", "int"}})
	f.load("n", "R0")
	for v := range 32 {
		f.line("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v)
	}
	f.label("round")
	for v := range chains {
		f.line("VFMLA V30.S4, V31.S4, V%d.S4", v)
	}
	f.line("SUBS $1, R0")
	f.line("BNE round")
	f.line("RET")
}

var (
	tileParameters = []parameter{{"k", "int"}, {"a", "[]float32"}, {"lda", "int"}, {"b", "[]float32"}, {"ldb", "int"},
		{"panel", "int"}, {"c", "[]float32"}, {"ldc", "int"}, {"cols", "int"}, {"alpha", "float32"}, {"beta", "float32"}, {"ahead", "int"}}
	transposeParameters = []parameter{{"k", "int"}, {"src", "[]float32"}, {"ldSrc", "int"}, {"rows", "int"}, {"dst", "[]float32"}, {"ldDst", "int"}}
)
