package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gputrain/backend"
	"gputrain/internal/inputfile"
	"gputrain/internal/memorylimit"
	"gputrain/model"
)

// need is memory that is going to be taken.
type need struct {
	what  string
	bytes int64
}

// checkMemory returns an error if this process must not take so much more. name is
// what needs it, for the error. There is no other protection: the system ends a
// process that takes too much.
func checkMemory(name string, needs ...need) error {
	left, limit := memorylimit.Left()
	var sum int64
	var parts []string
	for _, n := range needs {
		sum += n.bytes
		parts = append(parts, fmt.Sprintf("%s for %s", memorylimit.Size(n.bytes), n.what))
	}
	if sum <= left {
		return nil
	}
	return fmt.Errorf("%s needs %s, and %s are left of %v", name, strings.Join(parts, ", "), memorylimit.Size(left), limit)
}

// tooLarge adds to an error of memory what the user can do about it.
func tooLarge(err error) error {
	if errors.Is(err, backend.ErrOutOfMemory) {
		return fmt.Errorf("%w; take a smaller --hidden, --layers or --batch", err)
	}
	return err
}

// initialize draws the initial values. It returns an error, before any training, if
// there is no memory for them or for what the training takes later besides its tensors
// and data, which it has.
func (s *session) initialize(parts sets) error {
	if err := checkTraining(need{"the initial values", initBytes(s.net)}); err != nil {
		return err
	}
	s.net.Init(uint64(s.settings.Seed))
	if s.initial != nil {
		if err := s.net.Load(s.initial); err != nil {
			return err
		}
	}
	host := s.trainer.HostMemory(parts.train, parts.valid)
	s.snapshot = host.Snapshot
	return checkTraining(
		need{"the state to go back to after a divergence", host.Waypoint},
		need{"a checkpoint and the best model", host.Snapshot + 4*int64(s.net.Values().Size())},
		need{"batches", host.Batches},
	)
}

func checkTraining(needs ...need) error {
	if err := checkMemory("the training", needs...); err != nil {
		return fmt.Errorf("%w; take a smaller --hidden, --layers or --batch, or less data", err)
	}
	return nil
}

// initBytes returns what the Init of a network takes: a copy of the parameters, and
// the largest of them in float64.
func initBytes(net *model.Network) int64 {
	largest := 0
	for _, p := range net.Parameters() {
		largest = max(largest, p.Value.Size())
	}
	copies := int64(1)
	if slices.ContainsFunc(net.Spec(), func(s model.Stage) bool { return s.Init == model.Orthogonal }) {
		copies = 2
	}
	return 4*int64(net.Values().Size()) + copies*8*int64(largest)
}

// readModelFile reads the model file at path, if there is memory for it.
func readModelFile(path string) (*model.File, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// The file begins with the length of its metadata, in JSON. If it is wrong, or
	// cannot be read, model.ReadFile says so.
	var length [8]byte
	file.ReadAt(length[:], 0)
	const parsed = 24 // bytes for a byte of JSON, of many small tensors
	metadata := int64(min(binary.LittleEndian.Uint64(length[:]), uint64(info.Size())))
	if err := checkMemory(path, need{"its tensors", info.Size() - metadata}, need{"its metadata", parsed * metadata}); err != nil {
		return nil, err
	}
	return model.ReadFile(path)
}

// emulatedMemory returns how much memory an emulated GPU may have. The emulator notes
// of each byte whether it has a value and who touched it last, which takes a few more.
func emulatedMemory() int64 {
	const most, perByte = 2 << 30, 8
	left, _ := memorylimit.Left()
	return max(1, min(most, left/perByte))
}
