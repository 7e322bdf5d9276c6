package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"gputrain/data"
)

// classCounts is the classes of a data set and the samples of each in its parts.
type classCounts struct {
	names []string
	parts []partCounts
}

type partCounts struct {
	name    string // such as "test set"
	samples []int  // by class
}

// total returns the samples of each class in all parts.
func (c classCounts) total() []int {
	total := make([]int, len(c.names))
	for _, part := range c.parts {
		for class, n := range part.samples {
			total[class] += n
		}
	}
	return total
}

// count returns the samples of each class of set.
func count(set *data.Dataset) []int {
	return set.Counts()
}

// checkClasses says why no network can learn the classes of a source. target is the
// column that they are from; "" if the source has no columns.
func checkClasses(name, target string, names []string, samples int) error {
	column, other := "the labels have", ""
	if target != "" {
		column, other = fmt.Sprintf("the column %q of --target has", target), "; did you mean another --target?"
	}
	classes := len(names)
	switch {
	case classes == 1:
		return fmt.Errorf("%s: all %d samples have the class %q: nothing to learn%s", name, samples, shortName(names[0]), other)
	case 2*classes > samples:
		return fmt.Errorf("%s: %s %d different values in %d samples, too many for classes; %s", name, column, classes, samples, noQuantity)
	}
	return nil
}

// noQuantity is the way out of a target that is a quantity.
const noQuantity = "group the values into ranges, or, of a CSV file, learn them with --task regress"

// classWarnings returns what is doubtful about classes, one line each.
func classWarnings(c classCounts) []string {
	var warnings []string
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }

	total := c.total()
	if low, high, quantity := looksLikeQuantity(c.names, total); quantity {
		warn("the classes are %d numbers from %v to %v; if they are a quantity: %s", len(c.names), low, high, noQuantity)
	}
	if twins := spelledTwice(c.names); len(twins) > 0 {
		warn("%s differ only in case, spaces or the way a number is written; if they are the same class, write them alike", some(twins))
	}
	var missing, single []string
	for class, name := range c.names {
		if meansMissing(name) {
			missing = append(missing, shortName(name))
		}
		if total[class] == 1 {
			single = append(single, shortName(name))
		}
	}
	if len(missing) > 0 {
		warn("%s may stand for a missing value, but is learned as a class: if so, remove its lines", some(missing))
	}
	if len(single) > 0 {
		warn("%s of a single sample: %s", plural(len(single), "class", "classes"), some(single))
	}
	for _, part := range c.parts {
		var absent []string
		for class, n := range part.samples {
			if n == 0 {
				absent = append(absent, shortName(c.names[class]))
			}
		}
		if len(absent) > 0 {
			warn("the %s lacks %s: %s", part.name, plural(len(absent), "class", "classes"), some(absent))
		}
	}
	return warnings
}

// looksLikeQuantity reports whether the names of classes are rather the values of a
// quantity, and their range. That is so if all are numbers and there are
//   - more than 10, and not all of them whole; or
//   - more than 50, unless they are all whole numbers from 0 or 1 on, without a gap, as
//     numbered classes are; or
//   - more than 50, which are more than a fifth of the samples.
func looksLikeQuantity(names []string, samples []int) (low, high float64, quantity bool) {
	low, high = math.Inf(1), math.Inf(-1)
	whole, all := true, 0
	for class, name := range names {
		x, err := parseClass(name)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return 0, 0, false
		}
		low, high = min(low, x), max(high, x)
		whole = whole && x == math.Trunc(x)
		all += samples[class]
	}
	n := len(names)
	numbered := whole && (low == 0 || low == 1) && high-low < float64(n)
	return low, high, n > 10 && !whole || n > 50 && (!numbered || 5*n > all)
}

// parseClass reads the name of a class as a number, with a point or a decimal comma.
func parseClass(name string) (float64, error) {
	return strconv.ParseFloat(strings.Replace(name, ",", ".", 1), 64)
}

// spelledTwice returns the names that differ from another one only in the case of
// letters, in spaces, in the way a number is written, or in the way Unicode spells
// the same text. Those that are alike stand together.
func spelledTwice(names []string) []string {
	alike := map[string][]string{}
	var keys []string
	for _, name := range names {
		key := spelling(name)
		if alike[key] = append(alike[key], shortName(name)); len(alike[key]) == 2 {
			keys = append(keys, key)
		}
	}
	var twins []string
	for _, key := range keys {
		twins = append(twins, strings.Join(alike[key], " and "))
	}
	return twins
}

// spelling returns a text that is the same for all names that one could take for
// each other.
func spelling(name string) string {
	if x, err := parseClass(name); err == nil {
		return strconv.FormatFloat(x+0, 'g', -1, 64) // −0 + 0 is 0
	}
	visible := func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}
	return strings.ToLower(strings.Map(visible, norm.NFKC.String(name)))
}

// meansMissing reports whether programs write name where there is no value.
func meansMissing(name string) bool {
	words := []string{"nan", "na", "n/a", "#n/a", "<na>", "null", "nil", "none", "missing", "?", "-",
		"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
	return slices.Contains(words, strings.ToLower(strings.TrimSpace(name)))
}

// otherClasses is why data with these classes are not for the model.
func (d *description) otherClasses(ofData []string) error {
	return fmt.Errorf("the classes of the data, %d, are not those of the model, %d%s", len(ofData), len(d.Classes), difference(ofData, d.Classes))
}

// difference says which classes are among those of the data or those of a model only,
// as the end of an error.
func difference(ofData, ofModel []string) string {
	text := ""
	for _, c := range []struct {
		these, those []string
		who          string
	}{{ofData, ofModel, "the data alone have"}, {ofModel, ofData, "the model alone has"}} {
		known := map[string]bool{}
		for _, name := range c.those {
			known[name] = true
		}
		var only []string
		for _, name := range c.these {
			if !known[name] {
				only = append(only, shortName(name))
			}
		}
		if len(only) > 0 {
			text += "; " + c.who + " " + some(only)
		}
	}
	return text
}
