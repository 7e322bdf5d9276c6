package data

import (
	"bytes"
	_ "embed"
	"slices"
	"sync"
)

//go:embed digits.csv.gz
var digits []byte

// Digits returns 1,797 handwritten digits as sequences: the 8 rows of a picture
// are the time steps, the 8 pixels of a row, 0..16, the features. The classes
// are "0" to "9".
//
// Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits,
// UCI Machine Learning Repository, 1998, its test set, CC BY 4.0, in the copy
// that scikit-learn carries.
func Digits() *Dataset {
	d := *readDigits()
	d.X, d.Labels, d.Classes = slices.Clone(d.X), slices.Clone(d.Labels), slices.Clone(d.Classes)
	return &d
}

var readDigits = sync.OnceValue(func() *Dataset {
	table, err := ReadCSV(bytes.NewReader(digits), "digits.csv.gz", CSVOptions{Target: "65"})
	if err != nil {
		panic(err) // the file is part of the program
	}
	rows, err := table.Dataset(Range(0, 1))
	if err != nil {
		panic(err)
	}
	d, err := rows.WithSteps(8)
	if err != nil {
		panic(err)
	}
	return d
})
