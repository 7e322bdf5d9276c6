package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// tableOf returns a table of one column.
func tableOf(values ...float64) *Table {
	return &Table{Name: "x.csv", Features: []string{"t"}, Width: 1, X: values}
}

func TestTableSplitsAsADatasetDoes(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(1, seed))
		d := &Dataset{Steps: 1, Width: 2, Classes: []string{"a", "b", "c"}}
		table := &Table{Width: 2, Classes: d.Classes}
		for range 1 + rng.IntN(50) {
			x, y, label := rng.IntN(1000), rng.IntN(1000), rng.Int32N(3)
			d.X, d.Labels = append(d.X, float32(x), float32(y)), append(d.Labels, label)
			table.X, table.Labels = append(table.X, float64(x), float64(y)), append(table.Labels, label)
		}
		if seed%2 == 1 {
			d.Labels, table.Labels = nil, nil
		}
		want := d.Split(seed, 0.7, 0.1, 0.2)
		for i, part := range table.Split(seed, 0.7, 0.1, 0.2) {
			got, err := part.Dataset(Range(0, 1))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.X, want[i].X) || !slices.Equal(got.Labels, want[i].Labels) {
				t.Errorf("seed %d, part %d: %v %v, want %v %v", seed, i, got.X, got.Labels, want[i].X, want[i].Labels)
			}
		}
	}
}

// A column says the same wherever its zero is: seconds since 1970, years, offsets.
func TestTableKeepsWhatLiesFarFromZero(t *testing.T) {
	for _, offset := range []float64{0, 1e8, 1.7e9, -1.7e9, 1.7e12, 1 << 52} {
		var text strings.Builder
		text.WriteString("t,late\n")
		for i := range 100 {
			fmt.Fprintf(&text, "%.0f,%v\n", offset+float64(i), i >= 50)
		}
		table, err := ReadCSV(strings.NewReader(text.String()), "x.csv", CSVOptions{Target: "late"})
		if err != nil {
			t.Fatal(err)
		}
		set, err := table.Dataset(table.Standardize())
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range set.X {
			// The standard deviation of 0..99 is √((100²−1)/12). The mean is rounded
			// to float64.
			deviation := math.Sqrt(9999. / 12)
			tolerance := 1e-6 + (math.Nextafter(math.Abs(offset), math.Inf(1))-math.Abs(offset))/2/deviation
			if want := (float64(i) - 49.5) / deviation; math.Abs(float64(x)-want) > tolerance {
				t.Errorf("offset %v, row %d: %v, want %v within %v", offset, i, x, want, tolerance)
			}
		}
		if warnings := slices.Concat(table.Warnings, table.Collapsed(table.Standardize())); len(warnings) > 0 {
			t.Errorf("offset %v: warnings %q", offset, warnings)
		}
	}
}

func TestCollapsedCountsTheValuesThatBecomeEqual(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var continuous []float64
	for range 20_000 {
		continuous = append(continuous, rng.NormFloat64())
	}
	var seconds []float64
	for i := range 1000 {
		seconds = append(seconds, 1.7e9+float64(i%200))
	}
	standard := func(values []float64) Scaling { return tableOf(values...).Standardize() }
	for _, c := range []struct {
		name    string
		values  []float64
		scaling Scaling
		want    string // "" is no warning
	}{
		{"few values", []float64{0, 1, 0, 1}, standard([]float64{0, 1}), ""},
		{"a constant", []float64{7, 7, 7}, standard([]float64{7, 7, 7}), `left out, because it has only one value in the data to learn from: column "t"`},
		{"a constant that varies later", []float64{7, 1e30}, standard([]float64{7}), "left out, "},
		{"a continuous quantity", continuous, standard(continuous), ""},
		{"seconds", seconds, standard(seconds), ""},
		{"seconds, not centred", seconds, Range(0, 1), `column "t": of its 200 different values, float32 cannot tell 197 from others; `},
		{"an outlier", []float64{0, 1, 2, 3, 1e20}, standard([]float64{0, 1, 2, 3, 1e20}), `column "t": of its 5 different values, float32 cannot tell 3 `},
		{"two of three", []float64{0, 1, 1e12}, standard([]float64{0, 1, 1e12}), `column "t": of its 3 different values, float32 cannot tell 1 `},
	} {
		got := tableOf(c.values...).Collapsed(c.scaling)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	unnamed := &Table{Width: 1, X: []float64{0, 1, 1e20}}
	if got := unnamed.Collapsed(unnamed.Standardize()); len(got) != 1 || !strings.HasPrefix(got[0], "feature 1: of its 3") {
		t.Errorf("without a header: %q", got)
	}
}

func TestCollapsedLooksAtALargeTableInParts(t *testing.T) {
	values := make([]float64, 1_000_001)
	for i := range values {
		values[i] = 1.7e9 + float64(i)
	}
	if got := tableOf(values...).Collapsed(Range(0, 1)); len(got) != 1 {
		t.Errorf("warnings %q, want one", got)
	}
}

func TestTableNamesWhatCannotBeScaled(t *testing.T) {
	_, err := tableOf(1, 2, 3e38).Dataset(Scaling{Shift: []float64{0}, Factor: []float64{1e6}})
	wantError(t, err, `x.csv: row 3 of the data, column "t": 3e+38 is too large to scale with shift 0 and factor 1e+06; `)
	_, err = tableOf(1, 2).Dataset(Scaling{Shift: []float64{0, 0}, Factor: []float64{1, 1}})
	wantError(t, err, "2 shifts and 2 factors, the data 1 features")
	wantPanic(t, "2 shifts", func() { tableOf(1).Collapsed(Scaling{Shift: []float64{0, 0}, Factor: []float64{1, 1}}) })
}
