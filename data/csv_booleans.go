package data

import (
	"strconv"
	"strings"
)

// ParseBoolean returns what a field says that stands for true or false: true, t, yes, y,
// on and 1, or false, f, no, n, off and 0, in capitals or not. ok is false if it says
// something else.
func ParseBoolean(field string) (value, ok bool) {
	field = strings.TrimSpace(field)
	switch strings.ToLower(field) {
	case "true", "t", "yes", "y", "on":
		return true, true
	case "false", "f", "no", "n", "off":
		return false, true
	}
	x, err := strconv.ParseFloat(field, 64)
	return x == 1, err == nil && (x == 0 || x == 1)
}

// boolean reads the boolean of a row in a column, as 1 or 0.
func (t *tableReader) boolean(row record, column int) (float64, error) {
	field := row.fields[column]
	value, ok := ParseBoolean(field)
	switch {
	case !ok && IsMissing(field):
		return 0, t.fail(row, column, "no value; %s", t.remedyOfNone(column))
	case !ok:
		return 0, t.fail(row, column, "%s is neither true nor false; write 1 or 0, yes or no, or true or false", quote(field))
	}
	return indicate(value), nil
}
