package backend

// The Check functions of memory blocks over a sequence. See check.go.

// CheckMemoryBlockForward checks the arguments of MemoryBlockForward.
func CheckMemoryBlockForward(owner any, a MemoryBlockSequenceArgs) {
	c := checker{owner, "MemoryBlockForward"}
	c.blockSequence(a)
	c.outputs(
		[]operand{{"Source", a.Source}, {"Gates", a.Gates}, {"S", a.S}, {"Y", a.Y}},
		[]operand{{"X", a.X}, {"Weight", a.Weight}, {"Peep", a.Peep}})
}

// blockSequence checks the shapes of MemoryBlockForward's operands.
func (c checker) blockSequence(a MemoryBlockSequenceArgs) {
	c.sequence(operand{"X", a.X}, a.Batch, operand{"S", a.S})
	// All rows are those of SPrev, for the shapes of one step.
	c.memoryBlock(MemoryBlockArgs{Blocks: a.Blocks, G: a.G, H: a.H, Gates: a.Gates, SPrev: a.S, Peep: a.Peep, S: a.S, Y: a.Y})
	source, gates := operand{"Source", a.Source}, a.Gates.Cols-a.S.Cols
	c.shape(source, a.X.Rows, a.Source.Cols)
	if n := a.Feedback(); n != 0 && n != gates {
		c.fail("Source is %v, want %d columns, or %d without the gates", a.Source, a.X.Cols+gates+a.S.Cols+1, a.X.Cols+a.S.Cols+1)
	}
	c.shape(operand{"Weight", a.Weight}, a.Gates.Cols, a.Source.Cols)
}

// CheckMemoryBlockBackward checks the arguments of MemoryBlockBackward.
func CheckMemoryBlockBackward(owner any, a MemoryBlockSequenceGradArgs) {
	c := checker{owner, "MemoryBlockBackward"}
	c.blockSequence(a.MemoryBlockSequenceArgs)
	dy := operand{"DY", a.DY}
	c.shape(dy, a.X.Rows, a.S.Cols)
	c.truncatedGrads(MemoryBlockGradArgs{
		MemoryBlockArgs: MemoryBlockArgs{Blocks: a.Blocks, Gates: a.Gates, Peep: a.Peep, S: a.S},
		Source:          a.Source,
		PIn:             a.PIn, PForget: a.PForget, PCell: a.PCell,
		DW: a.DW, DPeep: a.DPeep,
	}, a.Batch)
	c.outputs(
		[]operand{{"PIn", a.PIn}, {"PForget", a.PForget}, {"PCell", a.PCell}, {"DW", a.DW}, {"DPeep", a.DPeep}},
		[]operand{dy, {"X", a.X}, {"Weight", a.Weight}, {"Peep", a.Peep}, {"Source", a.Source}, {"Gates", a.Gates}, {"S", a.S}, {"Y", a.Y}})
}
