package gl

import "testing"

// The group of a row fits its length. A row that no loop can go through is an error,
// and is too long for a test with memory.
func TestRowsChooseTheirGroup(t *testing.T) {
	for _, c := range []struct{ cols, group int }{
		{1, 32}, {128, 32}, {129, 256}, {1 << 22, 256}, {1<<22 + 1, 1024}, {1 << 26, 1024},
	} {
		d := &Backend{}
		if v, groups, ok := d.rows("Softmax", "softmax", 70000, c.cols); v != (variant{"softmax", c.group}) || groups != 65535 || !ok {
			t.Errorf("rows of %d: got %d groups of %v, %v, want 65535 of %d", c.cols, groups, v, ok, c.group)
		}
	}
	d := &Backend{}
	const want = "gl: Softmax: rows of 67108865 elements: the shader takes 67108864 at most"
	if _, _, ok := d.rows("Softmax", "softmax", 1, 1<<26+1); ok || d.Err() == nil || d.Err().Error() != want {
		t.Errorf("got %v, %v, want %s", ok, d.Err(), want)
	}
}

// A block has an invocation if it has few cells, and is a row otherwise.
func TestBlocksChooseTheirTeam(t *testing.T) {
	for _, c := range []struct{ cells, team, groups int }{
		{1, 1, 4}, {32, 1, 4}, {33, 32, 1000}, {129, 256, 1000}, {1<<22 + 1, 1024, 1000},
	} {
		d := &Backend{}
		if v, groups, ok := d.blocks("LSTM1997Cell", "lstm1997_cell", 1000, c.cells); v.number != c.team || groups != c.groups || !ok {
			t.Errorf("blocks of %d cells: got %d groups of %v, %v, want %d of %d", c.cells, groups, v, ok, c.groups, c.team)
		}
	}
}
