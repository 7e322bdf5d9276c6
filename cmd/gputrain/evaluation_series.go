package main

import (
	"cmp"
	"fmt"
	"io"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// seriesErrors are the errors of forecasts from rolling origins, and those of simple
// methods beside them.
type seriesErrors struct {
	frames    *data.Frames
	season    int
	actual    []float64
	methods   []forecastMethod // the first is the network
	intervals *data.Intervals  // nil if they are not known
}

// forecastMethod is a way to forecast.
type forecastMethod struct {
	name     string
	forecast []float64 // [frames, ahead, targets]
	errors   data.ForecastErrors
}

// intervalLevels are the shares of cases that intervals hold.
var intervalLevels = []float64{0.8, 0.95}

// measure runs the network over the test set.
func (s *session) measure(parts sets) (*evaluation, error) {
	d, p := s.description, parts.series
	if p == nil {
		return d.measure(s.net, parts.test)
	}
	forecast, err := train.Forecast(s.net, p.valid, p.scaling)
	if err != nil {
		return nil, err
	}
	intervals := p.valid.NewIntervals(forecast, p.valid.Actual(), intervalLevels...)
	return d.measureSeries(s.net, parts.test, p.test, p.linear, &intervals)
}

// measureSeries forecasts from the origins of frames, whose samples are set. linear and
// intervals are nil if they are not known.
func (d *description) measureSeries(net *model.Network, set *data.Dataset, frames *data.Frames, linear *data.Linear, intervals *data.Intervals) (*evaluation, error) {
	m := &evaluation{description: d}
	var err error
	if m.Metrics, err = train.Evaluate(net, d.loss(), set); err != nil {
		return nil, err
	}
	s := &seriesErrors{frames: frames, season: d.Series.Season, actual: frames.Actual(), intervals: intervals}
	m.series = s
	add := func(name string, forecast []float64) {
		s.methods = append(s.methods, forecastMethod{name, forecast, frames.Errors(forecast, s.actual)})
	}
	forecast, err := train.Forecast(net, frames, d.columnScaling())
	if err != nil {
		return nil, err
	}
	add(cmp.Or(d.Model, "network"), forecast)
	add("last value", frames.Persistence())
	if s.season > 0 {
		add(fmt.Sprintf("season of %d", s.season), frames.Seasonal(s.season))
	}
	if linear != nil {
		if forecast, err = linear.Forecast(frames, d.columnScaling()); err != nil {
			return nil, err
		}
		add("linear", forecast)
	}
	return m, nil
}

// best returns the method besides the network with the least RMSE of a target, and the
// skill of the network against it: the share of that RMSE that it saves.
func (s *seriesErrors) best(target int) (name string, skill float64) {
	_, own := s.methods[0].errors.Over(target)
	least := 0.0
	for i, m := range s.methods[1:] {
		if _, rmse := m.errors.Over(target); i == 0 || rmse < least {
			name, least = m.name, rmse
		}
	}
	return name, 1 - own/least
}

// skill returns the mean skill of the targets.
func (s *seriesErrors) skill() float64 {
	sum := 0.0
	for target := range s.targets() {
		_, skill := s.best(target)
		sum += skill
	}
	return sum / float64(s.targets())
}

func (s *seriesErrors) targets() int { return len(s.frames.Table.Targets) }

// print prints the errors of each target and method, over all rows ahead and of some of
// them, and how often the intervals held what came.
func (s *seriesErrors) print(w io.Writer) error {
	ahead := s.shownAhead()
	for target, name := range s.frames.Table.Targets {
		if s.targets() > 1 {
			if _, err := fmt.Fprintf(w, "%s\n", shortName(name)); err != nil {
				return err
			}
		}
		header := []string{"method", "MAE", "RMSE"}
		for _, h := range ahead {
			header = append(header, fmt.Sprintf("%d ahead", h))
		}
		var rows [][]string
		for _, m := range s.methods {
			mae, rmse := m.errors.Over(target)
			row := []string{m.name, quantity(mae), quantity(rmse)}
			for _, h := range ahead {
				row = append(row, quantity(m.errors.RMSE[(h-1)*s.targets()+target]))
			}
			rows = append(rows, row)
		}
		if _, err := fmt.Fprint(w, formatTable(terminalWidth(w), 1, header, rows)); err != nil {
			return err
		}
		if err := s.printCoverage(w, target); err != nil {
			return err
		}
	}
	return nil
}

func (s *seriesErrors) printCoverage(w io.Writer, target int) error {
	if s.intervals == nil {
		return nil
	}
	for level, share := range s.intervals.Levels {
		held := s.frames.Coverage(*s.intervals, level, target, s.methods[0].forecast, s.actual)
		few := ""
		if s.intervals.TooFew(level) {
			few = fmt.Sprintf("; it was found with %s, which is too few", plural(s.intervals.Cases, "forecast", "forecasts"))
		}
		if _, err := fmt.Fprintf(w, "the %.0f %% interval held %.1f %% of what came%s\n", 100*share, 100*held, few); err != nil {
			return err
		}
	}
	return nil
}

// shownAhead returns the rows ahead whose errors are printed: some of many.
func (s *seriesErrors) shownAhead() []int {
	const most = 5
	n := s.frames.Window.Ahead
	var ahead []int
	for i := range min(n, most) {
		h := 1
		if n > 1 {
			h = 1 + i*(n-1)/(min(n, most)-1)
		}
		ahead = append(ahead, h)
	}
	if n == 1 {
		return nil // it is the same as over all
	}
	return ahead
}

// printLast prints the line that train and eval end with.
func (s *seriesErrors) printLast(w io.Writer) error {
	ahead := fmt.Sprintf("%s ahead, %s", plural(s.frames.Window.Ahead, "row", "rows"), plural(len(s.frames.Origins), "forecast", "forecasts"))
	if n := s.targets(); n > 1 {
		_, err := fmt.Fprintf(w, "test skill %.4f, the mean of %d targets against their best baselines (%s)\n", s.skill(), n, ahead)
		return err
	}
	mae, rmse := s.methods[0].errors.Over(0)
	line := fmt.Sprintf("test RMSE %s, MAE %s", quantity(rmse), quantity(mae))
	for i, m := range s.methods[1:] {
		_, rmse := m.errors.Over(0)
		line += fmt.Sprintf("%s %s %s", []string{"; RMSE of", ","}[min(i, 1)], m.name, quantity(rmse))
	}
	_, err := fmt.Fprintf(w, "%s; skill %.4f (%s)\n", line, s.skill(), ahead)
	return err
}

// seriesFigures is what files and objects say of forecasts.
type seriesFigures struct {
	TestLoss jsonNumber            `json:"test_loss"`
	Count    int                   `json:"count"` // of forecasts
	Ahead    int                   `json:"ahead"`
	Season   int                   `json:"season"` // 0: none
	Skill    jsonNumber            `json:"test_skill"`
	RMSE     *jsonNumber           `json:"test_rmse,omitempty"` // of a single target
	MAE      *jsonNumber           `json:"test_mae,omitempty"`  // of a single target
	Targets  []seriesTargetFigures `json:"targets"`
}

type seriesTargetFigures struct {
	Name      string                `json:"name"`
	Skill     jsonNumber            `json:"skill"`
	Methods   []seriesMethodFigures `json:"methods"` // the network first
	Intervals []seriesCoverage      `json:"intervals"`
}

type seriesMethodFigures struct {
	Name      string       `json:"name"`
	RMSE      jsonNumber   `json:"rmse"`
	MAE       jsonNumber   `json:"mae"`
	RMSEAhead []jsonNumber `json:"rmse_ahead"` // of each row ahead
	MAEAhead  []jsonNumber `json:"mae_ahead"`
}

type seriesCoverage struct {
	Level    jsonNumber `json:"level"`
	Coverage jsonNumber `json:"coverage"`
}

func (m *evaluation) seriesFigures() seriesFigures {
	s := m.series
	f := seriesFigures{TestLoss: jsonNumber(m.Loss), Count: len(s.frames.Origins), Ahead: s.frames.Window.Ahead, Season: s.season, Skill: jsonNumber(s.skill())}
	for target, name := range s.frames.Table.Targets {
		_, skill := s.best(target)
		figures := seriesTargetFigures{Name: name, Skill: jsonNumber(skill), Intervals: []seriesCoverage{}}
		for _, method := range s.methods {
			mae, rmse := method.errors.Over(target)
			of := seriesMethodFigures{Name: method.name, RMSE: jsonNumber(rmse), MAE: jsonNumber(mae)}
			for h := range f.Ahead {
				k := h*s.targets() + target
				of.RMSEAhead = append(of.RMSEAhead, jsonNumber(method.errors.RMSE[k]))
				of.MAEAhead = append(of.MAEAhead, jsonNumber(method.errors.MAE[k]))
			}
			figures.Methods = append(figures.Methods, of)
		}
		if s.intervals != nil {
			for level, share := range s.intervals.Levels {
				held := s.frames.Coverage(*s.intervals, level, target, s.methods[0].forecast, s.actual)
				figures.Intervals = append(figures.Intervals, seriesCoverage{jsonNumber(share), jsonNumber(held)})
			}
		}
		f.Targets = append(f.Targets, figures)
	}
	if len(f.Targets) == 1 {
		own := f.Targets[0].Methods[0]
		f.RMSE, f.MAE = &own.RMSE, &own.MAE
	}
	return f
}

// seriesResult is the last object of train and eval for series.
type seriesResult struct {
	Event string `json:"event"`
	seriesFigures
}

func (m *evaluation) seriesResult() seriesResult { return seriesResult{"result", m.seriesFigures()} }

// seriesRunResult is the content of result.json for series.
type seriesRunResult struct {
	Format int `json:"format"`
	Epochs int `json:"epochs"`
	seriesFigures
}
