package emulator

import (
	"encoding/binary"
	"fmt"

	"github.com/ianlancetaylor/demangle"

	"gputrain/cuda"
)

// Limits of a launch on every GPU.
const (
	maxShared   = 48 << 10 // bytes per block, without AllowShared
	maxGridX    = 1<<31 - 1
	maxGridYZ   = 65535
	maxThreads  = 1024 // of a block
	maxThreadsZ = 64
)

// A shape is the key of the profile: launches with the same shape are counted
// together.
type shape struct {
	kernel      string
	grid, block cuda.Dim3
	shared      int
}

// Launch queues a kernel. If the kernel has a fault, a later call returns it, at the
// latest one that waits.
func (d *Device) Launch(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args []uint64) error {
	return d.LaunchBytes(f, grid, block, sharedBytes, s, bytesOf(args))
}

// LaunchCooperative is Launch for a grid whose blocks wait for each other, as by
// grid.sync() of cooperative groups.
func (d *Device) LaunchCooperative(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args []uint64) error {
	return d.LaunchCooperativeBytes(f, grid, block, sharedBytes, s, bytesOf(args))
}

func bytesOf(args []uint64) [][]byte {
	values, words := make([][]byte, len(args)), make([]byte, 8*len(args))
	for i, arg := range args {
		values[i] = words[8*i:][:8]
		binary.LittleEndian.PutUint64(values[i], arg)
	}
	return values
}

// LaunchBytes is Launch with the bytes of each argument, which may be a struct. A
// parameter takes the first of them, as many as it has. args may be reused when
// LaunchBytes returns.
func (d *Device) LaunchBytes(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args [][]byte) error {
	return d.launch(f, grid, block, sharedBytes, s, args, false)
}

// LaunchCooperativeBytes is LaunchCooperative with the bytes of each argument, as in
// LaunchBytes.
func (d *Device) LaunchCooperativeBytes(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args [][]byte) error {
	return d.launch(f, grid, block, sharedBytes, s, args, true)
}

func (d *Device) launch(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args [][]byte, cooperative bool) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	loaded, err := d.function(f)
	if err != nil {
		return err
	}
	p := loaded.program
	if err := d.checkLaunch(loaded, grid, block, sharedBytes, args); err != nil {
		return fmt.Errorf("cuda emulator: kernel %s: %w", demangle.Filter(p.name), err)
	}
	if r := d.residency(p, block, sharedBytes); cooperative && grid.X*grid.Y*grid.Z > r.Blocks {
		return fmt.Errorf("cuda emulator: kernel %s: %w", demangle.Filter(p.name), &cuda.GridTooLarge{Grid: grid, Residency: r})
	}
	if cooperative && d.workspace == nil {
		r, err := d.memory.allocate(gridWorkspace)
		if err != nil {
			return err
		}
		r.name = "of the grid"
		fill(r.written, 1)
		d.workspace = r
	}
	if err := d.injected(LaunchOperation); err != nil {
		return err
	}
	params := p.pack(args)
	gap := StreamGap
	if d.streams[s].position != nil {
		gap = GraphGap
	}
	return d.enqueue(s, task{name: p.name, do: func(q *queue) *Report {
		return d.execute(q, gap, p, grid, block, sharedBytes, params, cooperative)
	}})
}

func (d *Device) function(f cuda.Function) (*loaded, error) {
	found := d.functions[f]
	if found == nil {
		return nil, fmt.Errorf("cuda emulator: function %d %w", f, ErrHandle)
	}
	return found, nil
}

// checkLaunch makes the checks that the real driver makes.
func (d *Device) checkLaunch(f *loaded, grid, block cuda.Dim3, sharedBytes int, args [][]byte) error {
	if grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.X > maxGridX || grid.Y > maxGridYZ || grid.Z > maxGridYZ {
		return fmt.Errorf("a grid of %s blocks; the limits are (1,1,1) to (%d,%d,%d)", index(grid), maxGridX, maxGridYZ, maxGridYZ)
	}
	if err := d.checkBlock(f, block, sharedBytes); err != nil {
		return err
	}
	params := f.program.entry.params
	if len(args) != len(params) {
		return fmt.Errorf("%d arguments for %d parameters", len(args), len(params))
	}
	for i, v := range params {
		if v.size > len(args[i]) {
			return fmt.Errorf("parameter %s has %d bytes, but its argument has %d", v.name, v.size, len(args[i]))
		}
	}
	// As many blocks have their local memory at once as run side by side.
	each, threads := int64(f.program.localStride), int64(block.X)*int64(block.Y)*int64(block.Z)
	blocks := int64(min(grid.X, sideBySide)) * int64(min(grid.Y, sideBySide)) * int64(min(grid.Z, sideBySide))
	if need := each * threads * min(blocks, sideBySide); need > d.memory.limit {
		return fmt.Errorf("%d bytes of local memory for each of %d threads at once, but the device has %d in all: %w", each, need/each, d.memory.limit, cuda.ErrOutOfMemory)
	}
	return nil
}

func (d *Device) checkBlock(f *loaded, block cuda.Dim3, sharedBytes int) error {
	threads, static := block.X*block.Y*block.Z, f.program.sharedSize
	switch e := f.program.entry; {
	case block.X < 1 || block.Y < 1 || block.Z < 1 || block.X > maxThreads || block.Y > maxThreads || block.Z > maxThreadsZ || threads > maxThreads:
		return fmt.Errorf("a block of %s threads; the limits are (1,1,1) to (%d,%d,%d), and %d in all", index(block), maxThreads, maxThreads, maxThreadsZ, maxThreads)
	case sharedBytes < 0 || static > maxShared || static+sharedBytes > maxShared && sharedBytes > f.dynamic:
		return fmt.Errorf("%d bytes of shared memory, %d of them static; a block has at most %d, or with AllowShared %d",
			static+sharedBytes, static, max(maxShared, static+f.dynamic), d.Info().SharedAllowed)
	case e.needThreads[0] > 0 && (e.needThreads != [3]int{block.X, block.Y, block.Z}):
		return fmt.Errorf("a block of %s threads, but the kernel requires %v", index(block), e.needThreads)
	case e.maxThreads[0] > 0 && threads > e.maxThreads[0]*e.maxThreads[1]*e.maxThreads[2]:
		return fmt.Errorf("a block of %s threads, but the kernel allows at most %v", index(block), e.maxThreads)
	}
	return nil
}

// pack lays the arguments out as the kernel expects its parameters.
func (p *program) pack(args [][]byte) []byte {
	params := make([]byte, p.paramSize)
	for i, v := range p.entry.params {
		copy(params[p.paramOffset[v]:], args[i][:v.size])
	}
	return params
}

// AllowShared lets blocks of f have up to so many bytes of dynamic shared memory.
func (d *Device) AllowShared(f cuda.Function, bytes int) error {
	if err := d.usable(); err != nil {
		return err
	}
	loaded, err := d.function(f)
	if err != nil {
		return err
	}
	p, most := loaded.program, d.Info().SharedAllowed
	if bytes < 0 || p.sharedSize+bytes > most {
		return fmt.Errorf("cuda emulator: kernel %s: AllowShared: %d bytes of shared memory, %d of them static; a block of the %s has at most %d",
			p.name, p.sharedSize+bytes, p.sharedSize, d.driver.gpu.Name, most)
	}
	loaded.dynamic = bytes
	return nil
}

// Residency says how many blocks of a kernel the device holds at once. The registers are
// those of Options.Registers; without them they set no limit.
func (d *Device) Residency(f cuda.Function, block cuda.Dim3, sharedBytes int) (cuda.Residency, error) {
	if err := d.usable(); err != nil {
		return cuda.Residency{}, err
	}
	loaded, err := d.function(f)
	if err != nil {
		return cuda.Residency{}, err
	}
	if err := d.checkBlock(loaded, block, sharedBytes); err != nil {
		return cuda.Residency{}, fmt.Errorf("cuda emulator: kernel %s: %w", loaded.program.name, err)
	}
	return d.residency(loaded.program, block, sharedBytes), nil
}

func (d *Device) residency(p *program, block cuda.Dim3, sharedBytes int) cuda.Residency {
	s := LaunchStats{Block: block, SharedBytes: p.sharedSize + sharedBytes, Registers: d.driver.options.Registers[p.name]}
	blocks, limit := d.driver.gpu.perMultiprocessor(s)
	return cuda.Residency{
		Blocks: blocks * d.driver.gpu.Multiprocessors, Limit: limit,
		Threads: block.X * block.Y * block.Z, Registers: s.Registers, Shared: s.SharedBytes,
	}
}

// gridWorkspace is the bytes that cooperative launches have for grid.sync(): a size and a
// counter.
const gridWorkspace = 8

// execute runs a launch and returns its fault.
func (d *Device) execute(q *queue, gap float64, p *program, grid, block cuda.Dim3, sharedBytes int, params []byte, cooperative bool) *Report {
	o := d.driver.options
	d.launches++
	residency := d.residency(p, block, sharedBytes)
	workspace := uint64(0)
	if cooperative {
		clear(d.workspace.data)
		workspace = d.workspace.base
	}
	newLaunch := func() *launch {
		return &launch{
			program: p, memory: d.memory, grid: grid, block: block, dynamicShared: sharedBytes, params: memory{data: params}, workspace: workspace,
			number: d.launches, firstID: d.newBlocks(grid.X * grid.Y * grid.Z), seed: o.Seed, workers: o.Workers, budget: o.Budget, off: d.driver.off,
			multiprocessors: d.driver.gpu.Multiprocessors, resident: residency.Blocks, ended: &d.driver.ended, visit: q.visit.watching(),
		}
	}
	l := newLaunch()
	if s := d.driver.schedule; s != nil && s.launch == l.number {
		l.schedule = s
	}
	var before []memory
	if o.Shrink {
		before = d.memory.save()
	}
	measured, fault := l.run()
	l.flush(o.Output)
	switch {
	case fault == nil:
	case l.schedule != nil:
		fault.Schedule = o.Schedule
	case o.Shrink:
		fault = shrink(fault, func(s *schedule) (*Report, int64) {
			d.memory.restore(before)
			again := newLaunch()
			again.schedule, again.budget = s, min(4*l.spent.Load()+1<<16, o.Budget)
			_, fault := again.run()
			return fault, again.effort()
		})
	}
	summary := measured.summary(l)
	summary.Registers = residency.Registers
	q.pass(gap, d.driver.gpu.Estimate(summary).Seconds, min(1, float64(l.blocks)/float64(max(1, residency.Blocks))))
	key := shape{p.name, grid, block, sharedBytes}
	if known := d.profile[key]; known != nil {
		known.join(summary)
	} else {
		d.profile[key] = &summary
		d.shapes = append(d.shapes, key)
	}
	return fault
}

// newBlocks returns the first of n ids for the blocks of a launch. When ids are about
// to repeat, memory forgets the old ones.
func (d *Device) newBlocks(n int) uint32 {
	if n = min(n, maxBlockID-1); d.blockIDs > uint32(maxBlockID-n) {
		for _, r := range d.memory.live {
			r.watched.Store(nil)
		}
		d.blockIDs = 0
	}
	first := d.blockIDs + 1
	d.blockIDs += uint32(n)
	return first
}

// Profile waits for all work and returns what was measured since the last reset:
// an entry for each kernel and launch shape, in order of first launch. Aggregate
// joins the shapes.
func (d *Device) Profile() []LaunchStats {
	d.Finish()
	all := make([]LaunchStats, 0, len(d.shapes))
	for _, key := range d.shapes {
		all = append(all, *d.profile[key])
	}
	return all
}

// ResetProfile waits for all work and forgets what was measured.
func (d *Device) ResetProfile() {
	d.Finish()
	clear(d.profile)
	d.shapes = nil
}
