package emulator

import (
	"math"
	"testing"

	"gputrain/cuda"
)

// The expected occupancies come from cuda_occupancy.h of the CUDA toolkit 11.8.
func TestOccupancy(t *testing.T) {
	for _, c := range []struct {
		gpu                        string
		threads, registers, shared int
		want                       float64
		limit                      string
	}{
		{"A100", 256, 32, 0, 1, "threads"},
		{"A100", 256, 64, 0, 0.5, "registers"},
		{"A100", 256, 32, 48 << 10, 0.375, "shared memory"}, // 3 blocks of 49 KiB
		{"A100", 32, 16, 0, 0.5, "blocks"},
		{"T4", 256, 64, 0, 1, "threads"},
		{"RTX 4090", 1024, 32, 0, 1024.0 / 1536, "threads"},
		{"A100", 544, 40, 0, 0.53125, "registers"}, // 12 warps in each part
		{"H100", 32, 16, 10880, 0.296875, "shared memory"},
		{"T4", 32, 16, 10880, 0.15625, "shared memory"}, // 5 blocks of 11008 bytes
	} {
		g, err := FindGPU(c.gpu)
		if err != nil {
			t.Fatal(err)
		}
		got, limit := g.Occupancy(LaunchStats{Block: dim(c.threads), Registers: c.registers, SharedBytes: c.shared})
		if math.Abs(got-c.want) > 1e-12 || limit != c.limit {
			t.Errorf("%+v: the occupancy is %g, limited by %s", c, got, limit)
		}
	}
	g, _ := FindGPU("H100")
	if got, limit := g.Occupancy(LaunchStats{Block: dim(32)}); got != 0 || limit != "" {
		t.Errorf("without a number of registers the occupancy is %g, %s", got, limit)
	}
}

// Times follow from the counts: by arithmetic, by what the second cache reads, or by what
// memory does, whose part depends on whether a launch finds its data in the cache.
func TestEstimates(t *testing.T) {
	g, err := FindGPU("A100")
	if err != nil {
		t.Fatal(err)
	}
	launch := func(s LaunchStats) LaunchStats {
		s.Launches = 1
		return s
	}
	const million = 1_000_000
	for _, c := range []struct {
		name  string
		stats LaunchStats
		want  float64
		bound string
	}{
		{"instructions", LaunchStats{Instructions: [classes]Count{Float32: {Warps: million}}}, 64 * million / 19.5e12, "arithmetic"},
		{"BF16", LaunchStats{FlopMatrix: [tensors]uint64{TensorBF16: 312 * million}}, 1e-6, "arithmetic"},
		{"TF32", LaunchStats{FlopMatrix: [tensors]uint64{TensorTF32: 312 * million}}, 2e-6, "arithmetic"},
		{"read once", LaunchStats{Events: Events{GlobalSectors: million}, GlobalFootprint: million}, 32 * million / 2.039e12, "memory"},
		{"read ten times, within the cache", LaunchStats{Events: Events{GlobalSectors: 10 * million}, GlobalFootprint: million}, 320 * million / (5120 * 1.41e9), "L2"},
		{"read ten times, beyond it", LaunchStats{Events: Events{GlobalSectors: 20 * million}, GlobalFootprint: 2 * million}, 640 * million / 2.039e12, "memory"},
	} {
		if got := g.Estimate(launch(c.stats)); math.Abs(got.Seconds/c.want-1) > 1e-9 || got.Bound != c.bound {
			t.Errorf("%s: %g s, bound by %s; want %g s, %s", c.name, got.Seconds, got.Bound, c.want, c.bound)
		}
	}
	for _, g := range GPUs() {
		if g.Datasheet == "" || g.L2Source == "" || g.L2Bandwidth <= g.Bandwidth || len(g.Assumptions()) < 4 {
			t.Errorf("the table of %s is incomplete: %q", g.Name, g.Assumptions())
		}
	}
}

// The footprint counts a sector once, however often and by whomever it is touched.
func TestFootprint(t *testing.T) {
	b := newBench(t, `.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 x)
{
	.reg .b32 %r<4>; .reg .b64 %rd<4>;
	ld.param.u64 %rd1, [x];
	mov.u32 %r1, %tid.x;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd2, %rd1, %rd2;
	ld.global.u32 %r2, [%rd2];
	ld.global.u32 %r2, [%rd2+4];
	ld.global.u32 %r2, [%rd1+4096];
	ret;
}`, Options{})
	x := upload(b, make([]uint32, 2048))
	b.must(b.launch("k", dim(3), dim(64), 0, x))
	// Words 0 to 64 lie in 9 sectors, and one lies apart.
	if p := b.device.Profile()[0]; p.GlobalFootprint != 10 || p.GlobalSectors <= 30 {
		t.Errorf("the footprint is %d of %d sectors", p.GlobalFootprint, p.GlobalSectors)
	}
}

// A kernel of a graph begins sooner after the one before it than one of a stream.
func TestGapsBetweenLaunches(t *testing.T) {
	b := newBench(t, wrap(""), Options{})
	elapsed := func(launch func(s cuda.Stream)) float64 {
		s, err := b.device.NewStream()
		b.must(err)
		var events [2]cuda.Event
		for i := range events {
			events[i], err = b.device.NewEvent()
			b.must(err)
		}
		b.must(b.device.Record(events[0], s))
		launch(s)
		b.must(b.device.Record(events[1], s))
		ms, err := b.device.Elapsed(events[0], events[1])
		b.must(err)
		return ms / 1e3
	}
	f, err := b.device.Function(b.module, "k")
	b.must(err)
	ten := func(s cuda.Stream) {
		for range 10 {
			b.must(b.device.Launch(f, dim(1), dim(1), 0, s, []uint64{0}))
		}
	}
	stream := elapsed(ten)
	graph := elapsed(func(s cuda.Stream) {
		b.must(b.device.BeginCapture(s))
		ten(s)
		g, err := b.device.EndCapture(s)
		b.must(err)
		b.must(b.device.LaunchGraph(g, s))
	})
	if want := 10 * (StreamGap - GraphGap); math.Abs(stream-graph-want) > 1e-12 {
		t.Errorf("ten launches take %g s in a stream and %g in a graph, which differ by %g, want %g", stream, graph, stream-graph, want)
	}
}
