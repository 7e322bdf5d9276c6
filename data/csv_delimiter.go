package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
)

// delimiters may separate the fields of a file.
var delimiters = []struct {
	char rune
	name string
}{{',', "commas"}, {';', "semicolons"}, {'\t', "tabs"}}

func delimiterName(char rune) string {
	for _, d := range delimiters {
		if d.char == char {
			return d.name
		}
	}
	return string(char)
}

// findDelimiter returns what separates the fields of a file that begins with
// start. It is the only candidate in the first record, or else in the second. Of
// several, as in "1,5;2,5;rose", it is the one that leaves the fewest fields
// that are no numbers, but not more than one: the class.
func findDelimiter(start []byte) (rune, error) {
	several := false
	for record := range 2 {
		var present, best []rune
		least := 1
		for _, d := range delimiters {
			fields := recordAt(start, d.char, record)
			if len(fields) < 2 {
				continue
			}
			present = append(present, d.char)
			texts := numbers{commas: d.char != ','}.countTexts(fields)
			if texts < least {
				best, least = nil, texts
			}
			if texts == least {
				best = append(best, d.char)
			}
		}
		switch {
		case len(present) == 1:
			return present[0], nil
		case len(best) == 1:
			return best[0], nil
		}
		several = several || len(present) > 1
	}
	if several {
		return 0, errors.New("several of comma, semicolon and tab may separate the fields; put names and classes that hold one in quotes, and write numbers with decimal points")
	}
	return ',', nil
}

// recordAt returns the fields of a record that is not blank, counted from 0; nil
// if there is none.
func recordAt(start []byte, delimiter rune, index int) []string {
	r := csv.NewReader(bytes.NewReader(start))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = delimiter, -1, true
	for {
		fields, err := r.Read()
		if err != nil {
			return nil
		}
		if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" {
			continue
		}
		if index--; index < 0 {
			return fields
		}
	}
}
