package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// counted returns classes with as many samples in each part.
func counted(samples int, names ...string) classCounts {
	c := classCounts{names: names}
	for _, part := range []string{"training set", "test set"} {
		c.parts = append(c.parts, partCounts{part, slices.Repeat([]int{samples}, len(names))})
	}
	return c
}

// numbers returns count numbers from the first, by step.
func numbers(count int, first, step float64) []string {
	var names []string
	for i := range count {
		names = append(names, strconv.FormatFloat(first+step*float64(i), 'g', -1, 64))
	}
	return names
}

func TestClassWarnings(t *testing.T) {
	rare := counted(3, "cat", "dog", "eel")
	rare.parts[0].samples = []int{3, 1, 0}
	rare.parts[1].samples = []int{3, 0, 2}
	many := counted(1, numbers(2000, 0, 1)...)
	many.parts[1].samples = make([]int, 2000)

	for _, c := range []struct {
		name    string
		classes classCounts
		want    []string // a part of each warning
	}{
		{"good", counted(5, "iris", "lily", "rose"), nil},
		{"digits", counted(5, numbers(10, 0, 1)...), nil},
		{"negative and positive", counted(5, "-1", "1"), nil},
		{"grades", counted(5, numbers(5, 1, 0.5)...), nil},

		{"1 and 1.0", counted(5, "1", "1.0", "2"), []string{"1 and 1.0 differ only in"}},
		{"decimal comma", counted(5, "1", "1,0", "2"), []string{"1 and 1,0 differ only in"}},
		{"0 and -0", counted(5, "-0", "0", "1"), []string{"-0 and 0 differ"}},
		{"codes", counted(5, "007", "7", "x"), []string{"007 and 7 differ"}},
		{"case", counted(5, "Neg", "Pos", "neg", "pos", "POS"), []string{"Neg and neg, Pos and pos and POS differ"}},
		{"spaces", counted(5, "New York", "New  York", "New\u00a0York", "NewYork"), []string{`New York and New  York and New\u00a0York and NewYork differ`}},
		{"Unicode", counted(5, "caf\u00e9", "cafe\u0301", "cafe"), []string{"caf\u00e9 and cafe\u0301 differ"}},
		{"zero width", counted(5, "a\u200bb", "ab"), []string{`a\u200bb and ab differ`}},
		{"signs that matter", counted(5, "+", "-x", "x", "x+"), nil},

		{"missing", counted(5, "NaN", "no", "yes"), []string{"NaN may stand for a missing value"}},
		{"several missing", counted(5, "?", "N/A", "null", "yes"), []string{"?, N/A, null may stand for a missing value"}},
		{"infinite", counted(5, "-Infinity", "inf", "x"), []string{"-Infinity, inf may stand"}},
		{"missing, written in two ways", counted(5, "NaN", "nan", "x"), []string{"NaN and nan differ", "NaN, nan may stand"}},

		{"rare", rare, []string{"1 class of a single sample: dog", "the training set lacks 1 class: eel", "the test set lacks 1 class: dog"}},
		{"rare and many", many, []string{"2000 numbers from 0 to 1999; if they are a quantity", "2000 classes of a single sample: 0, 1, 2, 3, 4 and 1995 more", "the test set lacks 2000 classes"}},

		{"prices", counted(500, numbers(100, 9.5, 0.25)...), []string{"the classes are 100 numbers from 9.5 to 34.25; if they are a quantity: group the values into ranges"}},
		{"prices with a comma", counted(500, strings.Fields(strings.ReplaceAll(strings.Join(numbers(100, 9.5, 0.25), " "), ".", ","))...), []string{"100 numbers from 9.5 to 34.25"}},
		{"years", counted(500, numbers(60, 1950, 1)...), []string{"60 numbers from 1950 to 2009"}},
		{"counts with gaps", counted(500, numbers(60, 0, 3)...), []string{"60 numbers from 0 to 177"}},
		{"few samples each", counted(2, numbers(60, 0, 1)...), []string{"60 numbers from 0 to 59"}},
		{"numbered classes", counted(100, numbers(1000, 0, 1)...), nil},
		{"classes numbered from 1", counted(100, numbers(1000, 1, 1)...), nil},
		{"names among numbers", counted(500, append(numbers(100, 9.5, 0.25), "none of these")...), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := classWarnings(c.classes)
			ok := len(got) == len(c.want)
			for i := range min(len(got), len(c.want)) {
				ok = ok && strings.Contains(got[i], c.want[i]) && !strings.Contains(got[i], "\n")
			}
			if !ok {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
		})
	}
}

func TestCheckClasses(t *testing.T) {
	for _, c := range []struct {
		name, target string
		classes      []string
		samples      int
		want         string // "" is no error
	}{
		{"two classes", "kind", []string{"a", "b"}, 4, ""},
		{"one class", "kind", []string{"a"}, 4, `x.csv: all 4 samples have the class "a": nothing to learn; did you mean another --target?`},
		{"one class of images", "", []string{"7"}, 4, `x.csv: all 4 samples have the class "7": nothing to learn`},
		{"too many", "kind", []string{"a", "b", "c"}, 5, `x.csv: the column "kind" of --target has 3 different values in 5 samples, too many for classes; ` + noQuantity},
		{"too many of images", "", []string{"a", "b", "c"}, 5, `x.csv: the labels have 3 different values in 5 samples, too many for classes; ` + noQuantity},
	} {
		err := checkClasses("x.csv", c.target, c.classes, c.samples)
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestDifferenceOfClasses(t *testing.T) {
	for _, c := range []struct {
		ofData, ofModel []string
		want            string
	}{
		{[]string{"a", "b"}, []string{"b", "a"}, ""},
		{[]string{"a", "b"}, []string{"b"}, "; the data alone have a"},
		{[]string{"a"}, []string{"b", "c"}, "; the data alone have a; the model alone has b, c"},
	} {
		if got := difference(c.ofData, c.ofModel); got != c.want {
			t.Errorf("%q and %q: got %q, want %q", c.ofData, c.ofModel, got, c.want)
		}
	}
}
