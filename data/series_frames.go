package data

import (
	"fmt"
	"math"
	"slices"

	"gputrain/internal/memorylimit"
)

// Window says what a network sees of a series and what it forecasts.
type Window struct {
	Rows  int // that it sees, up to the present
	Block int // rows that it forecasts at a time: all of Ahead directly, or one, and feeds it back
	Ahead int // rows to forecast, a multiple of Block

	// Relative counts the targets from their value at the origin. So a network can learn of
	// a series that grows or wanders what it will do elsewhere (Zeng et al., "Are
	// Transformers Effective for Time Series Forecasting?", 2022, NLinear).
	Relative bool
}

// Frames are places in series from which to forecast.
type Frames struct {
	Table  *SeriesTable
	Window Window
	// Origins are the rows of the table up to which a network sees: the present of each
	// frame. Window.Rows−1 rows of the same series are before it.
	Origins []int
}

// The parts of a series: what to learn from, what to choose between models by, and what
// the final figure is of.
const (
	trainShare = 0.7
	validShare = 0.1
)

// cut returns where the validation part and the test part of a series begin.
func (s *Series) cut() (valid, test int) {
	valid = int(math.Round(trainShare * float64(s.Rows)))
	return valid, max(valid, int(math.Round((trainShare+validShare)*float64(s.Rows))))
}

// Split cuts each series by time: the first 70 % to learn from, then 10 % to validate,
// then 20 % to test. The rows that a frame forecasts lie in its part. Those that it sees
// may lie in the part before. Of the frames of each series and part, it takes every
// stride-th.
//
// It is an error if a series is too short for a frame of each part.
func (t *SeriesTable) Split(w Window, stride int) (train, valid, test *Frames, err error) {
	t.checkWindow("Split", w)
	if stride < 1 {
		panic(fmt.Sprintf("data: Split: a stride of %d", stride))
	}
	train, valid, test = &Frames{Table: t, Window: w}, &Frames{Table: t, Window: w}, &Frames{Table: t, Window: w}
	short := 0
	for i := range t.Series {
		s := &t.Series[i]
		v, e := s.cut()
		if v < w.Rows+w.Ahead || e-v < w.Ahead || s.Rows-e < w.Ahead || e < w.Rows {
			if short++; short == 1 {
				err = fmt.Errorf("%s: %sits %d rows are too few to see %d and forecast %d in each of three parts, of %d, %d and %d rows", t.Table.Name, s.in(), s.Rows, w.Rows, w.Ahead, v, e-v, s.Rows-e)
			}
			continue
		}
		train.add(s, w.Rows-1, v, stride)
		valid.add(s, v-1, e, stride)
		test.add(s, e-1, s.Rows, stride)
	}
	if short > 1 {
		err = fmt.Errorf("%w; so it is with %d of %d series", err, short, len(t.Series))
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w; take a smaller window or fewer rows ahead, or leave short series out", err)
	}
	return train, valid, test, nil
}

// add adds the frames of s whose origins are from on, and which forecast rows before end.
func (f *Frames) add(s *Series, from, end, stride int) {
	for origin := from; origin+f.Window.Ahead < end; origin += stride {
		f.Origins = append(f.Origins, s.First+origin)
	}
}

// All returns all frames that have Ahead rows to compare a forecast with, and at least so
// many rows of their series up to the origin. It is an error if there are none.
func (t *SeriesTable) All(w Window, seen int) (*Frames, error) {
	t.checkWindow("All", w)
	f := &Frames{Table: t, Window: w}
	for i := range t.Series {
		s := &t.Series[i]
		f.add(s, max(w.Rows, seen)-1, s.Rows, 1)
	}
	if len(f.Origins) == 0 {
		return nil, fmt.Errorf("%s: no series has the %d rows that it takes to see %d and to forecast %d", t.Table.Name, max(w.Rows, seen)+w.Ahead, max(w.Rows, seen), w.Ahead)
	}
	return f, nil
}

// Ends returns a frame at the end of each series, to forecast what is not known yet. The
// columns known ahead must have values for it. It is an error if a series is too short.
func (t *SeriesTable) Ends(w Window) (*Frames, error) {
	t.checkWindow("Ends", w)
	f := &Frames{Table: t, Window: w}
	for i := range t.Series {
		s := &t.Series[i]
		if s.Rows < w.Rows {
			return nil, fmt.Errorf("%s: %sit has %d rows, but the network sees %d; give it more of the past", t.Table.Name, s.in(), s.Rows, w.Rows)
		}
		if len(t.Known) > 0 && s.Future < w.Ahead {
			return nil, fmt.Errorf("%s: %sto forecast %d rows, the columns known ahead must go on for as many: %s; add %d rows at the end, with the targets left empty",
				t.Table.Name, s.in(), w.Ahead, quoteList(t.Known), w.Ahead-s.Future)
		}
		f.Origins = append(f.Origins, s.First+s.Rows-1)
	}
	return f, nil
}

func (t *SeriesTable) checkWindow(op string, w Window) {
	if w.Rows < 1 || w.Block < 1 || w.Ahead < w.Block || w.Ahead%w.Block != 0 {
		panic(fmt.Sprintf("data: %s: a window of %d rows, %d forecast at a time, %d in all", op, w.Rows, w.Block, w.Ahead))
	}
}

// Beyond returns the share of the rows to validate and to test on in which a target is
// less or more than ever in the rows of its series to learn from.
func (t *SeriesTable) Beyond(target int) float64 {
	beyond, all := 0, 0
	for i := range t.Series {
		s := &t.Series[i]
		valid, _ := s.cut()
		low, high := math.Inf(1), math.Inf(-1)
		for row := range s.Rows {
			x := t.Target(s.First+row, target)
			if row < valid {
				low, high = min(low, x), max(high, x)
				continue
			}
			if all++; x < low || x > high {
				beyond++
			}
		}
	}
	return float64(beyond) / float64(max(1, all))
}

// Width returns how many features a network gets of each row: all columns as they are in
// it, and those known ahead once more, Block rows later.
func (t *SeriesTable) Width() int { return t.Table.Width + t.knownWidth }

// Standardize returns the scaling of the columns by what frames of Split learn from: the
// first part of each series.
func (t *SeriesTable) Standardize() Scaling {
	var rows []int
	for i := range t.Series {
		s := &t.Series[i]
		valid, _ := s.cut()
		for row := range valid {
			rows = append(rows, s.First+row)
		}
	}
	return t.Table.part(rows).Standardize()
}

// Dataset returns the frames as samples of Window.Rows time steps of Width features, with
// the next Window.Block rows of the targets as their targets, one row after the other.
// s is the scaling of the columns. A missing value becomes 0.
//
// It is an error if s has another width, if a result is beyond float32, or if there is no
// memory.
func (f *Frames) Dataset(s Scaling) (*Dataset, error) {
	d, err := f.Inputs(s)
	if err != nil {
		return nil, err
	}
	t := f.Table
	targets := len(t.Targets)
	d.TargetWidth = f.Window.Block * targets
	d.Targets = make([]float32, 0, len(f.Origins)*d.TargetWidth)
	for _, origin := range f.Origins {
		for row := origin + 1; row <= origin+f.Window.Block; row++ {
			for j := range targets {
				y, err := f.scaled(s, row, j, origin)
				if err != nil {
					return nil, err
				}
				d.Targets = append(d.Targets, y)
			}
		}
	}
	return d, nil
}

// Inputs is Dataset without targets, for what is not known yet.
func (f *Frames) Inputs(s Scaling) (*Dataset, error) {
	t, w := f.Table, f.Window
	if err := s.fits(t.Table.Width); err != nil {
		return nil, err
	}
	d := &Dataset{Steps: w.Rows, Width: t.Width()}
	if err := f.checkMemory(int64(w.Rows*d.Width + w.Block*len(t.Targets))); err != nil {
		return nil, err
	}
	d.X = make([]float32, len(f.Origins)*w.Rows*d.Width)
	for i, origin := range f.Origins {
		for step := range w.Rows {
			x, row := d.X[(i*w.Rows+step)*d.Width:][:d.Width], origin-w.Rows+1+step
			for feature := range t.Table.Width {
				var err error
				if x[feature], err = f.scaled(s, row, feature, origin); err != nil {
					return nil, err
				}
			}
			if err := f.fillAhead(x, s, row); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// checkMemory returns an error if there is no memory for so many values of each frame.
func (f *Frames) checkMemory(values int64) error {
	const bytes = 4
	frames := int64(len(f.Origins))
	if frames <= unasked/bytes/values {
		return nil
	}
	left, limit := memorylimit.Left()
	if frames <= left/bytes/values {
		return nil
	}
	return fmt.Errorf("%s: %d windows of %d rows of %d features need more than %s, which is what is left of %v; take a larger stride, a smaller window or fewer columns",
		f.Table.Table.Name, frames, f.Window.Rows, f.Table.Width(), memorylimit.Size(left), limit)
}

// fillAhead sets the last features of a row, those known Block rows ahead.
func (f *Frames) fillAhead(x []float32, s Scaling, row int) (err error) {
	t := f.Table
	for i := range t.knownWidth {
		if x[t.Table.Width+i], err = f.scaled(s, row+f.Window.Block, t.Table.Width-t.knownWidth+i, row); err != nil {
			return err
		}
	}
	return nil
}

// scaled returns a value of the table for a frame with that origin, scaled; 0 if it is
// missing.
func (f *Frames) scaled(s Scaling, row, feature, origin int) (float32, error) {
	t := f.Table
	x := t.Table.X[row*t.Table.Width+feature]
	if math.IsNaN(x) {
		return 0, nil
	}
	if f.Window.Relative && feature < len(t.Targets) {
		shift, _ := s.of(feature)
		x += shift - t.Target(origin, feature)
	}
	y, ok := s.scale(feature, x)
	if !ok {
		return 0, fmt.Errorf("%s: row %d of the data, %s: %w", t.Table.Name, row+1, t.Table.column(feature), s.tooLarge(feature, x))
	}
	return y, nil
}

// Base returns what the targets of frame i are counted from if the window is Relative.
func (f *Frames) Base(i int) []float64 {
	base := make([]float64, len(f.Table.Targets))
	for target := range base {
		base[target] = f.Table.Target(f.Origins[i], target)
	}
	return base
}

// Restore returns the value of a target that is y as a network has it. s is the scaling
// of the columns, base what the targets are counted from if the window is Relative.
func (f *Frames) Restore(s Scaling, base []float64, target int, y float64) float64 {
	if !f.Window.Relative {
		return s.Restore(target, y)
	}
	shift, _ := s.of(target)
	return base[target] + s.Restore(target, y) - shift
}

// Chunks cuts the frames into groups, one after the other, whose inputs take little memory.
func (f *Frames) Chunks() (chunks []*Frames) {
	const most = 4 << 20 // values
	size := max(1, most/(f.Window.Rows*f.Table.Width()))
	for origins := range slices.Chunk(f.Origins, size) {
		chunks = append(chunks, &Frames{f.Table, f.Window, origins})
	}
	return chunks
}

// Target returns the value of a target in a row of the table.
func (t *SeriesTable) Target(row, target int) float64 { return t.Table.X[row*t.Table.Width+target] }

// Actual returns what the frames are to forecast, [frames, Ahead, targets].
func (f *Frames) Actual() []float64 {
	return f.forecast(func(origin, h, target int) float64 { return f.Table.Target(origin+h, target) })
}

// forecast returns a value for each frame, row ahead (from 1) and target.
func (f *Frames) forecast(value func(origin, h, target int) float64) []float64 {
	y := make([]float64, 0, len(f.Origins)*f.Window.Ahead*len(f.Table.Targets))
	for _, origin := range f.Origins {
		for h := 1; h <= f.Window.Ahead; h++ {
			for target := range f.Table.Targets {
				y = append(y, value(origin, h, target))
			}
		}
	}
	return y
}

// Advance moves a frame's window, [Window.Rows, Width] as Inputs gives it for frame i,
// forward by Window.Block rows, in which y, [Block, targets], are the scaled targets. done
// is how many rows it has moved before. It takes the columns known ahead from the table;
// there must be no other columns besides the targets.
//
// It is an error if a value is beyond float32.
func (f *Frames) Advance(x []float32, s Scaling, i, done int, y []float32) error {
	t, w := f.Table, f.Window
	width, targets := t.Width(), len(t.Targets)
	if len(t.Features) > 0 {
		panic("data: Advance: what follows of the columns " + quoteList(t.Features) + " is not known")
	}
	moved := min(w.Block, w.Rows)
	copy(x, x[moved*width:])
	for step := w.Rows - moved; step < w.Rows; step++ {
		fed := w.Block - w.Rows + step // row of y
		row := f.Origins[i] + done + 1 + fed
		values := x[step*width:][:width]
		copy(values, y[fed*targets:][:targets])
		for k := range t.knownWidth {
			var err error
			if values[targets+k], err = f.scaled(s, row, targets+k, row); err != nil {
				return err
			}
		}
		if row+w.Block > f.Origins[i]+w.Ahead {
			continue // nobody asks for what follows
		}
		if err := f.fillAhead(values, s, row); err != nil {
			return err
		}
	}
	if w.Relative { // the last row is what the next ones are counted from
		for step := range w.Rows {
			for target, last := range y[len(y)-targets:] {
				x[step*width+target] -= last
			}
		}
	}
	return nil
}
