package collective

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
)

// Any reports whether yes is true on some rank, and on which: the first one. All ranks call
// it together and get the same answer; rank is −1 if there is none.
func Any(g Group, yes bool) (rank int, err error) {
	mine, all := make([]byte, 1), make([]byte, g.Size())
	if yes {
		mine[0] = 1
	}
	err = g.Gather(all, mine)
	return bytes.IndexByte(all, 1), err
}

// Decide returns the decision of rank 0, on all ranks.
func Decide(g Group, yes bool) (bool, error) {
	decision := make([]byte, 1)
	if yes {
		decision[0] = 1
	}
	err := g.Broadcast(decision)
	return decision[0] == 1, err
}

// A Fact is something that must be the same on all ranks.
type Fact struct {
	Name    string // continues "rank 2 has another …"
	Content []byte
}

// Same returns a *DifferError, the same on all ranks, that names the first fact that is not the
// same as on rank 0, and the ranks where it differs. All ranks call it with facts of the
// same names.
func Same(g Group, facts ...Fact) error {
	var mine []byte
	for _, f := range facts {
		sum := sha256.Sum256(f.Content)
		mine = append(mine, sum[:]...)
	}
	all := make([]byte, g.Size()*len(mine))
	if err := g.Gather(all, mine); err != nil {
		return err
	}
	for i, f := range facts {
		of := func(rank int) []byte {
			from := rank*len(mine) + i*sha256.Size
			return all[from : from+sha256.Size]
		}
		var others []int
		for rank := range g.Size() {
			if !bytes.Equal(of(rank), of(0)) {
				others = append(others, rank)
			}
		}
		if len(others) > 0 {
			return &DifferError{f.Name, others}
		}
	}
	return nil
}

// DifferError says on which ranks a fact is not the one of rank 0.
type DifferError struct {
	Name  string // of the fact
	Ranks []int
}

func (e *DifferError) Error() string {
	if len(e.Ranks) == 1 {
		return fmt.Sprintf("rank %d has another %s than rank 0", e.Ranks[0], e.Name)
	}
	ranks := strings.Trim(strings.ReplaceAll(fmt.Sprint(e.Ranks), " ", ", "), "[]")
	return fmt.Sprintf("ranks %s have another %s than rank 0", ranks, e.Name)
}
