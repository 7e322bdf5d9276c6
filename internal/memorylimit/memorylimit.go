// Package memorylimit finds out how much memory this process may still take.
//
// The memory of the machine is one limit of several: a container, a batch system or
// ulimit often allow less. The system ends a process that goes beyond, or refuses it
// memory, and Go then ends it: neither can be handled. So whoever is about to take
// much asks first.
package memorylimit

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/shirou/gopsutil/v4/mem"
)

// Limit is a bound on the memory of this process, or of several together.
type Limit struct {
	Bytes  int64
	Source string // "memory.max of its control group"

	counted counting
	used    int64 // of Bytes, by whichever process
}

// String returns "512 MiB (memory.max of its control group)".
func (l Limit) String() string { return fmt.Sprintf("%s (%s)", Size(l.Bytes), l.Source) }

// counting is what a limit counts.
type counting int

const (
	resident counting = iota // pages with content
	mapped                   // all that the process has mapped or reserved
)

// Left returns how many more bytes this process may take on Go's heap, 0 or more,
// and the limit that allows the least. It collects the garbage first, if there may be
// enough of it to matter.
//
// An eighth of what a limit leaves to the heap is kept back, for garbage that is not
// yet collected, stacks and the runtime's own tables. Where a limit counts what is
// mapped it is a quarter, because Go gives none of that back, so that fragments count.
// A limit that the system does not tell is none.
func Left() (int64, Limit) { return leftAfter(runtime.GC) }

// leftAfter is Left with a way to collect the garbage. Memory may go back to the system while
// it does, so that all is read again.
func leftAfter(collect func()) (int64, Limit) {
	heap := readHeap()
	left, limit := heap.left(limits("/", heap))
	const share = 16 // of what is left: garbage below it makes no difference
	if heap.live > left/share {
		collect()
		heap = readHeap()
		left, limit = heap.left(limits("/", heap))
	}
	return left, limit
}

// left is Left for a heap under certain limits.
func (h heap) left(limits []Limit) (int64, Limit) {
	least, tightest := int64(math.MaxInt64), Limit{Bytes: math.MaxInt64, Source: "no limit is known"}
	for _, l := range limits {
		kept := h.share(l) / 8
		if l.counted == mapped {
			kept *= 2
		}
		if left := h.share(l) - kept - h.live; left < least {
			least, tightest = left, l
		}
	}
	return max(0, least), tightest
}

// Follow makes Go collect the garbage in time to stay within the limits, unless the
// user has told it what to do with GOMEMLIMIT.
func Follow() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	heap := readHeap()
	least := int64(math.MaxInt64)
	for _, l := range limits("/", heap) {
		// Half of what Left keeps back is for garbage.
		least = min(least, heap.share(l)/16*15)
	}
	debug.SetMemoryLimit(max(least, 1<<20))
}

// heap is the state of Go's heap, in bytes.
type heap struct {
	live             int64 // objects
	resident, mapped int64 // all that it has from the system
	all              int64 // that Go has from the system, as GOMEMLIMIT counts
}

// The runtime's metrics, see the package runtime/metrics.
const (
	objects  = "/memory/classes/heap/objects:bytes"
	unused   = "/memory/classes/heap/unused:bytes"
	free     = "/memory/classes/heap/free:bytes"
	stacks   = "/memory/classes/heap/stacks:bytes"
	released = "/memory/classes/heap/released:bytes"
	total    = "/memory/classes/total:bytes"
)

// readHeap reads all at one moment.
func readHeap() heap {
	names := [...]string{objects, unused, free, stacks, released, total}
	var samples [len(names)]metrics.Sample
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples[:])
	read := map[string]int64{}
	for _, s := range samples {
		read[s.Name] = int64(s.Value.Uint64())
	}
	h := heap{live: read[objects], all: read[total] - read[released]}
	h.resident = h.live + read[unused] + read[free] + read[stacks]
	h.mapped = h.resident + read[released]
	return h
}

// share returns what a limit leaves to the heap in all: what it has already, and
// what nobody has.
func (h heap) share(l Limit) int64 {
	has := h.resident
	if l.counted == mapped {
		has = h.mapped
	}
	others := max(0, l.used-has)
	return max(0, l.Bytes-others)
}

// limits returns the limits of this process, which has this heap. root is where the file
// system of the machine begins.
func limits(root string, h heap) []Limit {
	limits := linuxLimits(root)
	if machine, err := mem.VirtualMemory(); err == nil {
		limits = append(limits, Limit{
			Bytes: int64(machine.Total), Source: "the memory of this machine",
			used: int64(machine.Total - min(machine.Total, machine.Available)),
		})
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		limits = append(limits, Limit{Bytes: debug.SetMemoryLimit(-1), Source: "GOMEMLIMIT", used: h.all})
	}
	return limits
}

// Size formats a number of bytes: "310 MiB", "1.5 GiB".
func Size(bytes int64) string {
	const kib, mib, gib, tib = 1 << 10, 1 << 20, 1 << 30, 1 << 40
	x := float64(bytes)
	switch {
	case bytes >= 10*tib:
		return fmt.Sprintf("%.0f TiB", x/tib)
	case bytes >= 10*gib:
		return fmt.Sprintf("%.0f GiB", x/gib)
	case bytes >= gib:
		return fmt.Sprintf("%.1f GiB", x/gib)
	case bytes >= mib:
		return fmt.Sprintf("%.0f MiB", x/mib)
	}
	return fmt.Sprintf("%.0f KiB", x/kib)
}
