//go:build unix

package memorylimit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	group2 = "0::/jobs/7\n"
	mount2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	group1 = "9:name=systemd:/\n4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n0::/\n"
	mount1 = "33 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
		"36 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" +
		"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
	unlimited1 = "9223372036854771712\n"
)

func TestLinuxLimits(t *testing.T) {
	for _, c := range []struct {
		name          string
		group, mounts string
		limits        [2]string // data segment and address space
		files         map[string]string
		want          []string
	}{
		{name: "no group", want: nil},
		{name: "no limit", group: group2, mounts: mount2, files: map[string]string{
			"sys/fs/cgroup/jobs/7/memory.max": "max\n", "sys/fs/cgroup/jobs/7/memory.high": "max\n", "sys/fs/cgroup/jobs/memory.max": "max\n",
		}},
		{name: "of the group", group: group2, mounts: mount2, files: map[string]string{
			"sys/fs/cgroup/jobs/7/memory.max": "536870912\n", "sys/fs/cgroup/jobs/7/memory.stat": "anon 4096\nfile 90000\nshmem 2\n",
		}, want: []string{"512 MiB (memory.max of its control group) 4098"}},
		{name: "memory.high", group: group2, mounts: mount2, files: map[string]string{
			"sys/fs/cgroup/jobs/7/memory.max": "max\n", "sys/fs/cgroup/jobs/7/memory.high": "1073741824\n",
		}, want: []string{"1.0 GiB (memory.high of its control group) 0"}},
		{name: "of groups above", group: group2, mounts: mount2, files: map[string]string{
			"sys/fs/cgroup/jobs/7/memory.max": "max\n", "sys/fs/cgroup/jobs/memory.max": "2147483648\n", "sys/fs/cgroup/memory.max": "1073741824\n",
		}, want: []string{"2.0 GiB (memory.max of its control group) 0", "1.0 GiB (memory.max of its control group) 0"}},
		{name: "a container sees itself as the root", group: "0::/\n", mounts: mount2, files: map[string]string{
			"sys/fs/cgroup/memory.max": "536870912\n",
		}, want: []string{"512 MiB (memory.max of its control group) 0"}},
		{name: "a mount of a part, elsewhere, with a space in its name", group: "0::/docker/ab/x\n",
			mounts: `30 24 0:26 /docker/ab /mnt/my\040groups rw - cgroup2 cgroup2 rw` + "\n", files: map[string]string{
				"mnt/my groups/x/memory.max": "max\n", "mnt/my groups/memory.max": "536870912\n",
			}, want: []string{"512 MiB (memory.max of its control group) 0"}},
		{name: "a group outside of the mount", group: "0::/../other\n", mounts: mount2, files: map[string]string{
			"sys/fs/cgroup/memory.max": "536870912\n",
		}, want: []string{"512 MiB (memory.max of its control group) 0"}},
		{name: "version 1", group: group1, mounts: mount1, files: map[string]string{
			"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "536870912\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited1,
			"sys/fs/cgroup/memory/docker/ab/memory.stat": "rss 1\ntotal_rss 4096\ntotal_shmem 4\nhierarchical_memory_limit 9223372036854771712\n",
		}, want: []string{"512 MiB (memory.limit_in_bytes of its control group) 4100"}},
		{name: "version 1, of a group above that is not seen", group: group1, mounts: mount1, files: map[string]string{
			"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": unlimited1,
			"sys/fs/cgroup/memory/docker/ab/memory.stat":           "hierarchical_memory_limit 268435456\n",
		}, want: []string{"256 MiB (memory.limit_in_bytes of its control group) 0"}},
		{name: "the group of another controller", group: "3:cpu,cpuacct:/docker/ab\n", mounts: mount1, files: map[string]string{
			"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "1\n",
		}},
		{name: "ulimit", limits: [2]string{"1073741824", "2147483648"}, want: []string{
			"2.0 GiB (the limit of its address space, ulimit -v) 1258291200",
			"1.0 GiB (the limit of its data segment, ulimit -d) 171966464",
		}},
		{name: "nonsense", group: "x\n", mounts: "y\n", files: map[string]string{"sys/fs/cgroup/memory.max": "1\n"}},
		{name: "nonsense in a file", group: "0::/\n", mounts: mount2, files: map[string]string{"sys/fs/cgroup/memory.max": "-1\n", "sys/fs/cgroup/memory.high": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write := func(name, text string) {
				t.Helper()
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range c.files {
				write(name, text)
			}
			for i, limit := range c.limits {
				if limit == "" {
					c.limits[i] = "unlimited"
				}
			}
			write("proc/42/limits", fmt.Sprintf("Limit                     Soft Limit           Hard Limit           Units     \n"+
				"Max data size             %-20s unlimited            bytes     \nMax address space         %-20s unlimited            bytes     \n", c.limits[0], c.limits[1]))
			write("proc/42/status", "Name:\tgputrain\nVmSize:\t 1032192 kB\nVmData:\t  102400 kB\n")
			write("proc/42/cgroup", c.group)
			write("proc/42/mountinfo", "22 27 0:21 / /proc rw,relatime - proc proc rw\n"+c.mounts)
			if err := os.Symlink("42", filepath.Join(root, "proc/self")); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range linuxLimits(root) {
				got = append(got, fmt.Sprint(l, " ", l.used))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestSystemsWithoutTheFilesHaveNoSuchLimits(t *testing.T) {
	if got := linuxLimits(t.TempDir()); got != nil {
		t.Errorf("got %v", got)
	}
}
