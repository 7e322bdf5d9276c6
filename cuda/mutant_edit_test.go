package cuda_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// edit changes the lines of a kernel, in which white space is one blank. It fails
// if the lines are not those that it was made for.
type edit func(lines []string) error

// mutate returns the module with the named kernel changed.
func mutate(ptx, kernel string, e edit) (string, error) {
	before, rest, found := strings.Cut(ptx, ".entry "+kernel+"(")
	body, after, closed := strings.Cut(rest, "\n}\n")
	if !found || !closed {
		return "", errors.New("there is no such kernel")
	}
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	err := e(lines)
	return before + ".entry " + kernel + "(" + strings.Join(lines, "\n") + "\n}\n" + after, err
}

// replaced puts text in place of line nth, from 0, of the lines that match the
// pattern. There must be count of them. $1 in text is the first group of the
// pattern.
func replaced(pattern string, count, nth int, text string) edit {
	return func(lines []string) error {
		re, at, err := matching(lines, pattern, count)
		if err == nil {
			lines[at[nth]] = re.ReplaceAllString(lines[at[nth]], text)
		}
		return err
	}
}

// both makes one edit and then another.
func both(first, second edit) edit {
	return func(lines []string) error {
		if err := first(lines); err != nil {
			return err
		}
		return second(lines)
	}
}

// dropped leaves out a line.
func dropped(pattern string, count, nth int) edit { return replaced(pattern, count, nth, "") }

// swapped exchanges the first groups of two lines that match the pattern.
func swapped(pattern string, count, i, j int) edit {
	return func(lines []string) error {
		re, at, err := matching(lines, pattern, count)
		if err != nil {
			return err
		}
		group := func(line string) []int { return re.FindStringSubmatchIndex(line)[2:4] }
		a, b := lines[at[i]], lines[at[j]]
		ga, gb := group(a), group(b)
		lines[at[i]] = a[:ga[0]] + b[gb[0]:gb[1]] + a[ga[1]:]
		lines[at[j]] = b[:gb[0]] + a[ga[0]:ga[1]] + b[gb[1]:]
		return nil
	}
}

// matching finds the lines that the whole pattern matches, which must be count.
func matching(lines []string, pattern string, count int) (re *regexp.Regexp, at []int, err error) {
	re = regexp.MustCompile("^(?:" + pattern + ")$")
	for i, line := range lines {
		if re.MatchString(line) {
			at = append(at, i)
		}
	}
	if len(at) != count {
		err = fmt.Errorf("%d lines match %s, want %d", len(at), pattern, count)
	}
	return re, at, err
}
