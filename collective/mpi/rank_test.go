//go:build mpi && (linux || darwin)

package mpi

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gputrain/collective"
	"gputrain/collective/collectivetest"
)

// runRank does what a test has asked for. It is a rank that mpirun has started.
func runRank(program string) {
	limit := time.Minute
	switch rank := Launched().Rank; program {
	case "late":
		time.Sleep(time.Duration(rank) * time.Second)
	case "missing":
		if rank == 1 {
			Exit(2)
		}
	case "absent":
		if limit = 2 * time.Second; rank == 1 {
			select {}
		}
	}
	g, err := Open(limit)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rank:", err)
		Exit(1)
	}
	if program == "conform" {
		if g.Size() > 2 {
			largest = 1 << 16 // messages that are too long for one call go in parts
		}
		err = conform(g)
	} else {
		stall := time.Minute
		if program == "hang" || program == "quit" {
			stall = time.Second
		}
		err = work(collective.Watched(g, stall), program)
	}
	if err != nil {
		g.Abort(err)
	}
	if err := g.Close(); err != nil {
		g.Abort(err)
	}
	if program == "together" {
		if g.Rank() == 0 {
			time.Sleep(time.Second)
			fmt.Fprintln(os.Stderr, "rank 0: they agree to end")
		}
		Exit(1)
	}
	Exit(0)
}

// conform runs the suite, and what else must hold in a process with MPI.
func conform(g collective.Group) error {
	if err := collectivetest.Check(g); err != nil {
		return err
	}
	for _, fast := range []bool{false, true} {
		sum := collective.NewSum(g, 300, fast)
		if n := testing.AllocsPerRun(20, func() {
			if err := sum.Add(); err != nil {
				g.Abort(err)
			}
		}); n != 0 {
			return fmt.Errorf("a sum allocates %v times", n)
		}
	}

	// Any goroutine calls, on whatever thread it is.
	errs := make(chan error)
	go func() {
		_, err := collective.Any(g, false)
		errs <- err
	}()
	if err := <-errs; err != nil {
		return err
	}

	// The library has not taken signals from Go.
	if err := dereferenceNil(); err == nil {
		return errors.New("a nil pointer does not panic")
	}
	if text, err := exec.Command("echo", "child").Output(); err != nil || string(text) != "child\n" {
		return fmt.Errorf("a child process says %q: %v", text, err)
	}

	hash, err := sumOf(g)
	if err == nil {
		fmt.Printf("rank %d of %d conforms, sum %x\n", g.Rank(), g.Size(), hash)
	}
	return err
}

func dereferenceNil() (err error) {
	defer func() { err, _ = recover().(error) }()
	var group *group
	_ = group.rank
	return nil
}

// sumOf returns the hash of a sum in the order of the ranks.
func sumOf(g collective.Group) (hash [8]byte, err error) {
	sum := collective.NewSum(g, 10001, false)
	rng := rand.New(rand.NewPCG(1, uint64(g.Rank())))
	for i := range sum.Vector() {
		sum.Vector()[i] = float32(rng.NormFloat64() * math.Exp2(float64(i%20)))
	}
	err = sum.Add()
	var text []byte
	for _, x := range sum.Vector() {
		text = binary.LittleEndian.AppendUint32(text, math.Float32bits(x))
	}
	all := sha256.Sum256(text)
	copy(hash[:], all[:])
	return hash, err
}

// localSum returns what sumOf returns, with ranks that are goroutines.
func localSum(ranks int) (hash [8]byte) {
	var wg sync.WaitGroup
	for rank, g := range collective.Local(ranks) {
		wg.Go(func() {
			if its, err := sumOf(g); err != nil {
				panic(err)
			} else if rank == 0 {
				hash = its
			}
		})
	}
	wg.Wait()
	return hash
}

// work adds vectors, until rank 1 does what the program says.
func work(g collective.Group, program string) error {
	sum := collective.NewSum(g, 1000, false)
	var seed uint64
	if kind, number, is := strings.Cut(program, "-"); is {
		program = kind
		fmt.Sscan(number, &seed)
	}
	rng := rand.New(rand.NewPCG(1, seed))
	victim, moment := rng.IntN(g.Size()), time.Duration(rng.IntN(50_000))*time.Microsecond
	if program == "kill" && g.Rank() == victim {
		time.AfterFunc(moment, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	}
	for call := 0; ; call++ {
		if err := sum.Add(); err != nil {
			return err
		}
		if call == 20 && program == "together" {
			return nil
		}
		if call == 20 && program == "late" {
			mine, all := []byte{byte(g.Rank() + 1)}, make([]byte, g.Size())
			if err := g.Gather(all, mine); err != nil {
				return err
			}
			fmt.Println("sum", all[0]+all[1])
			return nil
		}
		if call == 20 && g.Rank() == 1 {
			switch program {
			case "error":
				return errors.New("the disk is full")
			case "exit":
				os.Exit(3)
			case "quit":
				Exit(0)
			case "panic":
				panic("a fault")
			case "hang":
				select {}
			case "abort":
				go g.Abort(errors.New("from another goroutine"))
			}
		}
	}
}
