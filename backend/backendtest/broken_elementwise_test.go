package backendtest

import (
	"math"

	"gputrain/backend"
)

var brokenElementwise = []control{
	{check: "Fill", mistake: broken[fillDropsLast]},
	{check: "Fill", mistake: broken[fillRoundsUp]},
	{check: "Copy", mistake: broken[copyDropsTailOfBlocks], atLeast: 257},
	{check: "Copy", mistake: broken[copyDropsRowsBeyondGrid], atLeast: 1025},
	{check: "Copy", mistake: broken[copyIgnoresOffset]},
	{check: "CopyCols", mistake: broken[copyColsTouchesTheNext]},
	{check: "CopyCols", mistake: broken[copyColsTouchesThePrevious]},
	{check: "CopyCols", mistake: broken[copyColsIgnoresXCol]},
	{check: "CopyCols", mistake: broken[copyColsClearsTheRest]},
	{check: "CopyCols", mistake: broken[copyColsMultipliesByMask]},
	{check: "Add", mistake: broken[addTestsSignOfNaN]},
	{check: "Add", mistake: broken[addClobbersB]},
	{check: "Add", mistake: broken[addDropsBeyondGrid], atLeast: 1025},
	{check: "Sub", mistake: broken[subSwaps]},
	{check: "Mul", mistake: broken[mulModifiesInput]},
	{check: "Mul", mistake: broken[mulSkipsZero]},
	{check: "AddMul", mistake: broken[addMulOverwrites]},
	{check: "Scale", mistake: broken[scaleIgnoresAlpha]},
	{check: "Scale", mistake: broken[scaleByZeroClears]},
	{check: "Scale", mistake: broken[scaleClampsResult]},
	{check: "AddScaled", mistake: broken[addScaledIgnoresAlpha]},
	{check: "AddScaled", mistake: broken[addScaledByZeroReturns]},
	{check: "AddRow", mistake: broken[addRowUsesWrongStride]},
	{check: "MulRow", mistake: broken[mulRowTreatsFirstRowOnly]},
	{check: "MulCol", mistake: broken[mulColTakesRowFactors]},
	{check: "MulCol", mistake: broken[mulColTreatsFirstColumnOnly]},
	{check: "MulCol", mistake: broken[mulColSkipsZero]},
	{check: "Dropout", mistake: broken[dropoutIgnoresOffset]},
	{check: "Dropout", mistake: broken[dropoutTruncatesOffset]},
	{check: "Dropout", mistake: broken[dropoutIndexIs32Bit]},
	{check: "Dropout", mistake: broken[dropoutTruncatesSeed]},
	{check: "Dropout", mistake: broken[dropoutRateIsFloat32]},
	{check: "Dropout", mistake: broken[dropoutThresholdIsOneLess]},
	{check: "Dropout", mistake: broken[dropoutDoesNotScale]},
	{check: "Dropout", mistake: broken[dropoutFactorOfFloat32]},
	{check: "Dropout", mistake: broken[dropoutMultipliesByMask]},
}

type fillDropsLast struct{ backend.Backend }

func (b fillDropsLast) Fill(dst backend.Tensor, value float64) {
	n := max(0, dst.Size()-1)
	b.Backend.Fill(backend.Tensor{Buf: dst.Buf, Off: dst.Off, Rows: 1, Cols: n}, value)
}

// fillRoundsUp writes whole vectors of four, where there is memory.
type fillRoundsUp struct{ backend.Backend }

func (b fillRoundsUp) Fill(dst backend.Tensor, value float64) {
	n := min((dst.Size()+3)/4*4, dst.Buf.Meta().Len-dst.Off)
	b.Backend.Fill(backend.Tensor{Buf: dst.Buf, Off: dst.Off, Rows: 1, Cols: n}, value)
}

// copyDropsTailOfBlocks computes whole blocks of 256, once there is one.
type copyDropsTailOfBlocks struct{ backend.Backend }

func (b copyDropsTailOfBlocks) Copy(dst, x backend.Tensor) {
	whole := x.Cols
	if whole > 256 {
		whole = x.Cols / 256 * 256
	}
	keeping(b, dst, func(_, col int) bool { return col >= whole }, func() { b.Backend.Copy(dst, x) })
}

type copyDropsRowsBeyondGrid struct{ backend.Backend }

func (b copyDropsRowsBeyondGrid) Copy(dst, x backend.Tensor) {
	keeping(b, dst, func(row, _ int) bool { return row >= 1024 }, func() { b.Backend.Copy(dst, x) })
}

type copyIgnoresOffset struct{ backend.Backend }

func (b copyIgnoresOffset) Copy(dst, x backend.Tensor) {
	b.Upload(dst, read(b, atStart(x)))
}

type copyColsTouchesTheNext struct{ backend.Backend }

func (b copyColsTouchesTheNext) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	if dstCol+cols < dst.Cols && xCol+cols < x.Cols {
		cols++
	}
	b.Backend.CopyCols(dst, dstCol, x, xCol, cols)
}

type copyColsTouchesThePrevious struct{ backend.Backend }

func (b copyColsTouchesThePrevious) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.Backend.CopyCols(dst, dstCol, x, xCol, cols)
	if dstCol > 0 && dst.Rows > 0 && cols > 0 {
		keeping(b, dst, func(_, col int) bool { return col != dstCol-1 }, func() { b.Fill(dst, 0) })
	}
}

type copyColsIgnoresXCol struct{ backend.Backend }

func (b copyColsIgnoresXCol) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, _, cols int) {
	b.Backend.CopyCols(dst, dstCol, x, 0, cols)
}

type copyColsClearsTheRest struct{ backend.Backend }

func (b copyColsClearsTheRest) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.Fill(dst, 0)
	b.Backend.CopyCols(dst, dstCol, x, xCol, cols)
}

// copyColsMultipliesByMask makes NaN of an infinity outside of the columns.
type copyColsMultipliesByMask struct{ backend.Backend }

func (b copyColsMultipliesByMask) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.Backend.CopyCols(dst, dstCol, x, xCol, cols)
	each(b, dst, func(k int, v float32) float32 {
		if j := k % dst.Cols; j < dstCol || j >= dstCol+cols {
			return v + 0*v
		}
		return v
	})
}

// addTestsSignOfNaN takes a negative NaN for a number below all others.
type addTestsSignOfNaN struct{ backend.Backend }

func (b addTestsSignOfNaN) Add(dst, x, y backend.Tensor) {
	terms := read(b, x)
	b.Backend.Add(dst, x, y)
	each(b, dst, func(k int, v float32) float32 {
		if isNaN32(terms[k]) && math.Signbit(float64(terms[k])) {
			return float32(-inf)
		}
		return v
	})
}

// addClobbersB copies a to dst first, which may be b.
type addClobbersB struct{ backend.Backend }

func (b addClobbersB) Add(dst, x, y backend.Tensor) {
	b.Copy(dst, x)
	b.Backend.Add(dst, dst, y)
}

// addDropsBeyondGrid computes 65,536 elements at most.
type addDropsBeyondGrid struct{ backend.Backend }

func (b addDropsBeyondGrid) Add(dst, x, y backend.Tensor) {
	keeping(b, dst, func(row, col int) bool { return row*dst.Cols+col >= 1<<16 }, func() { b.Backend.Add(dst, x, y) })
}

type subSwaps struct{ backend.Backend }

func (b subSwaps) Sub(dst, x, y backend.Tensor) { b.Backend.Sub(dst, y, x) }

type mulModifiesInput struct{ backend.Backend }

func (b mulModifiesInput) Mul(dst, x, y backend.Tensor) {
	b.Backend.Mul(dst, x, y)
	if dst != y {
		b.Scale(y, 2, y)
	}
}

// mulSkipsZero takes 0·x for 0, which it is not for NaN and Inf.
type mulSkipsZero struct{ backend.Backend }

func (b mulSkipsZero) Mul(dst, x, y backend.Tensor) {
	factors := read(b, x)
	b.Backend.Mul(dst, x, y)
	each(b, dst, func(k int, v float32) float32 {
		if factors[k] == 0 {
			return 0
		}
		return v
	})
}

type addMulOverwrites struct{ backend.Backend }

func (b addMulOverwrites) AddMul(dst, x, y backend.Tensor) { b.Mul(dst, x, y) }

type scaleIgnoresAlpha struct{ backend.Backend }

func (b scaleIgnoresAlpha) Scale(dst backend.Tensor, _ float64, x backend.Tensor) { b.Copy(dst, x) }

type scaleByZeroClears struct{ backend.Backend }

func (b scaleByZeroClears) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.Backend.Scale(dst, alpha, x)
	if alpha == 0 {
		b.Fill(dst, 0)
	}
}

// scaleClampsResult returns the largest number instead of an infinity.
type scaleClampsResult struct{ backend.Backend }

func (b scaleClampsResult) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	finite := clone(b, x)
	b.Backend.Scale(dst, alpha, x)
	before := read(b, finite)
	each(b, dst, func(k int, v float32) float32 {
		if math.IsInf(float64(v), 0) && !math.IsInf(float64(before[k]), 0) {
			return float32(math.Copysign(math.MaxFloat32, float64(v)))
		}
		return v
	})
}

type addScaledIgnoresAlpha struct{ backend.Backend }

func (b addScaledIgnoresAlpha) AddScaled(dst backend.Tensor, _ float64, x backend.Tensor) {
	b.Add(dst, dst, x)
}

// addScaledByZeroReturns is BLAS's shortcut, which loses NaN.
type addScaledByZeroReturns struct{ backend.Backend }

func (b addScaledByZeroReturns) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	if alpha != 0 {
		b.Backend.AddScaled(dst, alpha, x)
	}
}

type addRowUsesWrongStride struct{ backend.Backend }

func (b addRowUsesWrongStride) AddRow(dst, x, row backend.Tensor) {
	r := read(b, row)
	b.Backend.Copy(dst, x)
	each(b, dst, func(k int, v float32) float32 { return v + r[(k/x.Cols*(x.Cols+1)+k%x.Cols)%x.Cols] })
}

type mulRowTreatsFirstRowOnly struct{ backend.Backend }

func (b mulRowTreatsFirstRowOnly) MulRow(dst, x, row backend.Tensor) {
	b.Copy(dst, x)
	if x.Rows > 0 {
		b.Backend.MulRow(dst.Slice(0, 1), dst.Slice(0, 1), row)
	}
}

// mulColTakesRowFactors takes the factor of the column.
type mulColTakesRowFactors struct{ backend.Backend }

func (b mulColTakesRowFactors) MulCol(dst, x, col backend.Tensor) {
	factors := read(b, col)
	b.Copy(dst, x)
	each(b, dst, func(k int, v float32) float32 { return v * factors[k%dst.Cols%len(factors)] })
}

type mulColTreatsFirstColumnOnly struct{ backend.Backend }

func (b mulColTreatsFirstColumnOnly) MulCol(dst, x, col backend.Tensor) {
	before := clone(b, x)
	b.Backend.MulCol(dst, x, col)
	if dst.Cols > 1 {
		b.CopyCols(dst, 1, before, 1, dst.Cols-1)
	}
}

// mulColSkipsZero leaves 0 where the factor is 0, though 0·∞ is NaN.
type mulColSkipsZero struct{ backend.Backend }

func (b mulColSkipsZero) MulCol(dst, x, col backend.Tensor) {
	factors := read(b, col)
	b.Backend.MulCol(dst, x, col)
	each(b, dst, func(k int, v float32) float32 {
		if factors[k/dst.Cols] == 0 {
			return 0
		}
		return v
	})
}

type dropoutIgnoresOffset struct{ backend.Backend }

func (b dropoutIgnoresOffset) Dropout(dst, x backend.Tensor, rate float64, seed, _ uint64) {
	b.Backend.Dropout(dst, x, rate, seed, 0)
}

type dropoutTruncatesOffset struct{ backend.Backend }

func (b dropoutTruncatesOffset) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.Backend.Dropout(dst, x, rate, seed, uint64(uint32(offset)))
}

// dropoutIndexIs32Bit adds the index to the low half of the offset, without
// carry.
type dropoutIndexIs32Bit struct{ backend.Backend }

func (b dropoutIndexIs32Bit) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	values := read(b, x)
	for k, v := range values {
		index := offset&^math.MaxUint32 | uint64(uint32(offset)+uint32(k))
		values[k] = 0
		if backend.DropoutKeeps(seed, index, rate) {
			values[k] = float32(float64(v) / (1 - rate))
		}
	}
	b.Upload(dst, values)
}

type dropoutTruncatesSeed struct{ backend.Backend }

func (b dropoutTruncatesSeed) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.Backend.Dropout(dst, x, rate, uint64(uint32(seed)), offset)
}

type dropoutRateIsFloat32 struct{ backend.Backend }

func (b dropoutRateIsFloat32) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.Backend.Dropout(dst, x, float64(float32(rate)), seed, offset)
}

type dropoutThresholdIsOneLess struct{ backend.Backend }

func (b dropoutThresholdIsOneLess) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.Backend.Dropout(dst, x, max(0, rate-1.0/(1<<24)), seed, offset)
}

type dropoutDoesNotScale struct{ backend.Backend }

func (b dropoutDoesNotScale) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.Backend.Dropout(dst, x, rate, seed, offset)
	b.Scale(dst, 1-rate, dst)
}

// dropoutFactorOfFloat32 loses digits of 1−rate, where that is small.
type dropoutFactorOfFloat32 struct{ backend.Backend }

func (b dropoutFactorOfFloat32) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.Backend.Dropout(dst, x, rate, seed, offset)
	b.Scale(dst, (1-rate)/float64(1-float32(rate)), dst)
}

// dropoutMultipliesByMask makes NaN of a NaN that is dropped.
type dropoutMultipliesByMask struct{ backend.Backend }

func (b dropoutMultipliesByMask) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	mask := clone(b, x)
	b.Fill(mask, 1)
	b.Backend.Dropout(mask, mask, rate, seed, offset)
	b.Mul(dst, x, mask)
}
