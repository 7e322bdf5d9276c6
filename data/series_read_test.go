package data

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// readSeriesText reads series from the lines of a CSV file.
func readSeriesText(text string, o SeriesOptions) (*SeriesTable, error) {
	return ReadSeries(strings.NewReader(text), "x.csv", o)
}

// timed returns a file of a column of times and one of numbers.
func timed(times ...string) string {
	text := "when,y\n"
	for i, t := range times {
		text += fmt.Sprintf("%q,%d\n", t, i)
	}
	return text
}

func TestTimesAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		times   []string
		spacing string
		next    []string // the times of the rows behind the end
	}{
		{[]string{"1700", "1701", "1702"}, "1", []string{"1703", "1704"}},
		{[]string{"0.1", "0.2", "0.30000000000000004"}, "0.1", []string{"0.4", "0.5"}},
		{[]string{"-2.5", "0", "2.5"}, "2.5", []string{"5.0", "7.5"}},
		{[]string{"1700000000", "1700000900"}, "900", []string{"1700001800"}},
		{[]string{"20240228", "20240229"}, "a day", []string{"20240301"}},
		{[]string{"202311", "202312"}, "a month", []string{"202401"}},
		{[]string{"20231130", "20240531"}, "6 months", []string{"20241130"}},
		{[]string{"10000131", "10000132"}, "1", []string{"10000133"}}, // no dates
		{[]string{"2024-02-28", "2024-02-29", "2024-03-01"}, "a day", []string{"2024-03-02"}},
		{[]string{"2024-01-01", "2024-01-08"}, "7 days", []string{"2024-01-15"}},
		{[]string{"1949-01", "1949-02", "1949-03"}, "a month", []string{"1949-04"}},
		{[]string{"2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29"}, "a month", []string{"2024-03-31", "2024-04-30"}},
		{[]string{"2024-01-30", "2024-02-29", "2024-03-30"}, "a month", []string{"2024-04-30", "2024-05-30"}},
		{[]string{"2023-03-31", "2023-06-30", "2023-09-30"}, "3 months", []string{"2023-12-31"}},
		{[]string{"2020-01-01", "2021-01-01", "2022-01-01"}, "a year", []string{"2023-01-01", "2024-01-01", "2025-01-01"}},
		{[]string{"0990-01-01", "1000-01-01", "1010-01-01"}, "10 years", []string{"1020-01-01"}},
		{[]string{"2024-01-01T00:00:00Z", "2024-01-01T00:15:00Z"}, "15 minutes", []string{"2024-01-01T00:30:00Z"}},
		{[]string{"2024-01-01 22:00:00+02:00", "2024-01-01 23:00:00+02:00"}, "an hour", []string{"2024-01-02 00:00:00+02:00"}},
		{[]string{"2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"}, "an hour", []string{"2024-03-31T02:00:00Z"}}, // the clocks went forward
		{[]string{"2024-01-01 00:00:00.5", "2024-01-01 00:00:01"}, "0.5 seconds", nil},
		{[]string{"2024-01-01 12:00", "2024-01-01 12:01"}, "a minute", []string{"2024-01-01 12:02"}},
		{[]string{"28/02/2023", "01/03/2023", "02/03/2023"}, "a day", []string{"3/3/2023"}},
		{[]string{"1/12/2023", "1/13/2023"}, "a day", []string{"1/14/2023"}},
		{[]string{"31.12.2023", "1.1.2024"}, "a day", []string{"2.1.2024"}},
		{[]string{"Jan 2024", "Feb 2024"}, "a month", []string{"Mar 2024"}},
		{[]string{"May 1, 2024", "May 2, 2024"}, "a day", []string{"May 3, 2024"}}, // as Jan or January
	} {
		s, err := readSeriesText(timed(c.times...), SeriesOptions{Targets: []string{"y"}, Time: "when"})
		if err != nil {
			t.Errorf("%q: %v", c.times, err)
			continue
		}
		if got := s.Spacing.String(); got != c.spacing {
			t.Errorf("%q are %s apart, want %s", c.times, got, c.spacing)
		}
		for i, want := range c.next {
			if got := s.Time(0, len(c.times)+i); got != want {
				t.Errorf("%q goes on with %s, want %s", c.times, got, want)
			}
		}
	}
}

func TestTimesAreRefused(t *testing.T) {
	for _, c := range []struct {
		times []string
		want  string
	}{
		{[]string{"1", "3", "2"}, `x.csv:4:1: column "when": 2 is not after 3 in line 3; sort the rows by time`},
		{[]string{"2024-01-01", "2024-01-02", "2024-01-02"}, `x.csv:4:1: column "when": 2024-01-02 is there again after 2024-01-02 in line 3; remove one of the two`},
		{[]string{"1700", "1701", "1702", "1706", "1707", "1709"}, `x.csv:5:1: column "when": 1706 follows 1702 in line 4, but the rows are 1 apart: 3 missing between (in all 2 such places, 4 rows missing); fill`},
		{[]string{"2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"}, `x.csv:4:1: column "when": 2024-01-04 follows 2024-01-02 in line 3, but the rows are a day apart: 1 missing between; fill`},
		{[]string{"2024-01", "2024-02", "2024-05", "2024-06"}, `2024-05 follows 2024-02 in line 3, but the rows are a month apart: 2 missing between`},
		{[]string{"2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 01:30", "2024-01-01 02:30", "2024-01-01 03:30"}, `2024-01-01 01:30 follows 2024-01-01 01:00 in line 3, but the rows are an hour apart: no whole number of rows is between`},
		{[]string{"2024-01-01", ""}, `x.csv:3:1: column "when": no time; fill it in`},
		{[]string{"2024-01-01", "2024-02-30"}, `x.csv:3:1: column "when": "2024-02-30" is not written like the times before it, such as "2024-01-01"`},
		{[]string{"noon"}, `x.csv:2:1: column "when": "noon" is no time; write a number, or a date such as 2006-01-31`},
		{[]string{"1", "NaN"}, `"NaN" is not written like`},
		{[]string{"1", "1e999"}, `"1e999" is not written like`},
		{[]string{"2024-01-01"}, `x.csv: no series has two rows`},
		{[]string{"01/02/2024", "02/02/2024"}, `x.csv: column "when": "01/02/2024" can be 2 January 2024 or 1 February 2024; write dates as 2006-01-31`},
		{[]string{"1e-300", "2e300", "1e308"}, `follows`},
	} {
		_, err := readSeriesText(timed(c.times...), SeriesOptions{Targets: []string{"y"}, Time: "when"})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %s", c.times, err, c.want)
		}
	}
}

const twoSeries = "id,when,y,z,known\n" +
	"b,1,10,1,0\n" + "a,1,20,2,0\n" + "b,2,11,3,1\n" + "a,2,21,4,1\n" + "b,3,12,5,0\n" + "b,4,,,1\n"

func TestSeriesOfAFileAreToldApart(t *testing.T) {
	s, err := readSeriesText(twoSeries, SeriesOptions{Targets: []string{"y"}, Time: "when", ID: "id", Known: []string{"known"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Series{{ID: "b", First: 0, Rows: 3, Future: 1, start: 1}, {ID: "a", First: 4, Rows: 2, start: 1}}
	if !slices.Equal(s.Series, want) {
		t.Errorf("the series are %+v, want %+v", s.Series, want)
	}
	y := make([]float64, s.Table.Len())
	for row := range y {
		y[row] = s.Target(row, 0)
	}
	if !slices.Equal(s.Features, []string{"z"}) || s.Table.Width != 3 || s.Width() != 4 || fmt.Sprint(y) != "[10 11 12 NaN 20 21]" {
		t.Errorf("features %q, width %d and %d, targets %v", s.Features, s.Table.Width, s.Width(), y)
	}
}

func TestColumnsOfSeriesAreFound(t *testing.T) {
	for _, c := range []struct {
		text    string
		options SeriesOptions
		want    string // of an error; else the targets, the features and the known columns
	}{
		{"y\n1\n2\n", SeriesOptions{Targets: []string{"y"}}, "[y] [] []"},
		{"1\n2\n3\n", SeriesOptions{Targets: []string{"1"}}, "[1] [] []"},
		{"1;2,5\n2;3,5\n", SeriesOptions{Targets: []string{"2"}, Time: "1"}, "[2] [] []"},
		{"a,b,c\n1,2,3\n", SeriesOptions{Targets: []string{"c", "a"}}, "[c a] [b] []"},
		{"a,b,c\n1,2,3\n", SeriesOptions{Targets: []string{"c"}, Ignore: []string{"a"}}, "[c] [b] []"},
		{"a,b,c\n1,2,3\n", SeriesOptions{Targets: []string{"c"}, Features: []string{}}, "[c] [] []"},
		{"a,b,c\n1,x,3\n", SeriesOptions{Targets: []string{"c"}, Known: []string{"a"}, Features: []string{}}, "[c] [] [a]"},
		{"a,b\n1,2\n", SeriesOptions{Targets: []string{"B"}}, `x.csv:1: the first line names no column "B", the nearest is "b"`},
		{"a,b\n1,2\n", SeriesOptions{Targets: []string{"b"}, Time: "b"}, `x.csv:1: column "b" is named twice: as the time, and as a target`},
		{"a,b,b\n1,2,3\n", SeriesOptions{Targets: []string{"b"}}, `x.csv:1: columns 2 and 3 are both called "b"`},
		{"1,2\n3,4\n", SeriesOptions{Targets: []string{"y"}}, `x.csv:1: no header names a column "y"; give its number, 1 to 2`},
		{"2024-01-01,5\n2024-01-02,6\n", SeriesOptions{Targets: []string{"2"}, Time: "1"}, `x.csv:1: the first line holds "5", which looks like data`},
		{"2024-01-01,y\n2024-01-02,6\n", SeriesOptions{Targets: []string{"y"}, Time: "1"}, `x.csv:1: the first line holds the time "2024-01-01", which looks like data`},
		{"", SeriesOptions{Targets: []string{"y"}}, "x.csv: the file is empty"},
		{"y\n", SeriesOptions{Targets: []string{"y"}}, "x.csv: the file has a header and no data"},
		{"y\n1\n\n,\n", SeriesOptions{Targets: []string{"y"}}, "x.csv:4:2: the number of fields is 2"},
		{"y\nred\n", SeriesOptions{Targets: []string{"y"}}, `x.csv:2:1: column "y": "red" is not a number`},
		{"y\n1\ninf\n", SeriesOptions{Targets: []string{"y"}}, `x.csv:3:1: column "y": "inf" is not finite`},
		{"y,z\n1,2\n,3\nNaN,4\n5,6\n", SeriesOptions{Targets: []string{"y"}}, `x.csv:3:1: column "y": no value, the first of 2 that are missing; a series has no gaps: fill them in`},
		{"y,z\n1,2\n3,\n5,6\n", SeriesOptions{Targets: []string{"y"}}, `x.csv:3:2: column "z": no value; a series has no gaps: fill them in, for example with values between the neighbours, or let missing values be the mean`},
		{"y,z\n1,2\n3,\n5,6\n", SeriesOptions{Targets: []string{"y"}, Missing: MissingNaN}, "[y] [z] []"},
		{"i,y\na,1\n,2\n", SeriesOptions{Targets: []string{"y"}, ID: "i"}, `x.csv:3:1: column "i": no id`},
		{"y,caf\xe9\n1,2\n", SeriesOptions{Targets: []string{"y"}}, "x.csv:1: not UTF-8 text"},
		{"y\n1\n\x00\n", SeriesOptions{Targets: []string{"y"}}, "x.csv:3: a NUL byte"},
		{"y\n" + strings.Repeat("1", maxRecord+1<<20), SeriesOptions{Targets: []string{"y"}}, "x.csv:2: a line or quoted field of more than 8 MiB"},
	} {
		s, err := readSeriesText(c.text, c.options)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(s.Targets, s.Features, s.Known)
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%.40q: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestManySeries(t *testing.T) {
	const n = 100_000
	var text strings.Builder
	text.WriteString("id,y\n")
	for round := range 2 {
		for i := range n {
			fmt.Fprintf(&text, "s%d,%d\n", i, round)
		}
	}
	s, err := readSeriesText(text.String(), SeriesOptions{Targets: []string{"y"}, ID: "id"})
	if err != nil || len(s.Series) != n || s.Target(2*n-1, 0) != 1 || s.Series[n-1].ID != "s99999" {
		t.Fatalf("%v", err)
	}
	_, _, _, err = s.Split(Window{Rows: 4, Block: 1, Ahead: 1}, 1)
	if err == nil || !strings.HasPrefix(err.Error(), `x.csv: series "s0": its 2 rows are too few to see 4 and forecast 1 in each of three parts`) || !strings.Contains(err.Error(), "100000 of 100000 series") {
		t.Error(err)
	}
}

// Whatever is read of times is equally spaced, and written as it was read.
func FuzzTimes(f *testing.F) {
	for _, seed := range []string{"1 2 3", "0.1 0.2 0.3", "2024-01-31 2024-02-29 2024-03-31", "20240101 20240102", "01/02/2024 01/03/2024 01/04/2024",
		"2024-01-01T00:00:00Z 2024-01-01T00:00:01Z", "1e300 2e300 3e300", "-1 0 1", "0001-01 0001-02", "9999-11 9999-12", "2024-01-01T23:00:00-12:00 2024-01-02T00:00:00-12:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		times := strings.Fields(strings.NewReplacer(`"`, "", ",", "", ";", "", "\t", " ").Replace(text))
		s, err := readSeriesText(timed(times...), SeriesOptions{Targets: []string{"y"}, Time: "when"})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: an error of several lines: %v", times, err)
			}
			return
		}
		if s.Spacing.Months == 0 && !(s.Spacing.Step > 0) || s.Spacing.Months < 0 {
			t.Fatalf("%q: spacing %+v", times, s.Spacing)
		}
		for row := range times {
			got := s.Seconds(0, row)
			if row > 0 && !(got > s.Seconds(0, row-1)) {
				t.Errorf("%q: the time of row %d is %v, not after the one before", times, row, got)
			}
			want := s.calendar.seconds(times[row])
			if near := 1e-5*(s.Seconds(0, 1)-s.Seconds(0, 0))*float64(row+1) + 1e-14*math.Abs(want); math.Abs(got-want) > near {
				t.Errorf("%q: the time of row %d is %v, want %v", times, row, got, want)
			}
		}
	})
}

// seconds reads a time that the column has.
func (c *calendar) seconds(field string) float64 {
	if c.layout == numberLayout {
		x, _ := parseNumber(field)
		return x
	}
	t, _ := time.Parse(c.layout, field)
	return float64(t.UnixMicro()) / second
}
