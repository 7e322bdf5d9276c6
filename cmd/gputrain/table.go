package main

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// formatTable aligns rows under a header, which may be nil and whose cells may
// have several lines. The first left columns are text, flush left; the others are
// figures, flush right.
//
// width is that of the terminal, 0 if there is none. In a table that is too wide
// for it, text wraps between words. If that is not enough, the columns go into
// several tables, one below the other, each with the first column. A figure is
// never broken.
func formatTable(width, left int, header []string, rows [][]string) string {
	all := slices.Clone(rows)
	if header != nil {
		all = append(all, header)
	}
	columns := make([]column, len(all[0]))
	for i := range columns {
		columns[i] = column{index: i, text: i < left}
		for r, row := range all {
			columns[i].measure(row[i], header != nil && r == len(rows), width)
		}
	}
	if width == 0 || fit(columns, width) {
		return formatColumns(columns, header, rows)
	}
	var parts []string
	for first, rest := columns[0], columns[1:]; len(rest) > 0; {
		n := 1
		for n < len(rest) && leastWidth(append([]column{first}, rest[:n+1]...)) <= width {
			n++
		}
		part := append([]column{first}, rest[:n]...)
		if excess := leastWidth(part) - width; excess > 0 {
			part[0].least = max(1, part[0].least-excess)
		}
		fit(part, width)
		parts = append(parts, formatColumns(part, header, rows))
		rest = rest[n:]
	}
	return strings.Join(parts, "\n")
}

// columnGap is between two columns.
const columnGap = "  "

// column is a column of a table and its width.
type column struct {
	index int
	text  bool
	width int // of its widest line
	least int // without breaking a figure, or a word that takes less than 5/8 of the terminal
}

// measure widens the column for a cell.
func (c *column) measure(cell string, header bool, terminal int) {
	for line := range strings.SplitSeq(cell, "\n") {
		line = printable(line)
		c.width = max(c.width, text.StringWidth(line))
		if !c.text && !header {
			c.least = max(c.least, text.StringWidth(line))
			continue
		}
		for word := range strings.FieldsSeq(line) {
			c.least = max(c.least, min(text.StringWidth(word), terminal*5/8))
		}
	}
}

// leastWidth is the width of the narrowest table with these columns.
func leastWidth(columns []column) int {
	sum := len(columnGap) * (len(columns) - 1)
	for _, c := range columns {
		sum += c.least
	}
	return sum
}

// fit narrows the widest columns until they fit into width, if they can.
func fit(columns []column, width int) bool {
	if leastWidth(columns) > width {
		return false
	}
	excess := len(columnGap)*(len(columns)-1) - width
	for _, c := range columns {
		excess += c.width
	}
	for ; excess > 0; excess-- {
		widest := -1
		for i, c := range columns {
			if c.width > c.least && (widest < 0 || c.width > columns[widest].width) {
				widest = i
			}
		}
		columns[widest].width--
	}
	return true
}

// formatColumns formats some columns of a table, with the widths that they have.
func formatColumns(columns []column, header []string, rows [][]string) string {
	writer := table.NewWriter()
	writer.SetStyle(table.Style{
		Box:     table.BoxStyle{MiddleVertical: columnGap, PageSeparator: "\n"},
		Options: table.Options{SeparateColumns: true},
	})
	writer.SuppressTrailingSpaces()
	configs := make([]table.ColumnConfig, len(columns))
	for i, c := range columns {
		align := text.AlignRight
		if c.text {
			align = text.AlignLeft
		}
		configs[i] = table.ColumnConfig{
			Number: i + 1, Align: align, AlignHeader: align, VAlignHeader: text.VAlignBottom,
			WidthMax: c.width, WidthMaxEnforcer: wrapLines,
		}
	}
	writer.SetColumnConfigs(configs)
	pick := func(row []string) (cells table.Row) {
		for _, c := range columns {
			cells = append(cells, printableLines(row[c.index]))
		}
		return cells
	}
	if header != nil {
		writer.AppendHeader(pick(header))
	}
	for _, row := range rows {
		writer.AppendRow(pick(row))
	}
	return writer.Render() + "\n"
}

// trailingSpace is what WrapSoft leaves at a break.
var trailingSpace = regexp.MustCompile(`(?m) +$`)

// wrapLines wraps the lines of s between words. A word that is longer than width
// is broken. Nothing wraps if width is 0.
func wrapLines(s string, width int) string {
	if width == 0 {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = text.WrapSoft(line, width)
	}
	return trailingSpace.ReplaceAllString(strings.Join(lines, "\n"), "")
}

// markdownRow writes a row of a table.
func markdownRow(text *strings.Builder, cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell)
	}
	text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// significant formats x to four digits, or more before the point, without an
// exponent.
func significant(x float64) string {
	decimals := 0
	if x != 0 {
		decimals = 3 - int(math.Floor(math.Log10(math.Abs(x))))
	}
	return strconv.FormatFloat(x, 'f', min(max(decimals, 0), 9), 64)
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }
