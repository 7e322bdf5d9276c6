package data

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// numbers reads the numbers of a file. With commas, they may have a decimal
// comma instead of the point, but a file keeps to one of them.
type numbers struct {
	commas bool

	comma, point string // "line:column" of the first number with each; "" without
	decimal      bool   // some comma cannot be one between thousands
}

var (
	decimalComma = regexp.MustCompile(`^[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?$`)
	thousands    = regexp.MustCompile(`^[+-]?[1-9]\d{0,2},\d{3}$`)
	adorned      = regexp.MustCompile(`^[^\d\pL]*\d[\d.,'’\s\p{Zs}]*[^\d\pL]*$`) // $1,000.00 or 5 %
)

// parseNumber reads a decimal number, NaN or infinity. The errors are those of
// strconv.ParseFloat, which would also take 0x1p-2 and 12_34: no table means a
// number by that. A number so small that it would become 0 is out of range, too.
func parseNumber(field string) (float64, error) {
	x, err := strconv.ParseFloat(field, 64)
	switch {
	case err != nil:
		return x, err
	case strings.ContainsAny(field, "_xX"):
		return 0, strconv.ErrSyntax
	case x == 0 && strings.ContainsAny(mantissa(field), "123456789"):
		return 0, strconv.ErrRange
	}
	return x, nil
}

func mantissa(number string) string {
	before, _, _ := strings.Cut(strings.ToLower(number), "e")
	return before
}

// parse returns the value of field, which stands at line and column, from 0. The
// errors are those of strconv.ParseFloat.
func (n *numbers) parse(field string, line, column int) (float64, error) {
	x, err := parseNumber(field)
	if !n.commas {
		return x, err
	}
	switch {
	case err == nil && n.point == "" && strings.Contains(field, "."):
		n.point = fmt.Sprintf("%d:%d", line, column+1)
	case err != nil && decimalComma.MatchString(field):
		if n.comma == "" {
			n.comma = fmt.Sprintf("%d:%d", line, column+1)
		}
		n.decimal = n.decimal || !thousands.MatchString(field)
		return parseNumber(strings.Replace(field, ",", ".", 1))
	}
	return x, err
}

// isText reports whether field is neither a number nor empty.
func (n numbers) isText(field string) bool {
	return isText(field) && !(n.commas && decimalComma.MatchString(strings.TrimSpace(field)))
}

func (n numbers) countTexts(fields []string) int {
	texts := 0
	for _, field := range fields {
		if n.isText(field) {
			texts++
		}
	}
	return texts
}

// remedy says what to do about a field that is not a number.
func (n numbers) remedy(field string) string {
	switch {
	case thousands.MatchString(field):
		return "write it without the mark of thousands, or with a decimal point"
	case decimalComma.MatchString(field):
		return "write a decimal point, or separate the fields by semicolons"
	case adorned.MatchString(field):
		return "write the number alone, without units, signs of currency and marks of thousands"
	}
	return "only the target and categories may be text: correct it or remove the line or column"
}

// finish returns a note about decimal commas, if there are any. Its error begins
// with the place.
func (n numbers) finish() (notes []string, err error) {
	switch {
	case n.comma == "":
		return nil, nil
	case n.point != "":
		return nil, fmt.Errorf("%s: a decimal comma, but a decimal point at %s; write all numbers with points", n.comma, n.point)
	case !n.decimal:
		return nil, fmt.Errorf("%s: commas before three digits only, and no telling whether they are decimal; write numbers with points, and without marks of thousands", n.comma)
	}
	return []string{"numbers are written with a decimal comma"}, nil
}

// isText reports whether field is neither a number nor empty.
func isText(field string) bool {
	field = strings.TrimSpace(field)
	_, err := parseNumber(field)
	return field != "" && err != nil && !errors.Is(err, strconv.ErrRange)
}

// inexact counts the integers of a column that a float64 cannot hold.
type inexact struct {
	count int
	line  int    // of the first
	first string // its text
}

func (i inexact) add(field string, line int) inexact {
	if i.count == 0 {
		i.line, i.first = line, strings.Clone(field)
	}
	i.count++
	return i
}

func (i inexact) String() string {
	return fmt.Sprintf("integers with more digits than float64 keeps: %d, the first is %s in line %d; subtract a constant, or leave the column out if it holds identifiers", i.count, i.first, i.line)
}

// losesDigits reports whether field is an integer that is not quite x, its value
// in float64.
func losesDigits(field string, x float64) bool {
	if math.Abs(x) < 1<<53 {
		return false
	}
	written, isInteger := new(big.Int).SetString(field, 10)
	if !isInteger {
		return false
	}
	kept, _ := big.NewFloat(x).Int(nil)
	return kept.Cmp(written) != 0
}
