package emulator

// specialRegisters are the special registers that keep their value while a warp
// runs. They are the first of a warp's registers.
var specialRegisters = [...]string{
	"tid.x", "tid.y", "tid.z", "ntid.x", "ntid.y", "ntid.z", "ctaid.x", "ctaid.y", "ctaid.z",
	"nctaid.x", "nctaid.y", "nctaid.z", "laneid", "warpid", "nwarpid",
	"lanemask_eq", "lanemask_lt", "lanemask_le", "lanemask_gt", "lanemask_ge",
	"smid", "nsmid", "gridid", "dynamic_smem_size", "total_smem_size",
}

// setSpecial gives special register i its value in each lane.
func (w *warp) setSpecial(i int) {
	values := &w.registers[i]
	name := specialRegisters[i]
	switch name {
	case "tid.x", "tid.y", "tid.z":
		thread := w.block.launch.threadIndex(w.first)
		size := w.block.launch.block
		for lane := range values {
			switch name {
			case "tid.x":
				values[lane] = uint64(thread.X)
			case "tid.y":
				values[lane] = uint64(thread.Y)
			default:
				values[lane] = uint64(thread.Z)
			}
			if thread.X++; thread.X == size.X {
				thread.X = 0
				if thread.Y++; thread.Y == size.Y {
					thread.Y = 0
					thread.Z++
				}
			}
		}
		return
	}
	uniform := w.uniform(name)
	for lane := range values {
		bit := uint64(1) << lane
		switch name {
		case "laneid":
			values[lane] = uint64(lane)
		case "lanemask_eq":
			values[lane] = bit
		case "lanemask_lt":
			values[lane] = bit - 1
		case "lanemask_le":
			values[lane] = 2*bit - 1
		case "lanemask_gt":
			values[lane] = allLanes &^ (2*bit - 1)
		case "lanemask_ge":
			values[lane] = allLanes &^ (bit - 1)
		default:
			values[lane] = uniform
		}
	}
}

// uniform returns the value of a special register that is the same in all lanes.
func (w *warp) uniform(name string) uint64 {
	b := w.block
	l := b.launch
	switch name {
	case "ntid.x":
		return uint64(l.block.X)
	case "ntid.y":
		return uint64(l.block.Y)
	case "ntid.z":
		return uint64(l.block.Z)
	case "ctaid.x":
		return uint64(b.index.X)
	case "ctaid.y":
		return uint64(b.index.Y)
	case "ctaid.z":
		return uint64(b.index.Z)
	case "nctaid.x":
		return uint64(l.grid.X)
	case "nctaid.y":
		return uint64(l.grid.Y)
	case "nctaid.z":
		return uint64(l.grid.Z)
	case "warpid":
		return uint64(w.number)
	case "nwarpid":
		return uint64(len(b.warps))
	case "smid":
		return uint64(b.number % l.multiprocessors)
	case "nsmid":
		return uint64(l.multiprocessors)
	case "gridid":
		return uint64(l.number)
	case "dynamic_smem_size":
		return uint64(l.dynamicShared)
	}
	return uint64(len(b.shared.data)) // total_smem_size
}

// changingRegisters are the special registers that only mov may read. The clock
// counts the instructions of the warp.
var changingRegisters = map[string]struct {
	kind kind
	read func(w *warp) uint64
}{
	"clock":          {u32, func(w *warp) uint64 { return uint64(uint32(w.tick)) }},
	"clock_hi":       {u32, func(w *warp) uint64 { return w.tick >> 32 }},
	"clock64":        {u64, func(w *warp) uint64 { return w.tick }},
	"globaltimer":    {u64, func(w *warp) uint64 { return w.tick }},
	"globaltimer_lo": {u32, func(w *warp) uint64 { return uint64(uint32(w.tick)) }},
	// Where the workspace of a cooperative launch is, as cooperative groups look for it.
	"envreg1":        {u32, func(w *warp) uint64 { return w.block.launch.workspace >> 32 }},
	"envreg2":        {u32, func(w *warp) uint64 { return uint64(uint32(w.block.launch.workspace)) }},
	"globaltimer_hi": {u32, func(w *warp) uint64 { return w.tick >> 32 }},
}
