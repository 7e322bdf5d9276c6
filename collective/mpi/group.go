//go:build mpi && (linux || darwin)

package mpi

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebitengine/purego"

	"gputrain/collective"
)

// group is MPI_COMM_WORLD. Its calls come from one thread at a time, which is
// MPI_THREAD_SERIALIZED, so a goroutine calls the library on the thread where it is.
type group struct {
	*library
	rank, size, localRank int

	leaving chan struct{} // closed by Exit
	left    chan error    // what MPI_Finalize returns
	aborted sync.Once
}

// largest is the largest count in a call, which is an int in C. Tests make it small.
var largest = 1 << 30

var (
	opened  atomic.Bool
	joining atomic.Bool           // MPI has begun
	ended   atomic.Pointer[group] // the group, once it is closed
)

// Open joins the ranks that the launcher has started. The group is a collective.Adder, with
// MPI_Allreduce. Open waits until all have come, but not longer than limit; 0 is no limit.
// Where no launcher has started this process, it is the only rank. It panics if it is called
// again once a library has been found, as MPI begins once in a process.
//
// The library is that of the launcher, or the file in the environment variable
// GPUTRAIN_MPI. An error says what is missing, or that the library does not belong to the
// launcher; the process then ends.
//
// Abort of the group writes the reason to standard error, in one line that begins with the
// name of the program, and ends all ranks with the code 1. It does not return. After Close,
// the process must end with Exit. String of the group is the name and version of the library.
func Open(limit time.Duration) (collective.Group, error) {
	launch := Launched()
	l, err := load(launch)
	if err != nil {
		return nil, err
	}
	if opened.Swap(true) {
		panic("mpi: Open: it is called twice")
	}
	g := &group{library: l, leaving: make(chan struct{}), left: make(chan error, 1)}
	begun := make(chan error, 1)
	go g.live(launch, begun)
	var late <-chan time.Time
	if limit > 0 {
		late = time.After(limit)
	}
	select {
	case err := <-begun:
		if err != nil {
			return nil, fmt.Errorf("mpi: %s: %w", l, err)
		}
		return g, nil
	case <-late:
		return nil, fmt.Errorf("mpi: %s: this rank has waited %v for the others to start, one of which hangs or needs longer than that", l, limit)
	}
}

// live begins and ends MPI, which must be on the same thread.
func (g *group) live(launch Launch, begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := g.init(launch); err != nil {
		begun <- err
		return
	}
	begun <- nil
	<-g.leaving
	g.left <- g.call(&g.finalize)
}

// init begins MPI and asks for the place of this rank.
func (g *group) init(launch Launch) error {
	var level, rank, size, localRank int32
	joining.Store(true)
	if err := g.call(&g.initThread, number(0), number(0), g.serialized, result(&level)); err != nil {
		return err
	}
	if uintptr(level) < g.serialized.number {
		return errors.New("the library is for one thread only: it gives no MPI_THREAD_SERIALIZED")
	}
	if err := errors.Join(
		g.call(&g.setErrhandler, g.world, g.errorsReturn),
		g.call(&g.commRank, g.world, result(&rank)),
		g.call(&g.commSize, g.world, result(&size)),
	); err != nil {
		return err
	}
	if launch.Size > 1 && int(size) != launch.Size {
		g.call(&g.finalize)
		return fmt.Errorf("%s has started %d ranks, of which this library sees %d: %s", launch.Launcher, launch.Size, size, advice(launch))
	}
	var machine uintptr // an int in MPICH's ABI: the rest stays 0
	if err := g.call(&g.splitType, g.world, g.shared, number(rank), g.infoNull, result(&machine)); err != nil {
		return err
	}
	if err := g.call(&g.commRank, number(machine), result(&localRank)); err != nil {
		return err
	}
	g.rank, g.size, g.localRank = int(rank), int(size), int(localRank)
	return nil
}

// advice says what to do where the library knows nothing of the launcher.
func advice(launch Launch) string {
	if launch.Launcher == slurm.name {
		return "start with srun --mpi=pmix or --mpi=pmi2, whichever srun --mpi=list has and the library was built for"
	}
	return "it belongs to another launcher: name the file of the launcher's library in GPUTRAIN_MPI"
}

func (l *library) String() string { return l.version + " (" + l.file + ")" }

func (g *group) Rank() int      { return g.rank }
func (g *group) Size() int      { return g.size }
func (g *group) LocalRank() int { return g.localRank }

func (g *group) Exchange(dst, src []byte) error {
	collective.CheckExchange(g, dst, src)
	chunk := len(src) / g.size
	if chunk > largest {
		return g.pairwise(dst, func(rank int) []byte { return src[rank*chunk : (rank+1)*chunk] })
	}
	return g.call(&g.alltoall,
		memory(src), number(chunk), g.byteType,
		memory(dst), number(chunk), g.byteType, g.world)
}

func (g *group) Gather(dst, src []byte) error {
	collective.CheckGather(g, dst, src)
	if len(src) > largest {
		return g.pairwise(dst, func(int) []byte { return src })
	}
	return g.call(&g.allgather,
		memory(src), number(len(src)), g.byteType,
		memory(dst), number(len(src)), g.byteType, g.world)
}

// pairwise fills the chunks of dst, which are too long for one call, with what the ranks
// have for this one: src(rank) is what goes to a rank.
func (g *group) pairwise(dst []byte, src func(rank int) []byte) error {
	chunk := len(dst) / g.size
	status := make([]byte, maxStatus)
	for step := range g.size {
		to, from := (g.rank+step)%g.size, (g.rank-step+g.size)%g.size
		send, receive := src(to), dst[from*chunk:(from+1)*chunk]
		for at := 0; at < chunk; at += largest {
			s, r := send[at:min(at+largest, chunk)], receive[at:min(at+largest, chunk)]
			if err := g.call(&g.sendrecv,
				memory(s), number(len(s)), g.byteType, number(to), number(0),
				memory(r), number(len(r)), g.byteType, number(from), number(0),
				g.world, memory(status)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *group) Broadcast(data []byte) error {
	for len(data) > largest {
		if err := g.Broadcast(data[:largest]); err != nil {
			return err
		}
		data = data[largest:]
	}
	return g.call(&g.broadcast, memory(data), number(len(data)), g.byteType, number(0), g.world)
}

func (g *group) Add(x []float32) error {
	for len(x) > largest {
		if err := g.Add(x[:largest]); err != nil {
			return err
		}
		x = x[largest:]
	}
	return g.call(&g.allreduce, g.inPlace, memory(x), number(len(x)), g.floatType, g.sum, g.world)
}

func (g *group) Abort(reason error) {
	g.aborted.Do(func() {
		var known *collective.AbortError
		if !errors.As(reason, &known) {
			reason = &collective.AbortError{Rank: g.rank, Reason: reason}
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), reason)
		time.Sleep(passedOn)
		// Another thread may be in a call of the library, which may then never return.
		time.AfterFunc(2*time.Second, func() { os.Exit(1) })
		purego.SyscallN(g.abort.address, g.world.number, 1)
		os.Exit(1)
	})
}

func (g *group) Close() error {
	if err := g.call(&g.barrier, g.world); err != nil {
		return err
	}
	ended.Store(g)
	return nil
}

// Exit ends the process, as os.Exit does. After Close it ends MPI and waits until all ranks
// have come here: a launcher ends the others as soon as one rank has ended with another code
// than 0, and what these print until then would be lost. Between Open and Close the others wait
// for this rank, so the code is 1 if it is 0. Before Open, a code that is not 0 ends the other
// ranks too.
func Exit(code int) {
	switch g := ended.Load(); {
	case g != nil:
		g.leave(code)
	case joining.Load():
		time.Sleep(passedOn)
		os.Exit(max(1, code))
	}
	endOthers(code)
	os.Exit(code)
}

// mostToLeave is how long a rank waits in Exit for one that does not come.
const mostToLeave = 10 * time.Second

// leave ends as a program in C does: MPICH since 4.2 takes leave of mpiexec only then, which
// otherwise kills the ranks that still run.
func (g *group) leave(code int) {
	time.AfterFunc(mostToLeave, func() { os.Exit(max(1, code)) })
	g.call(&g.barrier, g.world) // without the others there is nothing to wait for
	if code != 0 {
		time.Sleep(passedOn)
	}
	if mayHang(g.version) && finalizePMI() == nil {
		os.Exit(code)
	}
	close(g.leaving)
	if err := <-g.left; err != nil {
		fmt.Fprintf(os.Stderr, "%s: rank %d: %v\n", filepath.Base(os.Args[0]), g.rank, err)
		code = max(1, code)
	}
	g.call(&g.exit, number(code))
}

// mayHang reports whether a library may hang in MPI_Finalize on several machines: MPICH before
// 4.2, if it is built on UCX, as Debian's is. A rank closes its connections, which others must
// answer that already wait for all ranks and do nothing else. Source: pmodels/mpich, pull
// request 6596.
func mayHang(version string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(version, "MPICH %d.%d", &major, &minor)
	return n == 2 && (major < 4 || major == 4 && minor < 2)
}

// finalizePMI takes leave of the launcher without MPI_Finalize. The messages are those of PMI 1.
func finalizePMI() error {
	descriptor, err := strconv.Atoi(os.Getenv("PMI_FD"))
	if err != nil {
		return err
	}
	launcher := os.NewFile(uintptr(descriptor), "PMI")
	if _, err := launcher.WriteString("cmd=finalize\n"); err != nil {
		return err
	}
	_, err = bufio.NewReader(launcher).ReadString('\n')
	return err
}
