package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gputrain/cuda"
	"gputrain/cuda/cudriver"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// A shape is a product to measure.
type shape struct {
	kernels.GemmShape
	splits []int // into how many slices of k
}

var shapes = []shape{
	{kernels.GemmShape{M: 512, N: 512, K: 512}, []int{1, 2, 4, 8}},
	{kernels.GemmShape{M: 1024, N: 1024, K: 1024}, []int{1, 2, 4}},
	{kernels.GemmShape{M: 4096, N: 4096, K: 4096}, []int{1}},
	{kernels.GemmShape{TransB: true, M: 64, N: 2048, K: 512}, []int{1, 2, 4, 8}},   // a time step, forward
	{kernels.GemmShape{M: 64, N: 512, K: 2048}, []int{1, 2, 4, 8, 16}},             // and backward
	{kernels.GemmShape{TransB: true, M: 6400, N: 2048, K: 512}, []int{1, 2}},       // inputs of a sequence
	{kernels.GemmShape{TransA: true, M: 2048, N: 512, K: 6400}, []int{1, 2, 4, 8}}, // gradient of a weight
	{kernels.GemmShape{M: 6400, N: 128, K: 2048}, []int{1, 2}},                     // gradient of the inputs
}

// small are the shapes for the emulated device.
var small = []shape{
	{kernels.GemmShape{M: 64, N: 64, K: 64}, []int{1, 2}},
	{kernels.GemmShape{TransA: true, TransB: true, M: 33, N: 65, K: 70}, []int{1, 2}},
}

// A bench measures kernels on a device.
type bench struct {
	cuda.Device
	stream    cuda.Stream
	from, to  cuda.Event
	functions map[string]cuda.Function
	least     time.Duration // that a measurement takes
}

// measure writes products.csv: products by tile and split.
func measure(device, out string) error {
	driver, ordinal, least, chosen := cudriver.New(), 0, 20*time.Millisecond, shapes
	if device == "emulated" {
		emulated, err := emulator.New(emulator.Options{})
		if err != nil {
			return err
		}
		driver, least, chosen = emulated, 0, small
	} else if _, err := fmt.Sscanf(device, "cuda:%d", &ordinal); err != nil {
		return fmt.Errorf("-device is %q, want cuda:N or emulated", device)
	}
	opened, err := driver.Open(ordinal)
	if err != nil {
		return err
	}
	b := &bench{Device: opened, least: least, functions: map[string]cuda.Function{}}
	if err := b.prepare(); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(out, "products.csv"))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, productsHead); err != nil {
		return err
	}
	for _, s := range chosen {
		if err := b.products(f, s); err != nil {
			return err
		}
	}
	return b.Close()
}

func (b *bench) prepare() (err error) {
	if b.stream, err = b.NewStream(); err != nil {
		return err
	}
	for _, e := range []*cuda.Event{&b.from, &b.to} {
		if *e, err = b.NewEvent(); err != nil {
			return err
		}
	}
	modules := []string{"gemm", "gemm_share"}
	for _, math := range b.maths()[1:] {
		modules = append(modules, "gemm_"+math)
	}
	for _, module := range modules {
		if err := b.load(module); err != nil {
			return err
		}
	}
	return nil
}

// maths returns the maths that the device has.
func (b *bench) maths() []string {
	if b.Info().Major < kernels.MathCapability {
		return kernels.Maths()[:1]
	}
	return kernels.Maths()
}

func (b *bench) load(module string) error {
	m, err := b.Load(kernels.PTX(module))
	if err != nil {
		return fmt.Errorf("module %s: %w", module, err)
	}
	for _, k := range kernels.All() {
		if k.Module != module {
			continue
		}
		if b.functions[k.Name], err = b.Function(m, k.Name); err != nil {
			return err
		}
	}
	return nil
}

// time returns the seconds that work takes, the least of three turns. A turn repeats the
// work until it has taken long enough.
func (b *bench) time(work func() error) (float64, error) {
	if err := work(); err != nil { // a first time, which may load code
		return 0, err
	}
	fastest := math.Inf(1)
	for turn, repeats := 0, 1; turn < 3; {
		if err := b.Record(b.from, b.stream); err != nil {
			return 0, err
		}
		for range repeats {
			if err := work(); err != nil {
				return 0, err
			}
		}
		if err := b.Record(b.to, b.stream); err != nil {
			return 0, err
		}
		milliseconds, err := b.Elapsed(b.from, b.to)
		if err != nil {
			return 0, err
		}
		if milliseconds*1e6 < float64(b.least) {
			repeats *= 2
			continue
		}
		fastest = min(fastest, milliseconds/1e3/float64(repeats))
		turn++
	}
	return fastest, nil
}

func (b *bench) launch(name string, l kernels.Launch, args ...uint64) error {
	return b.Launch(b.functions[name], cuda.Dim3(l.Grid), cuda.Dim3(l.Block), l.Shared, b.stream, args)
}

// products measures a product in each math, with each tile and split. A line is written
// as soon as it is known, so that nothing is lost if the machine stops.
func (b *bench) products(w io.Writer, s shape) error {
	part := 0
	for _, math := range b.maths() {
		for _, p := range b.plans(math, s) {
			part = max(part, p.Slices*s.M*s.N, p.Part)
		}
	}
	var at [4]cuda.Pointer // a, b, dst and the parts
	for i, n := range []int{s.M * s.K, s.K * s.N, s.M * s.N, part} {
		var err error
		if at[i], err = b.Alloc(4 * int64(n)); err != nil {
			return err
		}
		if err := b.Fill32(at[i], math.Float32bits(0.5), int64(n), b.stream); err != nil {
			return err
		}
	}
	for _, math := range b.maths() {
		if err := b.tiles(w, math, s, at); err != nil {
			return err
		}
	}
	for _, p := range at {
		if err := b.Free(p); err != nil {
			return err
		}
	}
	return nil
}

// tiles measures a product in one math.
func (b *bench) tiles(w io.Writer, math string, s shape, at [4]cuda.Pointer) error {
	info := b.Info()
	device := kernels.NewDevice(info.Name, info.Major, info.Minor, info.Multiprocessors, info.SharedAllowed)
	chosen := kernels.ChooseGemm([]string{math}, s.GemmShape, device)
	for _, p := range b.plans(math, s) {
		if p.Launch.Shared > info.SharedPerBlock {
			if err := b.AllowShared(b.functions[p.Kernel], p.Launch.Shared); err != nil {
				return err
			}
		}
		seconds, err := b.timeProduct(s.GemmShape, p, at)
		if err != nil {
			return fmt.Errorf("%s in %d slices and %d shares: %w", p.Kernel, p.Slices, p.Shares, err)
		}
		if _, err := io.WriteString(w, productLine(s.GemmShape, p, 1e6*seconds, p == chosen, info.Multiprocessors)); err != nil {
			return err
		}
	}
	return nil
}

// plans returns the plans to measure: each tile in each number of slices, and with the last
// round of tiles shared out, and all of them.
func (b *bench) plans(math string, s shape) []kernels.GemmPlan {
	info := b.Info()
	var plans []kernels.GemmPlan
	for _, tile := range kernels.GemmTiles(math) {
		for _, slices := range s.splits {
			if p := tile.Plan(s.GemmShape, slices); p.Slices == slices && tile.Shared <= info.SharedAllowed {
				plans = append(plans, p)
			}
		}
	}
	for _, tile := range kernels.GemmShareTiles(math) {
		tiles := tile.Plan(s.GemmShape, 1).Launch.Grid.X
		for _, whole := range slices.Compact([]int{0, tiles / info.Multiprocessors * info.Multiprocessors}) {
			for _, per := range []int{1, 2, 3} {
				if p, ok := tile.Share(s.GemmShape, whole, per*info.Multiprocessors); ok && tile.Shared <= info.SharedAllowed {
					plans = append(plans, p)
				}
			}
		}
	}
	return plans
}

// productsHead is the first line of products.csv, and productLine another. Blocks are those
// of the first launch. The first `whole` tiles were not shared out.
const productsHead = "m,n,k,kernel,slices,blocks,microseconds,gflops,chosen,whole,multiprocessors"

func productLine(s kernels.GemmShape, p kernels.GemmPlan, microseconds float64, chosen bool, multiprocessors int) string {
	return fmt.Sprintf("%d,%d,%d,%s,%d,%d,%.2f,%.1f,%v,%d,%d\n", s.M, s.N, s.K, p.Kernel, p.Slices, p.Launch.Grid.X*p.Launch.Grid.Y,
		microseconds, 2*float64(s.M)*float64(s.N)*float64(s.K)/microseconds/1e3, chosen, p.Whole, multiprocessors)
}

// timeProduct returns the seconds of a product, the packing of its operands included.
func (b *bench) timeProduct(s kernels.GemmShape, p kernels.GemmPlan, at [4]cuda.Pointer) (float64, error) {
	slabs, err := b.Alloc(int64(max(p.PackA.Bytes+p.PackB.Bytes, 1)))
	if err != nil {
		return 0, err
	}
	seconds, err := b.time(func() error { return b.product(s, p, at, slabs) })
	return seconds, errors.Join(err, b.Free(slabs))
}

// product queues a product as the backend does.
func (b *bench) product(s kernels.GemmShape, p kernels.GemmPlan, at [4]cuda.Pointer, slabs cuda.Pointer) error {
	one, packed := uint64(math.Float32bits(1)), p.PackA.Kernel != ""
	dst := at[2]
	if p.Slices > 1 {
		dst = at[3]
	}
	args := []uint64{uint64(dst)}
	if p.Shares > 0 {
		args = append(args, uint64(at[3]))
	}
	if packed {
		ends := slabs + cuda.Pointer(p.PackA.Bytes)
		for _, o := range []struct {
			packing kernels.Packing
			slabs   cuda.Pointer
			x       cuda.Pointer
		}{{p.PackA, slabs, at[0]}, {p.PackB, ends, at[1]}} {
			if err := b.launch(o.packing.Kernel, o.packing.Launch, uint64(o.slabs), uint64(o.x), uint64(o.packing.Rows), uint64(o.packing.K), uint64(o.packing.Padded)); err != nil {
				return err
			}
		}
		args = append(args, uint64(slabs), uint64(ends))
	}
	args = append(args, uint64(at[0]), uint64(at[1]), uint64(s.M), uint64(s.N), uint64(s.K))
	share := []uint64{uint64(p.Whole), uint64(p.Share), uint64(p.Extra)}
	if p.Shares > 0 {
		args = append(args, share...)
	} else {
		args = append(args, uint64(p.Slice))
	}
	if packed {
		for _, transposed := range []bool{s.TransA, s.TransB} {
			word := uint64(0)
			if transposed {
				word = 1
			}
			args = append(args, word)
		}
	}
	if err := b.launch(p.Kernel, p.Launch, append(args, one, 0)...); err != nil {
		return err
	}
	switch {
	case p.Shares > 0:
		return b.launch("gemm_join", p.Join, slices.Concat([]uint64{uint64(at[2]), uint64(at[3]), uint64(s.M), uint64(s.N),
			uint64(p.Rows), uint64(p.Columns), uint64(p.Slabs)}, share, []uint64{one, 0})...)
	case p.Slices > 1:
		n := int64(s.M * s.N)
		return b.launch("gemm_reduce", kernels.Elements(n), uint64(at[2]), uint64(at[3]), uint64(n), uint64(p.Slices), one, 0)
	}
	return nil
}
