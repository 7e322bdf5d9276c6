package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"gputrain/backend"
	"gputrain/collective"
	"gputrain/collective/mpi"
	"gputrain/collective/nccl"
	cpubackend "gputrain/cpu"
	"gputrain/cuda"
	"gputrain/model"
	"gputrain/train"
)

// rankSettings are settings of trainings that several ranks share.
type rankSettings struct {
	Ranks  int    `toml:"ranks,omitzero" default:"0" placeholder:"N" help:"Share each batch among N ranks: parts of the CPU, or emulated GPUs. Where mpirun or srun has started several processes, these are the ranks, and N may be left out."`
	Reduce string `toml:"reduce,omitempty" placeholder:"HOW" help:"How ranks add up gradients: ordered (if not set), which gives the same bytes with every MPI library, or fast, as the library likes."`
}

// ranking are flags of train for trainings that several ranks share.
type ranking struct {
	Stall time.Duration `default:"10m" placeholder:"TIME" help:"How long a rank may wait for the others before all of them end: one hangs, then."`
}

// The values of rankSettings.Reduce besides "".
const (
	reduceOrdered = "ordered"
	reduceFast    = "fast"
)

// maxRanks is far above what a machine has.
const maxRanks = 4096

// checkRanks reports a setting of ranks that has no meaning.
func (s *settings) checkRanks() error {
	if s.Ranks < 0 || s.Ranks > maxRanks {
		return outOfRange("ranks", s.Ranks, fmt.Sprintf("1 to %d, or 0 for one", maxRanks))
	}
	if s.Reduce != "" {
		return checkOneOf("reduce", s.Reduce, []string{reduceOrdered, reduceFast})
	}
	return nil
}

// oneRank refuses ranks where command has no use for them.
func (s *settings) oneRank(command string) error {
	if s.Ranks > 1 {
		return usagef("%s works on one rank: take --ranks 1", command)
	}
	return nil
}

// joinRanks returns the ranks of this process: nil if this process trains alone, its own
// among those of a launcher, or all of them.
func (c *trainCommand) joinRanks() ([]collective.Group, error) {
	if c.Stall <= 0 {
		return nil, outOfRange("stall", c.Stall, "more than 0")
	}
	launch := mpi.Launched()
	kind, number, _ := parseDevice(c.Device)
	switch {
	case launch.Size <= 1 && c.Ranks <= 1:
		return nil, nil
	case c.DryRun:
		return nil, usagef("--dry-run measures one rank; gputrain explain --ranks N predicts what several take")
	case launch.Size <= 1 && !onCPU(kind) && kind != "emulated":
		return nil, usagef("--ranks divides the CPU, or makes emulated GPUs; for several GPUs start a process for each, as mpirun -n %d gputrain train --device cuda does", c.Ranks)
	case launch.Size <= 1:
		groups := collective.Local(c.Ranks)
		for i, g := range groups {
			groups[i] = collective.Watched(g, c.Stall)
		}
		return groups, nil
	case c.Ranks > 1 && c.Ranks != launch.Size && c.Resume == "": // whose config.toml has those of before
		return nil, usagef("--ranks is %d, but %s has started %d", c.Ranks, launch.Launcher, launch.Size)
	case number >= 0 && launch.Size > 1 && kind == "cuda":
		return nil, usagef("--device %s is one GPU, for %d ranks: --device cuda gives each rank of a machine the GPU of its number", c.Device, launch.Size)
	}
	if from, err := parseSource(c.Data); err == nil && from.fromStdin() {
		return nil, usagef("--data %s: one rank only can read stdin; write the table to a file", c.Data)
	}
	g, err := mpi.Open(c.Stall)
	if err != nil {
		return nil, usagef("%s has started %d ranks, but they cannot train together: %w", launch.Launcher, launch.Size, err)
	}
	c.Ranks = g.Size()
	return []collective.Group{collective.Watched(g, c.Stall)}, nil
}

// onRanks calls train for each rank of this process. Only rank 0 has the console. If one of
// them fails, all end.
func (c *trainCommand) onRanks(con console, groups []collective.Group, train func(c *trainCommand, con console, g collective.Group) error) error {
	if groups == nil {
		return train(c, con, nil)
	}
	errs, panics := make([]error, len(groups)), make([]any, len(groups))
	var all sync.WaitGroup
	for i, g := range groups {
		rank, con := *c, con
		if g.Rank() > 0 {
			con = console{strings.NewReader(""), newStream(io.Discard), newStream(io.Discard)}
			rank.StopAtEOF = false
		}
		all.Go(func() {
			defer func() {
				if panics[i] = recover(); panics[i] != nil {
					g.Abort(fmt.Errorf("%v (this is a bug in gputrain)", panics[i]))
				}
			}()
			if errs[i] = train(&rank, con, g); !endsTogether(errs[i]) {
				g.Abort(errs[i])
			} else if err := g.Close(); errs[i] == nil {
				errs[i] = err
			}
		})
	}
	all.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	return firstError(groups, errs)
}

// jointError is an error on which all ranks agree that all end.
type jointError struct {
	reason error // nil on the other ranks
	rank   int   // whose error it is
}

func (e *jointError) Error() string {
	if e.rank == 0 && e.reason != nil {
		return e.reason.Error()
	}
	return (&collective.AbortError{Rank: e.rank, Reason: e.reason}).Error()
}

func (e *jointError) Unwrap() error { return e.reason }

// together returns an error on all ranks if there is one on some of them.
func together(g collective.Group, err error) error {
	if g == nil {
		return err
	}
	rank, lost := collective.Any(g, err != nil)
	switch {
	case lost != nil:
		return lost
	case rank < 0:
		return nil
	case rank != g.Rank():
		err = nil
	}
	return &jointError{err, rank}
}

// checkSame returns an error if the ranks are not those of one program with one command line.
func (c *trainCommand) checkSame(g collective.Group) error {
	if g == nil {
		return nil
	}
	version, err := versionText()
	if err != nil {
		return err
	}
	build, err := programHash()
	if err != nil {
		return err
	}
	var settings bytes.Buffer
	if err := c.settings.encode(&settings); err != nil {
		return err
	}
	return collective.Same(g, collective.Fact{Name: "version of gputrain", Content: []byte(version)},
		collective.Fact{Name: "build of gputrain", Content: build}, collective.Fact{Name: "set of settings", Content: settings.Bytes()})
}

// endsTogether reports whether all ranks end with this error, or without one.
func endsTogether(err error) bool {
	var joint *jointError
	var interrupted *interruptedError
	var differ *collective.DifferError
	return err == nil || errors.As(err, &joint) || errors.As(err, &interrupted) || errors.As(err, &differ) || errors.Is(err, train.ErrDiverged)
}

// firstError returns the error that the ranks of this process end with: the one that is not
// just that another rank has ended.
func firstError(groups []collective.Group, errs []error) error {
	var any error // that another rank has ended
	for i, err := range errs {
		var other *collective.AbortError
		switch {
		case err == nil:
		case errors.As(err, &other) || followed(err):
			any = cmp.Or(any, err)
		case groups[i].Rank() == 0 || endsTogether(err):
			return err
		default:
			return &collective.AbortError{Rank: groups[i].Rank(), Reason: err}
		}
	}
	return any
}

// openRank opens the device of a rank: its share of the CPU, or the GPU that has its number.
func (c *trainCommand) openRank(g collective.Group) (b backend.Backend, note string, err error) {
	kind, _, _ := parseDevice(c.Device)
	switch {
	case g == nil:
		return openDevice(c.Device, c.Math)
	case kind == "cuda":
		return openDevice(fmt.Sprintf("cuda:%d", g.LocalRank()), c.Math)
	case onCPU(kind) && mpi.Launched().Size <= 1:
		_, note, err := openDevice(c.Device, c.Math) // whose math is checked
		if err != nil {
			return nil, "", err
		}
		b, err := cpubackend.Open(cpubackend.Options{Workers: max(1, runtime.GOMAXPROCS(0)/g.Size()), Math: c.Math})
		return b, note, err
	}
	return openDevice(c.Device, c.Math)
}

// joinGPUs lets the ranks add gradients on their GPUs, if these are NVIDIA's: it replaces the
// group of o. leave ends this after a training that has returned err, and returns err or its own.
func (c *trainCommand) joinGPUs(o *train.Options, b backend.Backend) (note string, leave func(err error) error, err error) {
	leave = func(err error) error { return err }
	gpu, is := b.(*cuda.Backend)
	if kind, _, _ := parseDevice(c.Device); kind != "cuda" || !is || o.Group == nil || o.Group.Size() == 1 {
		return "", leave, nil
	}
	g, err := nccl.Join(o.Group, gpu, c.Stall)
	var absent *nccl.AbsentError
	switch {
	case errors.As(err, &absent) && absent.Broken:
		return "", leave, &jointError{absent.Reason, absent.Rank}
	case absent != nil:
		return "gradients are added up on the host: " + err.Error(), leave, nil
	case err != nil:
		return "", leave, err
	}
	o.Group = g
	return "gradients are added up on the GPUs by " + g.String(), func(err error) error {
		if endsTogether(err) { // or Abort ends all
			err = cmp.Or(err, g.Leave())
		}
		return err
	}, nil
}

// partSize returns the samples of a batch that each of so many ranks gets at most; 0 ranks are
// one.
func partSize(batch, ranks int) int { return (batch + max(1, ranks) - 1) / max(1, ranks) }

// leads reports whether this session prints and writes: not that of a rank above 0.
func (s *session) leads() bool { return s.group == nil || s.group.Rank() == 0 }

// decide returns what rank 0 wants, on all ranks. They only need to know where the state of a
// training is spread over them.
func (s *session) decide(yes bool) (bool, error) {
	if s.group == nil || !s.settings.ofText() {
		return yes, nil
	}
	return collective.Decide(s.group, yes)
}

// share sends the checkpoint at path, which this rank goes on from, to the others; "" if it
// begins anew.
func (s *session) share(path string) (err error) {
	if s.group == nil {
		return nil
	}
	var content []byte
	if path != "" {
		if content, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	if err := s.group.Broadcast(binary.LittleEndian.AppendUint64(nil, uint64(len(content)))); err != nil {
		return err
	}
	return s.group.Broadcast(content)
}

// follow begins or resumes as rank 0 does.
func (s *session) follow(resumed bool, parts sets) error {
	s.initial = nil
	if resumed {
		size := make([]byte, 8)
		if err := s.group.Broadcast(size); err != nil {
			return err
		}
		content := make([]byte, binary.LittleEndian.Uint64(size))
		if err := s.group.Broadcast(content); err != nil {
			return err
		}
		if len(content) > 0 {
			file, err := model.ParseFile(content)
			if err != nil {
				return err
			}
			if err := s.trainer.Load(file); err != nil {
				return err
			}
		}
	}
	return s.trainer.Check(parts.train, parts.valid)
}

// joinCheckpoint has the part of this rank in a checkpoint that rank 0 takes.
func (s *session) joinCheckpoint() error {
	if !s.settings.ofText() {
		return nil
	}
	_, err := s.refill(&s.taken.checkpoint, s.trainer.Save)
	if errors.Is(err, model.ErrNotFinite) {
		return nil
	}
	return err
}

// followed reports whether err is what a rank ends with because another, which says so, does.
func followed(err error) bool {
	var joint *jointError
	if errors.As(err, &joint) {
		return joint.reason == nil
	}
	return mpi.Launched().Rank > 0 && endsTogether(err)
}
