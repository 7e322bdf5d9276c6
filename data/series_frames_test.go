package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// numbered returns a series whose values say where they are: row r has the target r, a
// column 1000+r known up to the present, and one of 2000+r known ahead.
func numberedSeries(t *testing.T, rows int, ids ...string) *SeriesTable {
	t.Helper()
	text := "id,y,past,ahead\n"
	row := 0
	for _, id := range ids {
		for range rows {
			text += fmt.Sprintf("%s,%d,%d,%d\n", id, row, 1000+row, 2000+row)
			row++
		}
	}
	s, err := readSeriesText(text, SeriesOptions{Targets: []string{"y"}, ID: "id", Known: []string{"ahead"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFramesSeeThePastAndWhatIsKnownAhead(t *testing.T) {
	s := numberedSeries(t, 40, "a", "b")
	w := Window{Rows: 3, Block: 2, Ahead: 2}
	train, valid, test, err := s.Split(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	// 28, 4 and 8 rows of each series.
	for _, part := range []struct {
		name     string
		frames   *Frames
		from, to int // rows of a series that are forecast
		seen     int // the first row that is
	}{{"train", train, 3, 28, 0}, {"valid", valid, 28, 32, 25}, {"test", test, 32, 40, 29}} {
		d, err := part.frames.Dataset(Range(0, 1))
		if err != nil {
			t.Fatal(err)
		}
		if d.Steps != 3 || d.Width != 4 || d.TargetWidth != 2 {
			t.Fatalf("%s: %d steps of %d features, %d targets", part.name, d.Steps, d.Width, d.TargetWidth)
		}
		d.check(part.name)
		sample := 0
		for first := 0; first <= 40; first += 40 { // of each series
			for origin := part.from - 1; origin+2 < part.to; origin++ {
				row := float32(first + origin)
				want := []float32{}
				for back := float32(2); back >= 0; back-- {
					want = append(want, row-back, 1000+row-back, 2000+row-back, 2002+row-back)
				}
				if x := d.X[sample*12:][:12]; !slices.Equal(x, want) || x[0] < float32(first+part.seen) {
					t.Errorf("%s, sample %d sees %v, want %v", part.name, sample, x, want)
				}
				if y := d.Targets[sample*2:][:2]; !slices.Equal(y, []float32{row + 1, row + 2}) {
					t.Errorf("%s, sample %d forecasts %v after row %v", part.name, sample, y, row)
				}
				sample++
			}
		}
		if sample != d.Len() {
			t.Errorf("%s: %d samples, want %d", part.name, d.Len(), sample)
		}
	}
	if thin, _, last, _ := s.Split(w, 5); len(thin.Origins) != 10 || thin.Origins[1] != train.Origins[5] || len(last.Origins) != 4 || last.Origins[1] != test.Origins[5] {
		t.Errorf("every 5th of %d frames: %v", len(train.Origins), thin.Origins)
	}
	// The scaling knows the training parts only.
	mean := (13.5 + 53.5) / 2
	if scaling := s.Standardize(); scaling.Shift[0] != mean {
		t.Errorf("the mean of the training part is %v, want %v", scaling.Shift[0], mean)
	}
}

func TestSeriesThatAreTooShortAreNamed(t *testing.T) {
	s := numberedSeries(t, 40, "a")
	for _, w := range []Window{{Rows: 27, Block: 2, Ahead: 2}, {Rows: 3, Block: 5, Ahead: 5}} {
		if _, _, _, err := s.Split(w, 1); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf(`x.csv: series "a": its 40 rows are too few to see %d and forecast %d`, w.Rows, w.Ahead)) {
			t.Errorf("%+v: %v", w, err)
		}
	}
	if _, err := s.All(Window{Rows: 30, Block: 11, Ahead: 11}, 0); err == nil {
		t.Error("41 rows of 40")
	}
	if _, err := s.Ends(Window{Rows: 41, Block: 1, Ahead: 1}); err == nil || !strings.Contains(err.Error(), "it has 40 rows, but the network sees 41") {
		t.Error(err)
	}
	if _, err := s.Ends(Window{Rows: 3, Block: 1, Ahead: 2}); err == nil || !strings.Contains(err.Error(), `the columns known ahead must go on for as many: "ahead"; add 2 rows`) {
		t.Error(err)
	}
	for _, w := range []Window{{Block: 1, Ahead: 1}, {Rows: 1, Ahead: 1}, {Rows: 1, Block: 2, Ahead: 1}, {Rows: 1, Block: 2, Ahead: 3}} {
		wantPanic(t, fmt.Sprintf("data: All: a window of %d rows, %d forecast at a time, %d in all", w.Rows, w.Block, w.Ahead), func() { s.All(w, 0) })
	}
}

// A window that is moved forward with the true values is the window that is there.
func TestWindowsMoveForward(t *testing.T) {
	text := "y,ahead\n"
	for row := range 60 {
		text += fmt.Sprintf("%d,%d\n", row*row, 100-row)
	}
	s, err := readSeriesText(text, SeriesOptions{Targets: []string{"y"}, Known: []string{"ahead"}})
	if err != nil {
		t.Fatal(err)
	}
	scaling := s.Standardize()
	for _, w := range []Window{
		{Rows: 3, Block: 1, Ahead: 6}, {Rows: 3, Block: 2, Ahead: 8}, {Rows: 3, Block: 3, Ahead: 6}, {Rows: 3, Block: 4, Ahead: 8},
		{Rows: 3, Block: 1, Ahead: 6, Relative: true}, {Rows: 3, Block: 4, Ahead: 8, Relative: true},
	} {
		f, err := s.All(w, 0)
		if err != nil {
			t.Fatal(err)
		}
		moving, err := f.Inputs(scaling)
		if err != nil {
			t.Fatal(err)
		}
		row := moving.Steps * moving.Width
		for i, origin := range f.Origins {
			x := moving.X[i*row:][:row]
			for done := 0; done < w.Ahead-w.Block; done += w.Block {
				y := make([]float32, w.Block)
				for h := range y {
					y[h], _ = f.scaled(scaling, origin+done+1+h, 0, origin+done)
				}
				if err := f.Advance(x, scaling, i, done, y); err != nil {
					t.Fatal(err)
				}
				there := &Frames{s, w, []int{origin + done + w.Block}}
				want, err := there.Inputs(scaling)
				if err != nil {
					t.Fatal(err)
				}
				if !nearly(x, want.X) {
					t.Fatalf("%+v, origin %d, after %d rows: %v, want %v", w, origin, done+w.Block, x, want.X)
				}
			}
		}
	}
	past := numberedSeries(t, 40, "a")
	f, _ := past.All(Window{Rows: 3, Block: 1, Ahead: 2}, 0)
	wantPanic(t, `data: Advance: what follows of the columns "past" is not known`, func() { f.Advance(make([]float32, 12), Range(0, 1), 0, 0, []float32{1}) })
}

// nearly reports whether a and b differ by the rounding of float32 only.
func nearly(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-6 })
}

// wave returns the text of a series of two sines and noise.
func wave(rows int, noise float64) string {
	rng := rand.New(rand.NewPCG(1, 31))
	var text strings.Builder
	text.WriteString("y\n")
	for i := range rows {
		fmt.Fprintf(&text, "%v\n", 0.05*float64(i)+5*math.Sin(2*math.Pi*float64(i)/12)+noise*rng.NormFloat64())
	}
	return text.String()
}

func TestBaselines(t *testing.T) {
	s, err := readSeriesText(wave(240, 0), SeriesOptions{Targets: []string{"y"}})
	if err != nil {
		t.Fatal(err)
	}
	if season := s.Season(); season != 12 {
		t.Errorf("the season is %d, want 12", season)
	}
	w := Window{Rows: 6, Block: 15, Ahead: 15}
	train, valid, test, err := s.Split(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	actual := test.Actual()
	seasonal, last := test.Seasonal(12), test.Persistence()
	for i, origin := range test.Origins {
		for h := 1; h <= w.Ahead; h++ {
			at := i*w.Ahead + h - 1
			back := 12
			if h > 12 {
				back = 24
			}
			if actual[at] != s.Target(origin+h, 0) || last[at] != s.Target(origin, 0) || seasonal[at] != s.Target(origin+h-back, 0) {
				t.Fatalf("origin %d, %d ahead: actual %v, last value %v, season %v", origin, h, actual[at], last[at], seasonal[at])
			}
		}
	}
	// A sine and a trend are a linear recurrence: the autoregression is exact, but for the
	// ridge.
	scaling := s.Standardize()
	l, err := FitLinear(train, valid, scaling)
	if err != nil {
		t.Fatal(err)
	}
	linear, err := l.Forecast(test, scaling)
	if err != nil {
		t.Fatal(err)
	}
	_, rmse := test.Errors(linear, actual).Over(0)
	_, seasonalRMSE := test.Errors(seasonal, actual).Over(0)
	if rmse > 0.05 || seasonalRMSE < 0.5 {
		t.Errorf("RMSE of the autoregression %v, of the season %v", rmse, seasonalRMSE)
	}
	if err := l.Fits(6, 1, 14); err == nil {
		t.Error("weights for 15 rows fit 14")
	}
	noise, err := readSeriesText(strings.Replace(wave(240, 1000), "y\n", "y\n", 1), SeriesOptions{Targets: []string{"y"}})
	if err != nil {
		t.Fatal(err)
	}
	if season := noise.Season(); season != 0 {
		t.Errorf("noise has a season of %d", season)
	}
}

func TestErrorsAndIntervals(t *testing.T) {
	s, err := readSeriesText("a,b\n"+strings.Repeat("0,0\n", 24), SeriesOptions{Targets: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.All(Window{Rows: 2, Block: 2, Ahead: 2}, 5)
	if err != nil || len(f.Origins) != 18 {
		t.Fatalf("%d frames, %v", len(f.Origins), err)
	}
	actual := f.Actual()
	forecast := make([]float64, len(actual))
	for i := range forecast {
		forecast[i] = float64(i/4+1) * []float64{1, -10, 2, -20}[i%4] // 1 to 18 times as much
	}
	e := f.Errors(forecast, actual)
	if want := []float64{9.5, 95, 19, 190}; !slices.Equal(e.MAE, want) {
		t.Errorf("MAE %v, want %v", e.MAE, want)
	}
	mae, rmse := e.Over(1)
	if want := math.Sqrt((100 + 400) * 2109.0 / 18 / 2); mae != 142.5 || math.Abs(rmse-want) > 1e-9 {
		t.Errorf("of b: MAE %v, RMSE %v, want 142.5 and %v", mae, rmse, want)
	}
	i := f.NewIntervals(forecast, actual, 0.5, 0.9, 0.99)
	// Ranks ⌈19·0.5⌉ = 10, ⌈19·0.9⌉ = 18, and 19 of 18.
	for level, times := range []float64{10, 18, 18} {
		if want := []float64{times, 10 * times, 2 * times, 20 * times}; !slices.Equal(i.Half[level], want) {
			t.Errorf("level %v: %v, want %v", i.Levels[level], i.Half[level], want)
		}
	}
	if got := f.Coverage(i, 0, 1, forecast, actual); math.Abs(got-10.0/18) > 1e-12 {
		t.Errorf("coverage %v, want 10 of 18", got)
	}
	wantPanic(t, "data: Errors: 1 values, want 72", func() { f.Errors(forecast[:1], actual) })
}

// Of frames like those that they were found with, the intervals hold the share of cases
// that they promise.
func TestIntervalsHoldWhatTheyPromise(t *testing.T) {
	s, err := readSeriesText(wave(6000, 2), SeriesOptions{Targets: []string{"y"}})
	if err != nil {
		t.Fatal(err)
	}
	w := Window{Rows: 24, Block: 3, Ahead: 3}
	train, valid, test, err := s.Split(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	scaling := s.Standardize()
	l, err := FitLinear(train, valid, scaling)
	if err != nil {
		t.Fatal(err)
	}
	known, err := l.Forecast(valid, scaling)
	if err != nil {
		t.Fatal(err)
	}
	i := valid.NewIntervals(known, valid.Actual(), 0.8, 0.95)
	forecast, err := l.Forecast(test, scaling)
	if err != nil {
		t.Fatal(err)
	}
	for level, want := range i.Levels {
		if got := test.Coverage(i, level, 0, forecast, test.Actual()); math.Abs(got-want) > 0.05 {
			t.Errorf("the intervals of %v hold %v", want, got)
		}
	}
}
