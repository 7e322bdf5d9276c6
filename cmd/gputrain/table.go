package main

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// formatTable aligns rows under a header, whose cells may have two lines. The
// first left columns are flush left, the others flush right.
func formatTable(left int, header []string, rows [][]string) string {
	upper, lower := make([]string, len(header)), make([]string, len(header))
	for i, cell := range header {
		var two bool
		if upper[i], lower[i], two = strings.Cut(cell, "\n"); !two {
			upper[i], lower[i] = "", cell
		}
	}
	all := append([][]string{lower}, rows...)
	if strings.Join(upper, "") != "" {
		all = append([][]string{upper}, all...)
	}
	widths := make([]int, len(header))
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for _, row := range all {
		line := ""
		for i, cell := range row {
			if i > 0 {
				line += "  "
			}
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < left {
				line += cell + space
			} else {
				line += space + cell
			}
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
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
