package memorylimit

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// linuxLimits returns the limits that Linux tells in its files below root. Other
// systems have no such files, and then there are none.
func linuxLimits(root string) []Limit {
	proc, err := procfs.NewFS(filepath.Join(root, "proc"))
	if err != nil {
		return nil
	}
	self, err := proc.Self()
	if err != nil {
		return nil
	}
	limits := processLimits(self)
	groups, err := self.Cgroups()
	if err != nil {
		return limits
	}
	mounts, err := self.MountInfo()
	if err != nil {
		return limits
	}
	for _, group := range groups {
		for _, mount := range mounts {
			limits = append(limits, groupLimits(root, group, mount)...)
		}
	}
	return limits
}

// processLimits returns the limits of setrlimit. What they count includes address
// space that is only reserved, of which Go reserves much.
func processLimits(self procfs.Proc) []Limit {
	limits, err := self.Limits()
	if err != nil {
		return nil
	}
	status, err := self.NewStatus()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc([]Limit{
		{Bytes: clamp(limits.AddressSpace), Source: "the limit of its address space, ulimit -v", counted: mapped, used: clamp(status.VmSize) + arenas},
		{Bytes: clamp(limits.DataSize), Source: "the limit of its data segment, ulimit -d", counted: mapped, used: clamp(status.VmData) + threadStacks},
	}, unlimited)
}

// What is going to be mapped besides, and perhaps never used. Without its memory Go
// ends the process, whatever asked for it.
const (
	threadStacks = 8 * 8 << 20  // of threads of C, if it is linked, as ulimit -s has them usually
	arenas       = 3 * 64 << 20 // by which Go's heap grows, and C's for each thread
)

// A version 1 controller says "no limit" with the largest number of whole pages, the
// largest of which are 64 KiB.
func unlimited(l Limit) bool { return l.Bytes > math.MaxInt64-1<<16 }

// clamp returns x as a signed number. The largest stands for all beyond.
func clamp(x uint64) int64 { return int64(min(x, math.MaxInt64)) }

// groupLimits returns the limits of a control group and of all above it that mount
// shows. Memory is limited in a hierarchy of version 1 that has the controller
// "memory", or else in the only one of version 2.
func groupLimits(root string, group procfs.Cgroup, mount *procfs.MountInfo) []Limit {
	read := readGroup2
	switch _, memory := mount.SuperOptions["memory"]; {
	case mount.FSType == "cgroup2" && group.HierarchyID == 0:
	case mount.FSType == "cgroup" && memory && slices.Contains(group.Controllers, "memory"):
		read = readGroup1
	default:
		return nil
	}
	top := filepath.Join(root, unescape(mount.MountPoint))
	// A mount may show only a part of the hierarchy, such as that of a container. If
	// the group is in another part, its nearest that can be seen is the top.
	below, err := filepath.Rel(unescape(mount.Root), group.Path)
	if err != nil || !filepath.IsLocal(below) {
		below = "."
	}
	var limits []Limit
	for ; ; below = filepath.Dir(below) {
		limits = append(limits, read(filepath.Join(top, below))...)
		if below == "." {
			return slices.DeleteFunc(limits, unlimited)
		}
	}
}

// readGroup2 returns the limits in the folder of a control group, version 2. Beyond
// memory.high a process is not ended, but hardly gets on.
func readGroup2(dir string) []Limit {
	stat := readStat(dir)
	var limits []Limit
	for _, name := range []string{"memory.max", "memory.high"} {
		if bytes, ok := readNumber(filepath.Join(dir, name)); ok { // the number may also be "max"
			limits = append(limits, Limit{Bytes: bytes, Source: name + " of its control group", used: stat["anon"] + stat["shmem"]})
		}
	}
	return limits
}

// readGroup1 is readGroup2 for version 1. hierarchical_memory_limit covers the groups
// above that no mount shows.
func readGroup1(dir string) []Limit {
	stat := readStat(dir)
	used := stat["total_rss"] + stat["total_shmem"]
	const source = "memory.limit_in_bytes of its control group"
	var limits []Limit
	if bytes, ok := readNumber(filepath.Join(dir, "memory.limit_in_bytes")); ok {
		limits = append(limits, Limit{Bytes: bytes, Source: source, used: used})
	}
	if bytes, ok := stat["hierarchical_memory_limit"]; ok {
		limits = append(limits, Limit{Bytes: bytes, Source: source, used: used})
	}
	return limits
}

func readNumber(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	return number(string(text))
}

// readStat returns the entries of a group's memory.stat, lines of a name and a
// number.
func readStat(dir string) map[string]int64 {
	stat := map[string]int64{}
	text, err := os.ReadFile(filepath.Join(dir, "memory.stat"))
	if err != nil {
		return stat
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, " ")
		if bytes, ok := number(value); ok {
			stat[name] = bytes
		}
	}
	return stat
}

func number(text string) (int64, bool) {
	x, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	return clamp(x), err == nil
}

// unescape undoes how mountinfo writes a space in a path: \040.
func unescape(path string) string {
	if plain, err := strconv.Unquote(`"` + strings.ReplaceAll(path, `"`, `\"`) + `"`); err == nil {
		return plain
	}
	return path
}
