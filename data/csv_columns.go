package data

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// columns says what the columns of a file mean.
type columns struct {
	place    string           // file and line of the first record
	names    []string         // its fields
	at       map[string][]int // the columns with each name
	header   []string         // names if they are a header, else nil
	target   int              // the first of targets; −1 without one
	targets  []int
	features []int // in the order of the model
	notes    []string
	warnings []string
}

// findColumns decides from the first two records what the columns mean. second
// has no fields at the end of the file. If isNamed, the first has names for certain.
func findColumns(file string, first, second record, n numbers, o CSVOptions, isNamed bool) (columns, error) {
	c := columns{place: fmt.Sprintf("%s:%d: ", file, first.line), target: -1}
	if isNamed {
		c.place = file + ": " // they stand in no line
	}
	for _, field := range first.fields {
		c.names = append(c.names, strings.Clone(nameIn(field))) // which may be a part of a long line
	}
	c.at = map[string][]int{}
	for i, name := range c.names {
		c.at[name] = append(c.at[name], i)
	}
	expected := o.Features != nil && c.has(o.Features)
	hasText := n.countTexts(first.fields) > 0
	header, named := expected || hasText || isNamed, isNamed
	for i, target := range o.targets() {
		if len(c.names) == 1 {
			return c, c.fail("one column only; want the target and features, separated by commas, semicolons or tabs")
		}
		if number, err := strconv.Atoi(target); i == 0 && !expected && !isNamed && err == nil && number >= 1 && number <= len(c.names) {
			c.target = number - 1
			header = hasText && c.isHeader(first, second, n, o) // else a value is not the name of the target
		}
		column, byName, err := c.findTarget(nameIn(target), header)
		if err != nil {
			return c, err
		}
		if slices.Contains(c.targets, column) {
			return c, c.fail("column %d is the target twice", column+1)
		}
		if i == 0 {
			c.target, named = column, byName || isNamed
		}
		c.targets = append(c.targets, column)
	}
	if !expected && !named && !(hasText && c.isHeader(first, second, n, o)) {
		if len(o.Ignore) > 0 {
			return c, c.fail("no header names the column %s to leave out; write one above the data", quote(o.Ignore[0]))
		}
		return c, c.takeByPosition(n, o.Features)
	}
	c.header = c.names
	if !expected && !isNamed {
		c.doubtHeader(n)
	}
	if o.Features != nil {
		return c, c.takeByName(n, o.Features)
	}
	return c, c.takeAll(o.Ignore)
}

// targets returns the names of the columns to learn.
func (o *CSVOptions) targets() []string {
	if o.Target != "" {
		return []string{o.Target}
	}
	return o.Targets
}

// nameIn returns the name of a column or a class that a field gives. The same letters
// give the same name, however Unicode composes them.
func nameIn(field string) string { return norm.NFC.String(strings.TrimSpace(field)) }

// has reports whether the first record has all names.
func (c *columns) has(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return c.at[nameIn(name)] == nil })
}

// findTarget returns the column of target, and whether target is its name in
// the first record, which has names only if it isHeader.
func (c *columns) findTarget(target string, isHeader bool) (column int, named bool, err error) {
	if found := c.at[target]; isHeader && found != nil {
		if len(found) > 1 {
			return 0, false, c.fail("columns %d and %d are both called %s; give the target by number", found[0]+1, found[1]+1, quote(target))
		}
		return found[0], true, nil
	}
	number, notNumber := strconv.Atoi(target)
	switch {
	case notNumber == nil && number >= 1 && number <= len(c.names):
		return number - 1, false, nil
	case notNumber == nil && c.at[target] != nil:
		return 0, false, c.fail("no target column %d; a first line of numbers counts as data: give a number from 1 to %d, and names that have letters", number, len(c.names))
	case notNumber == nil:
		return 0, false, c.fail("no target column %d; give a number from 1 to %d", number, len(c.names))
	case !isHeader:
		return 0, false, c.fail("no header names the target column %s; give its number, 1 to %d", quote(target), len(c.names))
	}
	return 0, false, c.fail("the first line names no column %s%s; give one of its names or a number from 1 to %d", quote(target), hint(target, c.names), len(c.names))
}

// isHeader tells whether a first record with text in it is a header, or data
// whose labels are text. A model's names are not in it.
func (c *columns) isHeader(first, second record, n numbers, o CSVOptions) bool {
	for i, field := range first.fields {
		if i != c.target && n.isText(field) {
			return true
		}
	}
	if second.fields == nil {
		return o.Features == nil
	}
	below := strings.TrimSpace(second.fields[c.target])
	return below != "" && !n.isText(below)
}

// takeAll takes every column for a feature, but the targets and those to ignore.
func (c *columns) takeAll(ignore []string) error {
	left := map[string]bool{}
	for _, name := range ignore {
		switch found := c.at[nameIn(name)]; {
		case found == nil:
			return c.fail("no column %s to leave out%s", quote(name), hint(name, c.names))
		case slices.Contains(c.targets, found[0]):
			return c.fail("column %s cannot be left out: it is the target", quote(name))
		}
		left[nameIn(name)] = true
	}
	for i, name := range c.header {
		if slices.Contains(c.targets, i) || left[name] {
			continue
		}
		if same := c.at[name]; len(same) > 1 {
			return c.fail("columns %d and %d are both called %s; rename one", same[0]+1, same[1]+1, quote(name))
		}
		c.features = append(c.features, i)
		if name == "" {
			c.warn("column %d has no name; remove it if it only numbers the rows", i+1)
		}
	}
	if len(c.features) == 0 {
		return c.fail("no column is left for a feature")
	}
	return nil
}

// takeByName takes the columns of these names, in this order.
func (c *columns) takeByName(n numbers, names []string) error {
	var missing []string
	used := map[int]bool{}
	for _, target := range c.targets {
		used[target] = true
	}
	for _, name := range names {
		found := c.at[nameIn(name)]
		switch {
		case len(found) == 0:
			missing = append(missing, name)
			continue
		case len(found) > 1:
			return c.fail("columns %d and %d are both called %s, and the model takes one; rename the other", found[0]+1, found[1]+1, quote(name))
		case slices.Contains(c.targets, found[0]):
			return c.fail("column %s cannot be the target: it is a feature that the model takes", quote(name))
		}
		c.features = append(c.features, found[0])
		used[found[0]] = true
	}
	var unused []string
	for i, name := range c.header {
		if !used[i] {
			unused = append(unused, name)
		}
	}
	if len(missing) > 0 {
		return c.missing(missing, unused, n)
	}
	if len(unused) > 0 {
		c.note("not used: %s", quoteList(unused))
	}
	if !slices.IsSorted(c.features) {
		c.note("the columns are found by name: their order is not that of the model")
	}
	return nil
}

// missing says which columns there are none of, and which of the unused ones may
// be meant.
func (c *columns) missing(missing, unused []string, n numbers) error {
	if len(c.features) == 0 && n.countTexts(c.header) < len(c.header) {
		return c.fail("no header that names %s, but %s is no number; if it is the class, give the number of its column as the target", quoteList(missing), quote(c.header[slices.IndexFunc(c.header, n.isText)]))
	}
	what := "column"
	if len(missing) > 1 {
		what = "columns"
	}
	meant := hint(missing[0], unused)
	if meant != "" && len(missing) > 1 {
		meant = strings.Replace(meant, "the nearest", "the nearest to "+quote(missing[0]), 1)
	}
	return c.fail("no %s %s%s; the model takes them by these names", what, quoteList(missing), meant)
}

// takeByPosition takes every column but the target, for names if there are any.
func (c *columns) takeByPosition(n numbers, names []string) error {
	for i := range c.names {
		if !slices.Contains(c.targets, i) {
			c.features = append(c.features, i)
		}
	}
	if names != nil {
		if len(c.features) != len(names) {
			remedy := ""
			if c.target < 0 && len(c.features) == len(names)+1 {
				remedy = "; if one column is the class, name it as the target"
			}
			return c.fail("no header, and the number of columns is %d where the model takes %d: %s%s", len(c.features), len(names), quoteList(names), remedy)
		}
		c.note("no header: the columns are taken by position for %s", quoteList(names))
	}
	if c.count(0) || c.count(1) {
		c.warn("no header: the first line is %s and counts as data; if it numbers the columns, remove it", strings.Join(c.names[:3], ",")+"...")
	}
	return nil
}

// count reports whether the first record is first, first+1, ... for three
// columns or more.
func (c *columns) count(first int) bool {
	for i, name := range c.names {
		if name != strconv.Itoa(first+i) {
			return false
		}
	}
	return len(c.names) >= 3
}

// doubtHeader notes that a header has numbers among its names, as data have whose
// missing values are marked by a text.
func (c *columns) doubtHeader(n numbers) {
	for i, name := range c.header {
		if !slices.Contains(c.targets, i) && name != "" && !n.isText(name) {
			c.warn("the first line is read as a header, with %s among its names; if it is data, correct what is no number in it", quote(name))
			return
		}
	}
}

func (c *columns) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

func (c *columns) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

func (c *columns) fail(format string, args ...any) error {
	return fmt.Errorf("%s%s", c.place, fmt.Sprintf(format, args...))
}
