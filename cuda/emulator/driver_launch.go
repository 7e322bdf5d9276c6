package emulator

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ianlancetaylor/demangle"

	"gputrain/cuda"
)

// Limits of a launch on every GPU.
const (
	maxShared   = 48 << 10 // bytes per block, without opting in to more
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
	values, words := make([][]byte, len(args)), make([]byte, 8*len(args))
	for i, arg := range args {
		values[i] = words[8*i:][:8]
		binary.LittleEndian.PutUint64(values[i], arg)
	}
	return d.LaunchBytes(f, grid, block, sharedBytes, s, values)
}

// LaunchBytes is Launch with the bytes of each argument, which may be a struct. A
// parameter takes the first of them, as many as it has. args may be reused when
// LaunchBytes returns.
func (d *Device) LaunchBytes(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args [][]byte) error {
	return d.launch(f, grid, block, sharedBytes, s, args, false)
}

// ErrTooManyBlocks is wrapped by the error of a cooperative launch that is too large.
var ErrTooManyBlocks = errors.New("a cooperative grid of too many blocks")

// LaunchCooperative is LaunchBytes for a grid whose blocks wait for each other, by
// grid.sync() of cooperative groups. It refuses a grid of more blocks than the GPU holds
// at once.
func (d *Device) LaunchCooperative(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args [][]byte) error {
	return d.launch(f, grid, block, sharedBytes, s, args, true)
}

func (d *Device) launch(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args [][]byte, cooperative bool) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	loaded := d.functions[f]
	if loaded == nil {
		return fmt.Errorf("cuda emulator: function %d %w", f, ErrHandle)
	}
	p := loaded.program
	if err := p.checkLaunch(grid, block, sharedBytes, loaded.sharedLimit, args); err != nil {
		return fmt.Errorf("cuda emulator: kernel %s: %w", demangle.Filter(p.name), err)
	}
	if resident := d.driver.gpu.Resident(d.resources(p, grid, block, sharedBytes)); cooperative && grid.X*grid.Y*grid.Z > resident {
		return fmt.Errorf("cuda emulator: kernel %s: %w: %d, but the %s holds %d of them at once", demangle.Filter(p.name), ErrTooManyBlocks, grid.X*grid.Y*grid.Z, d.driver.gpu.Name, resident)
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
	if d.capture != nil {
		gap = GraphGap
	}
	return d.enqueue(s, task{do: func(q *queue) *Report {
		q.clock += gap
		return d.execute(q, p, grid, block, sharedBytes, params, cooperative)
	}})
}

// checkLaunch makes the checks that the real driver makes.
func (p *program) checkLaunch(grid, block cuda.Dim3, sharedBytes, sharedLimit int, args [][]byte) error {
	threads := block.X * block.Y * block.Z
	switch e := p.entry; {
	case grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.X > maxGridX || grid.Y > maxGridYZ || grid.Z > maxGridYZ:
		return fmt.Errorf("a grid of %s blocks; the limits are (1,1,1) to (%d,%d,%d)", index(grid), maxGridX, maxGridYZ, maxGridYZ)
	case block.X < 1 || block.Y < 1 || block.Z < 1 || block.X > maxThreads || block.Y > maxThreads || block.Z > maxThreadsZ || threads > maxThreads:
		return fmt.Errorf("a block of %s threads; the limits are (1,1,1) to (%d,%d,%d), and %d in all", index(block), maxThreads, maxThreads, maxThreadsZ, maxThreads)
	case sharedBytes < 0 || p.sharedSize+sharedBytes > sharedLimit:
		return fmt.Errorf("%d bytes of shared memory, %d of them static; a block has at most %d", p.sharedSize+sharedBytes, p.sharedSize, sharedLimit)
	case len(args) != len(e.params):
		return fmt.Errorf("%d arguments for %d parameters", len(args), len(e.params))
	case e.needThreads[0] > 0 && (e.needThreads != [3]int{block.X, block.Y, block.Z}):
		return fmt.Errorf("a block of %s threads, but the kernel requires %v", index(block), e.needThreads)
	case e.maxThreads[0] > 0 && threads > e.maxThreads[0]*e.maxThreads[1]*e.maxThreads[2]:
		return fmt.Errorf("a block of %s threads, but the kernel allows at most %v", index(block), e.maxThreads)
	}
	for i, v := range p.entry.params {
		if v.size > len(args[i]) {
			return fmt.Errorf("parameter %s has %d bytes, but its argument has %d", v.name, v.size, len(args[i]))
		}
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

// AllowShared lets blocks of a kernel have more shared memory than 48 KiB: static memory,
// and so many bytes of dynamic memory. It fails if a multiprocessor has less.
func (d *Device) AllowShared(f cuda.Function, dynamicBytes int) error {
	loaded := d.functions[f]
	if loaded == nil {
		return fmt.Errorf("cuda emulator: function %d %w", f, ErrHandle)
	}
	static, most := loaded.program.sharedSize, d.driver.gpu.SharedPerBlock()
	if dynamicBytes < 0 || static+dynamicBytes > most {
		return fmt.Errorf("cuda emulator: kernel %s: %d bytes of dynamic and %d of static shared memory; a block on the %s has at most %d",
			loaded.program.name, dynamicBytes, static, d.driver.gpu.Name, most)
	}
	loaded.sharedLimit = max(maxShared, static+dynamicBytes)
	return nil
}

// resources says what a block takes.
func (d *Device) resources(p *program, grid, block cuda.Dim3, sharedBytes int) LaunchStats {
	return LaunchStats{
		Kernel: p.name, Grid: grid, Block: block, SharedBytes: p.sharedSize + sharedBytes, Registers: d.driver.options.Registers[p.name],
	}
}

// gridWorkspace is the bytes that cooperative launches have for grid.sync(): a size and a
// counter.
const gridWorkspace = 8

// execute runs a launch and returns its fault.
func (d *Device) execute(q *queue, p *program, grid, block cuda.Dim3, sharedBytes int, params []byte, cooperative bool) *Report {
	o := d.driver.options
	d.launches++
	resources := d.resources(p, grid, block, sharedBytes)
	workspace := uint64(0)
	if cooperative {
		clear(d.workspace.data)
		workspace = d.workspace.base
	}
	newLaunch := func() *launch {
		return &launch{
			program: p, memory: d.memory, grid: grid, block: block, dynamicShared: sharedBytes, params: memory{data: params}, workspace: workspace,
			number: d.launches, firstID: d.newBlocks(grid.X * grid.Y * grid.Z), seed: o.Seed, workers: o.Workers, budget: o.Budget, off: d.driver.off,
			multiprocessors: d.driver.gpu.Multiprocessors, resident: d.driver.gpu.Resident(resources), ended: &d.driver.ended,
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
			return fault, again.spent.Load()
		})
	}
	summary := measured.summary(l)
	summary.Registers = resources.Registers
	q.clock += d.driver.gpu.Estimate(summary).Seconds
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
			r.cells.Store(nil)
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
	d.finish()
	all := make([]LaunchStats, 0, len(d.shapes))
	for _, key := range d.shapes {
		all = append(all, *d.profile[key])
	}
	return all
}

// ResetProfile waits for all work and forgets what was measured.
func (d *Device) ResetProfile() {
	d.finish()
	clear(d.profile)
	d.shapes = nil
}
