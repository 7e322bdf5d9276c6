package train

import (
	"errors"
	"fmt"
	"slices"

	"gputrain/data"
)

// eachBlock is checkBlocks for a set that t trains on or validates with. Stored samples are read
// for it once: a file of rows does not change, and its checksums say so whenever it is read.
func (t *Trainer) eachBlock(set *data.Dataset, check func(*data.Dataset) error) error {
	if slices.Contains(t.checked, set) {
		return nil
	}
	err := checkBlocks(set, check)
	if err == nil && set.Stored != nil {
		t.checked = append(t.checked, set)
	}
	return err
}

// checkBlocks calls check with set, or with one block after the other if its samples are
// stored, until one fails.
func checkBlocks(set *data.Dataset, check func(*data.Dataset) error) error {
	if set.Stored == nil {
		return check(set)
	}
	if err := set.Check(); err != nil {
		return err
	}
	if set.Len() == 0 {
		return errors.New("it is empty")
	}
	first := 0
	for block, err := range set.Blocks() {
		if err != nil {
			return err
		}
		if err := check(block); err != nil {
			return fmt.Errorf("from sample %d on, which is sample 0 here: %w", first, err)
		}
		first += block.Len()
	}
	return nil
}
