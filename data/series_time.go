package data

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Spacing is how far apart the rows of a series are: Months of the calendar, or else
// Step. Step counts seconds if the times are dates, else it is between their numbers.
type Spacing struct {
	Step   float64 `json:"step,omitempty"`
	Months int     `json:"months,omitempty"`
	Dates  bool    `json:"dates,omitempty"`
}

// String says it in words: "a day", "3 months", or "0.5" of numbers.
func (s Spacing) String() string {
	if !s.Dates {
		return strconv.FormatFloat(s.Step, 'g', 9, 64)
	}
	for _, unit := range []struct {
		of, size  float64
		one, many string
	}{
		{float64(s.Months), 12, "a year", "years"}, {float64(s.Months), 1, "a month", "months"},
		{s.Step, 86400, "a day", "days"}, {s.Step, 3600, "an hour", "hours"}, {s.Step, 60, "a minute", "minutes"}, {s.Step, 1, "a second", "seconds"},
	} {
		switch n := unit.of / unit.size; {
		case n == 1:
			return unit.one
		case n > 1 && n == math.Trunc(n):
			return fmt.Sprintf("%.0f %s", n, unit.many)
		}
	}
	return strconv.FormatFloat(s.Step, 'g', 9, 64) + " seconds"
}

// numberLayout is the layout of times that are numbers.
const numberLayout = ""

// timeLayouts are the ways to write a time that are known, those of ISO 8601 first. A
// fraction may follow the seconds.
var timeLayouts = []string{
	"2006-01-02", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00",
	"2006-01-02T15:04:05-0700", "2006-01-02 15:04:05-0700", "2006-01-02 15:04:05 -0700",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15", "2006-01",
	"2006/1/2", "2006/1/2 15:04:05", "2006/1/2 15:04", "2006/01",
	"2.1.2006", "2.1.2006 15:04:05", "2.1.2006 15:04", "1.2006",
	"1/2/2006", "1/2/2006 15:04:05", "1/2/2006 15:04", "2/1/2006", "2/1/2006 15:04:05", "2/1/2006 15:04", "1/2006",
	"2-Jan-2006", "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006", "Jan-2006", "Jan 2006", "January 2006",
	"20060102T150405Z", "20060102T150405", compactDate, compactMonth,
	numberLayout,
}

// Dates of digits alone could be numbers of rows. They are dates in these years only.
const (
	compactDate, compactMonth = "20060102", "200601"
	firstYear, lastYear       = 1600, 2299
)

// timeReader reads a column of times, all written alike. More than one layout may fit
// them at first.
type timeReader struct {
	numbers  *numbers
	example  string
	readings []reading
}

// reading is the times as a layout reads them.
type reading struct {
	layout string
	times  []float64 // numbers, or microseconds since 1970 in UTC
	offset int       // of the first, in seconds east of UTC
	mixed  bool      // another one has another offset
}

// add reads the next time, which stands at line and column, from 0.
func (r *timeReader) add(field string, line, column int) error {
	field = strings.TrimSpace(field)
	if field == "" {
		return fmt.Errorf("no time; fill it in or remove the line")
	}
	first := r.readings == nil
	if first {
		for _, layout := range timeLayouts {
			r.readings = append(r.readings, reading{layout: layout})
		}
		r.example = strings.Clone(field)
	}
	kept := r.readings[:0]
	for _, reading := range r.readings {
		if reading.add(field, r.numbers, line, column) {
			kept = append(kept, reading)
		}
	}
	r.readings = kept
	switch {
	case len(kept) > 0:
		return nil
	case first:
		return fmt.Errorf("%s is no time; write a number, or a date such as 2006-01-31 or 2006-01-31 15:04:05", quote(field))
	}
	return fmt.Errorf("%s is not written like the times before it, such as %s", quote(field), quote(r.example))
}

// add reports whether field is a time of this layout, and keeps it.
func (r *reading) add(field string, n *numbers, line, column int) bool {
	if r.layout == numberLayout {
		x, err := n.parse(field, line, column)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
		r.times = append(r.times, x)
		return true
	}
	t, err := time.Parse(r.layout, field)
	if err != nil || (r.layout == compactDate || r.layout == compactMonth) && (t.Year() < firstYear || t.Year() > lastYear) {
		return false
	}
	_, offset := t.Zone()
	if len(r.times) == 0 {
		r.offset = offset
	}
	r.mixed = r.mixed || offset != r.offset
	r.times = append(r.times, float64(t.UnixMicro()))
	return true
}

// looksLikeTime reports whether a field is a time rather than the name of a column.
func looksLikeTime(field string, n numbers) bool {
	r := timeReader{numbers: &n}
	return r.add(field, 0, 0) == nil
}

const second = 1e6 // microseconds

// calendar counts in the times of a column.
type calendar struct {
	layout  string
	zone    *time.Location // of dates
	spacing Spacing
	decimal int // digits behind the point of numbers
}

// date returns a time, in the zone of the column.
func (c *calendar) date(t float64) time.Time {
	return time.UnixMicro(int64(t)).In(c.zone)
}

// after returns the time so many rows after start. day is that of the month at which the
// series has its rows, if the month has so many.
func (c *calendar) after(start float64, day, rows int) float64 {
	if c.spacing.Months == 0 {
		unit := 1.0
		if c.spacing.Dates {
			unit = second
		}
		return start + float64(rows)*c.spacing.Step*unit
	}
	first := c.date(start)
	month := time.Date(first.Year(), first.Month()+time.Month(rows*c.spacing.Months), 1, first.Hour(), first.Minute(), first.Second(), first.Nanosecond(), first.Location())
	return float64(month.AddDate(0, 0, min(day, monthLength(month))-1).UnixMicro())
}

func monthLength(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// format writes a time as the column does.
func (c *calendar) format(t float64) string {
	if c.layout != numberLayout {
		return c.date(t).Format(c.layout)
	}
	if c.decimal < 0 {
		return strconv.FormatFloat(t, 'g', -1, 64)
	}
	return strconv.FormatFloat(t, 'f', c.decimal, 64)
}

// decimals returns how many digits behind the point numbers need that are step apart, from
// start on; −1 if they need very many.
func decimals(start, step float64) int {
	const most = 9
	scale := 1.0
	for digits := range most + 1 {
		whole := func(x float64) bool { return math.Abs(x-math.Round(x)) <= 1e-6*step*scale }
		if whole(start*scale) && whole(step*scale) {
			return digits
		}
		scale *= 10
	}
	return -1
}

// timeRows are the rows of the series of a file, to check their times.
type timeRows struct {
	name   string
	column string // what messages call the column: "column 1" or so
	number int    // of the column, from 1
	series []Series
	order  []int // the rows of the file, one series after the other
	lines  []int // by row of the file
}

// understand finds the layout and the spacing of the times, and sets where each series
// begins.
func (r *timeReader) understand(rows timeRows) (*calendar, error) {
	type solution struct {
		times    []float64
		calendar *calendar
		starts   []Series
	}
	var solutions []solution
	var fault error
	for _, reading := range r.readings {
		series := slices.Clone(rows.series)
		c, err := reading.understand(rows, series)
		if err == nil {
			solutions = append(solutions, solution{reading.times, c, series})
		}
		fault = cmp.Or(fault, err)
	}
	if len(solutions) == 0 {
		return nil, fault
	}
	isNumber := func(s solution) bool { return s.calendar.layout == numberLayout }
	if len(solutions) > 1 && !isNumber(solutions[0]) && !isNumber(solutions[1]) && !slices.Equal(solutions[0].times, solutions[1].times) {
		return nil, fmt.Errorf("%s: %s: %s can be %s or %s; write dates as 2006-01-31", rows.name, rows.column, quote(r.example),
			solutions[0].calendar.date(solutions[0].starts[0].start).Format("2 January 2006"), solutions[1].calendar.date(solutions[1].starts[0].start).Format("2 January 2006"))
	}
	copy(rows.series, solutions[0].starts)
	return solutions[0].calendar, nil
}

// understand is that of timeReader, for one way to read the times.
func (r *reading) understand(rows timeRows, series []Series) (*calendar, error) {
	c := &calendar{layout: r.layout, zone: time.UTC}
	c.spacing.Dates = r.layout != numberLayout
	if c.spacing.Dates && !r.mixed && r.offset != 0 {
		c.zone = time.FixedZone("", r.offset)
	}
	var steps []float64
	for i := range series {
		s := &series[i]
		s.start = r.times[rows.order[s.First]]
		for row := s.First + 1; row < s.First+s.all(); row++ {
			step := r.times[rows.order[row]] - r.times[rows.order[row-1]]
			if step <= 0 {
				return nil, r.disorder(c, rows, s, row)
			}
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("%s: no series has two rows, so how far apart they are is not known", rows.name)
	}
	slices.Sort(steps)
	c.spacing.Step = steps[len(steps)/2]
	if c.spacing.Dates {
		c.spacing.Step /= second
		c.spacing.Months = r.months(c, rows, series)
	}
	if c.spacing.Months > 0 {
		c.spacing.Step = 0
	}
	if c.decimal = -1; !c.spacing.Dates {
		c.decimal = decimals(series[0].start, c.spacing.Step)
	}
	return c, r.gaps(c, rows, series)
}

// months returns how many months of the calendar are between the rows, and sets at which
// day of a month each series has them: the last one of each may be earlier. It is 0 if
// the rows do not keep to a day and a time.
func (r *reading) months(c *calendar, rows timeRows, series []Series) int {
	const shortest = 28 * 86400
	if c.spacing.Step < shortest {
		return 0
	}
	var months []int
	for i := range series {
		s := &series[i]
		first := c.date(s.start)
		before := first
		for row := s.First; row < s.First+s.all(); row++ {
			t := c.date(r.times[rows.order[row]])
			if s.day = max(s.day, t.Day()); timeOfDay(t) != timeOfDay(first) {
				return 0
			}
			if row > s.First {
				months = append(months, 12*(t.Year()-before.Year())+int(t.Month()-before.Month()))
			}
			before = t
		}
		for row := s.First; row < s.First+s.all(); row++ {
			if t := c.date(r.times[rows.order[row]]); t.Day() != min(s.day, monthLength(t)) {
				return 0
			}
		}
	}
	slices.Sort(months)
	return months[len(months)/2]
}

func timeOfDay(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
}

// disorder is the error of a row that is not after the one before it.
func (r *reading) disorder(c *calendar, rows timeRows, s *Series, row int) error {
	c.decimal = -1
	now, before := rows.order[row], rows.order[row-1]
	what, remedy := "is not after", "sort the rows by time"
	if r.times[now] == r.times[before] {
		what, remedy = "is there again after", "remove one of the two, or name the column that tells several series apart"
		if s.ID != "" {
			remedy = "remove one of the two"
		}
	}
	return fmt.Errorf("%s: %s%s %s %s in line %d; %s", rows.place(now), s.in(), c.format(r.times[now]), what, c.format(r.times[before]), rows.lines[before], remedy)
}

// gaps returns an error if the rows are not equally spaced.
func (r *reading) gaps(c *calendar, rows timeRows, series []Series) error {
	var first string
	gaps, missing := 0, 0
	for i := range series {
		s := &series[i]
		for row := s.First + 1; row < s.First+s.all(); row++ {
			now, before := rows.order[row], rows.order[row-1]
			left := c.rowsBetween(r.times[before], r.times[now], s.day)
			if left == 0 {
				continue
			}
			if gaps++; left > 0 && missing < math.MaxInt-left {
				missing += left
			}
			if first == "" {
				what := "no whole number of rows is between"
				if left > 0 {
					what = fmt.Sprintf("%d missing between", left)
				}
				first = fmt.Sprintf("%s: %s%s follows %s in line %d, but the rows are %v apart: %s", rows.place(now), s.in(), c.format(r.times[now]), c.format(r.times[before]), rows.lines[before], c.spacing, what)
			}
		}
	}
	if gaps == 0 {
		return nil
	}
	all := ""
	if gaps > 1 {
		all = fmt.Sprintf(" (in all %d such places, %d rows missing)", gaps, missing)
	}
	return fmt.Errorf("%s%s; fill the rows in, or let what follows be a series of its own by its id", first, all)
}

// rowsBetween returns how many rows are missing between two times, 0 if they are of
// neighbours; −1 if it is no whole number.
func (c *calendar) rowsBetween(before, now float64, day int) int {
	var rows float64
	if c.spacing.Months > 0 {
		a, b := c.date(before), c.date(now)
		rows = float64(12*(b.Year()-a.Year())+int(b.Month()-a.Month())) / float64(c.spacing.Months)
	} else {
		rows = (now - before) / (c.after(0, 0, 1))
	}
	whole := math.Round(rows)
	near := 1e-6 + 4*(math.Nextafter(math.Abs(now), math.Inf(1))-math.Abs(now))/c.unit()
	if whole < 1 || whole > 1<<40 || math.Abs(rows-whole) > near*whole {
		return -1
	}
	return int(whole) - 1
}

// unit returns about how far apart two rows are.
func (c *calendar) unit() float64 {
	if c.spacing.Months > 0 {
		return float64(c.spacing.Months) * 28 * 86400 * second
	}
	return c.after(0, 0, 1)
}

func (r *timeRows) place(row int) string {
	return fmt.Sprintf("%s:%d:%d: %s", r.name, r.lines[row], r.number, r.column)
}
