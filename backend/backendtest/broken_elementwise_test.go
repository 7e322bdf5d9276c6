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

type fillDropsLast mistake

func (b fillDropsLast) Fill(dst backend.Tensor, value float64) {
	n := max(0, dst.Size()-1)
	b.sound.Fill(backend.Tensor{Buf: dst.Buf, Off: dst.Off, Rows: 1, Cols: n}, value)
}

// fillRoundsUp writes whole vectors of four, where there is memory.
type fillRoundsUp mistake

func (b fillRoundsUp) Fill(dst backend.Tensor, value float64) {
	n := min((dst.Size()+3)/4*4, dst.Buf.Meta().Len-dst.Off)
	b.sound.Fill(backend.Tensor{Buf: dst.Buf, Off: dst.Off, Rows: 1, Cols: n}, value)
}

// copyDropsTailOfBlocks computes whole blocks of 256, once there is one.
type copyDropsTailOfBlocks mistake

func (b copyDropsTailOfBlocks) Copy(dst, x backend.Tensor) {
	whole := x.Cols
	if whole > 256 {
		whole = x.Cols / 256 * 256
	}
	keeping(b.sound, dst, func(_, col int) bool { return col >= whole }, func() { b.sound.Copy(dst, x) })
}

type copyDropsRowsBeyondGrid mistake

func (b copyDropsRowsBeyondGrid) Copy(dst, x backend.Tensor) {
	keeping(b.sound, dst, func(row, _ int) bool { return row >= 1024 }, func() { b.sound.Copy(dst, x) })
}

type copyIgnoresOffset mistake

func (b copyIgnoresOffset) Copy(dst, x backend.Tensor) {
	b.sound.Upload(dst, read(b.sound, atStart(x)))
}

type copyColsTouchesTheNext mistake

func (b copyColsTouchesTheNext) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	if dstCol+cols < dst.Cols && xCol+cols < x.Cols {
		cols++
	}
	b.sound.CopyCols(dst, dstCol, x, xCol, cols)
}

type copyColsTouchesThePrevious mistake

func (b copyColsTouchesThePrevious) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.sound.CopyCols(dst, dstCol, x, xCol, cols)
	if dstCol > 0 && dst.Rows > 0 && cols > 0 {
		keeping(b.sound, dst, func(_, col int) bool { return col != dstCol-1 }, func() { b.sound.Fill(dst, 0) })
	}
}

type copyColsIgnoresXCol mistake

func (b copyColsIgnoresXCol) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, _, cols int) {
	b.sound.CopyCols(dst, dstCol, x, 0, cols)
}

type copyColsClearsTheRest mistake

func (b copyColsClearsTheRest) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.sound.Fill(dst, 0)
	b.sound.CopyCols(dst, dstCol, x, xCol, cols)
}

// copyColsMultipliesByMask makes NaN of an infinity outside of the columns.
type copyColsMultipliesByMask mistake

func (b copyColsMultipliesByMask) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.sound.CopyCols(dst, dstCol, x, xCol, cols)
	each(b.sound, dst, func(k int, v float32) float32 {
		if j := k % dst.Cols; j < dstCol || j >= dstCol+cols {
			return v + 0*v
		}
		return v
	})
}

// addTestsSignOfNaN takes a negative NaN for a number below all others.
type addTestsSignOfNaN mistake

func (b addTestsSignOfNaN) Add(dst, x, y backend.Tensor) {
	terms := read(b.sound, x)
	b.sound.Add(dst, x, y)
	each(b.sound, dst, func(k int, v float32) float32 {
		if isNaN32(terms[k]) && math.Signbit(float64(terms[k])) {
			return float32(-inf)
		}
		return v
	})
}

// addClobbersB copies a to dst first, which may be b.
type addClobbersB mistake

func (b addClobbersB) Add(dst, x, y backend.Tensor) {
	b.sound.Copy(dst, x)
	b.sound.Add(dst, dst, y)
}

// addDropsBeyondGrid computes 65,536 elements at most.
type addDropsBeyondGrid mistake

func (b addDropsBeyondGrid) Add(dst, x, y backend.Tensor) {
	keeping(b.sound, dst, func(row, col int) bool { return row*dst.Cols+col >= 1<<16 }, func() { b.sound.Add(dst, x, y) })
}

type subSwaps mistake

func (b subSwaps) Sub(dst, x, y backend.Tensor) { b.sound.Sub(dst, y, x) }

type mulModifiesInput mistake

func (b mulModifiesInput) Mul(dst, x, y backend.Tensor) {
	b.sound.Mul(dst, x, y)
	if dst != y {
		b.sound.Scale(y, 2, y)
	}
}

// mulSkipsZero takes 0·x for 0, which it is not for NaN and Inf.
type mulSkipsZero mistake

func (b mulSkipsZero) Mul(dst, x, y backend.Tensor) {
	factors := read(b.sound, x)
	b.sound.Mul(dst, x, y)
	each(b.sound, dst, func(k int, v float32) float32 {
		if factors[k] == 0 {
			return 0
		}
		return v
	})
}

type addMulOverwrites mistake

func (b addMulOverwrites) AddMul(dst, x, y backend.Tensor) { b.sound.Mul(dst, x, y) }

type scaleIgnoresAlpha mistake

func (b scaleIgnoresAlpha) Scale(dst backend.Tensor, _ float64, x backend.Tensor) {
	b.sound.Copy(dst, x)
}

type scaleByZeroClears mistake

func (b scaleByZeroClears) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.sound.Scale(dst, alpha, x)
	if alpha == 0 {
		b.sound.Fill(dst, 0)
	}
}

// scaleClampsResult returns the largest number instead of an infinity.
type scaleClampsResult mistake

func (b scaleClampsResult) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	finite := clone(b.sound, x)
	b.sound.Scale(dst, alpha, x)
	before := read(b.sound, finite)
	each(b.sound, dst, func(k int, v float32) float32 {
		if math.IsInf(float64(v), 0) && !math.IsInf(float64(before[k]), 0) {
			return float32(math.Copysign(math.MaxFloat32, float64(v)))
		}
		return v
	})
}

type addScaledIgnoresAlpha mistake

func (b addScaledIgnoresAlpha) AddScaled(dst backend.Tensor, _ float64, x backend.Tensor) {
	b.sound.Add(dst, dst, x)
}

// addScaledByZeroReturns is BLAS's shortcut, which loses NaN.
type addScaledByZeroReturns mistake

func (b addScaledByZeroReturns) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	if alpha != 0 {
		b.sound.AddScaled(dst, alpha, x)
	}
}

type addRowUsesWrongStride mistake

func (b addRowUsesWrongStride) AddRow(dst, x, row backend.Tensor) {
	r := read(b.sound, row)
	b.sound.Copy(dst, x)
	each(b.sound, dst, func(k int, v float32) float32 { return v + r[(k/x.Cols*(x.Cols+1)+k%x.Cols)%x.Cols] })
}

type mulRowTreatsFirstRowOnly mistake

func (b mulRowTreatsFirstRowOnly) MulRow(dst, x, row backend.Tensor) {
	b.sound.Copy(dst, x)
	if x.Rows > 0 {
		b.sound.MulRow(dst.Slice(0, 1), dst.Slice(0, 1), row)
	}
}

// mulColTakesRowFactors takes the factor of the column.
type mulColTakesRowFactors mistake

func (b mulColTakesRowFactors) MulCol(dst, x, col backend.Tensor) {
	factors := read(b.sound, col)
	b.sound.Copy(dst, x)
	each(b.sound, dst, func(k int, v float32) float32 { return v * factors[k%dst.Cols%len(factors)] })
}

type mulColTreatsFirstColumnOnly mistake

func (b mulColTreatsFirstColumnOnly) MulCol(dst, x, col backend.Tensor) {
	before := clone(b.sound, x)
	b.sound.MulCol(dst, x, col)
	if dst.Cols > 1 {
		b.sound.CopyCols(dst, 1, before, 1, dst.Cols-1)
	}
}

// mulColSkipsZero leaves 0 where the factor is 0, though 0·∞ is NaN.
type mulColSkipsZero mistake

func (b mulColSkipsZero) MulCol(dst, x, col backend.Tensor) {
	factors := read(b.sound, col)
	b.sound.MulCol(dst, x, col)
	each(b.sound, dst, func(k int, v float32) float32 {
		if factors[k/dst.Cols] == 0 {
			return 0
		}
		return v
	})
}

type dropoutIgnoresOffset mistake

func (b dropoutIgnoresOffset) Dropout(dst, x backend.Tensor, rate float64, seed, _ uint64) {
	b.sound.Dropout(dst, x, rate, seed, 0)
}

type dropoutTruncatesOffset mistake

func (b dropoutTruncatesOffset) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, rate, seed, uint64(uint32(offset)))
}

// dropoutIndexIs32Bit adds the index to the low half of the offset, without
// carry.
type dropoutIndexIs32Bit mistake

func (b dropoutIndexIs32Bit) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	values := read(b.sound, x)
	for k, v := range values {
		index := offset&^math.MaxUint32 | uint64(uint32(offset)+uint32(k))
		values[k] = 0
		if backend.DropoutKeeps(seed, index, rate) {
			values[k] = float32(float64(v) / (1 - rate))
		}
	}
	b.sound.Upload(dst, values)
}

type dropoutTruncatesSeed mistake

func (b dropoutTruncatesSeed) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, rate, uint64(uint32(seed)), offset)
}

type dropoutRateIsFloat32 mistake

func (b dropoutRateIsFloat32) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, float64(float32(rate)), seed, offset)
}

type dropoutThresholdIsOneLess mistake

func (b dropoutThresholdIsOneLess) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, max(0, rate-1.0/(1<<24)), seed, offset)
}

type dropoutDoesNotScale mistake

func (b dropoutDoesNotScale) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, rate, seed, offset)
	b.sound.Scale(dst, 1-rate, dst)
}

// dropoutFactorOfFloat32 loses digits of 1−rate, where that is small.
type dropoutFactorOfFloat32 mistake

func (b dropoutFactorOfFloat32) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, rate, seed, offset)
	b.sound.Scale(dst, (1-rate)/float64(1-float32(rate)), dst)
}

// dropoutMultipliesByMask makes NaN of a NaN that is dropped.
type dropoutMultipliesByMask mistake

func (b dropoutMultipliesByMask) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	mask := clone(b.sound, x)
	b.sound.Fill(mask, 1)
	b.sound.Dropout(mask, mask, rate, seed, offset)
	b.sound.Mul(dst, x, mask)
}
