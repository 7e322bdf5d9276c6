package main

import (
	"fmt"
	"slices"

	"gputrain/data"
)

// seriesSettings are the settings of series:FILE.
type seriesSettings struct {
	Window   int         `toml:"window,omitzero" default:"0" placeholder:"N" help:"Rows of a series that the network sees."`
	Ahead    int         `toml:"ahead,omitzero" default:"0" placeholder:"N" help:"Rows of a series to forecast."`
	Forecast string      `toml:"forecast,omitempty" placeholder:"WAY" help:"direct (if not set): all rows ahead at once; or free: one row, which is fed back for the next."`
	Relative bool        `toml:"relative,omitempty" negatable:"" help:"Count the targets of a series from their last value that the network sees: for series that grow or wander."`
	Time     string      `toml:"time,omitempty" placeholder:"COLUMN" help:"The column of the times of a series, numbers or dates; without it, the rows are taken as equally spaced."`
	SeriesID string      `toml:"series-id,omitempty" placeholder:"COLUMN" help:"The column that tells several series of a file apart."`
	Known    columnNames `toml:"known,omitempty" placeholder:"COLUMN,..." help:"Columns of a series whose values are known ahead, by name."`
	Season   int         `toml:"season,omitzero" default:"0" placeholder:"N" help:"Rows of a season, for the seasonal baseline; 0: it is found in the training part."`
	Stride   int         `toml:"stride,omitzero" default:"0" placeholder:"N" help:"Take every N-th window of a series only; 0 means 1."`
}

// The ways to forecast.
const (
	forecastDirect = "direct"
	forecastFree   = "free"
)

// isSeries reports whether s names series.
func (s source) isSeries() bool { return s.kind == "series" }

// checkSeries reports the first setting of series that makes no sense.
func (s *settings) checkSeries(from source) error {
	if !from.isSeries() {
		for _, c := range []struct {
			key   string
			value any
			set   bool
		}{
			{"window", s.Window, s.Window != 0}, {"ahead", s.Ahead, s.Ahead != 0}, {"forecast", s.Forecast, s.Forecast != ""}, {"relative", s.Relative, s.Relative},
			{"time", s.Time, s.Time != ""}, {"series-id", s.SeriesID, s.SeriesID != ""}, {"known", s.Known, len(s.Known) > 0},
			{"season", s.Season, s.Season != 0}, {"stride", s.Stride, s.Stride != 0},
		} {
			if c.set {
				return &settingError{c.key, fmt.Sprintf("is %v, but only series take it: --data series:FILE", c.value)}
			}
		}
		return nil
	}
	size := func(key string, value, least int) error {
		if value < least || value > maxSize {
			return outOfRange(key, value, fmt.Sprintf("%d to %d", least, maxSize))
		}
		return nil
	}
	switch {
	case len(s.Target) == 0:
		return &settingError{"target", "is missing: it names the column of " + from.path + " to forecast"}
	case s.Window == 0:
		return &settingError{"window", "is missing: it says how many rows the network sees"}
	case s.Ahead == 0:
		return &settingError{"ahead", "is missing: it says how many rows to forecast"}
	case s.Forecast != "" && s.Forecast != forecastDirect && s.Forecast != forecastFree:
		return notOneOf("forecast", s.Forecast, []string{forecastDirect, forecastFree})
	case s.Task != "auto" && s.Task != taskRegress:
		return &settingError{"task", fmt.Sprintf("is %s, but series are numbers to forecast", s.Task)}
	case s.Missing == "drop":
		return &settingError{"missing", "is drop, but a series has no gaps: choose refuse, mean or indicator"}
	case s.Steps != 0:
		return &settingError{"steps", fmt.Sprintf("is %d, but the time steps of a series are its rows: --window says how many", s.Steps)}
	case !slices.Contains([]string{"auto", "mse", "mae", "huber"}, s.Loss):
		return &settingError{"loss", fmt.Sprintf("is %s, but series are numbers; choose mse, mae or huber", s.Loss)}
	case s.ClassWeights != "none":
		return &settingError{"class-weights", fmt.Sprintf("is %q, but series have no classes", s.ClassWeights)}
	case s.LabelSmoothing > 0:
		return &settingError{"label-smoothing", fmt.Sprintf("is %v, but series have no classes", s.LabelSmoothing)}
	case len(s.Features) > 0 && len(s.Ignore) > 0:
		return &settingError{"ignore", "goes without --features, which leaves out all other columns"}
	case s.InitFrom != "" && (len(s.Features)+len(s.Ignore)+len(s.Categories)+len(s.Known) > 0 || s.Missing != "refuse"):
		return &settingError{"init-from", "takes the columns as that model does; leave out --features, --ignore, --categories, --known and --missing"}
	}
	for _, err := range []error{size("window", s.Window, 1), size("ahead", s.Ahead, 1), size("season", s.Season, 0), size("stride", s.Stride, 0)} {
		if err != nil {
			return err
		}
	}
	if len(s.Known) > 0 && s.forecastWay() == forecastDirect && s.Window < s.Ahead {
		return &settingError{"window", fmt.Sprintf("is %d; with --known it must be --ahead, %d, or more: each row of the window has the values known %[2]d rows later", s.Window, s.Ahead)}
	}
	return nil
}

func (s *settings) forecastWay() string {
	if s.Forecast == "" {
		return forecastDirect
	}
	return s.Forecast
}

// seriesWindow returns what the network sees and forecasts.
func (s *settings) seriesWindow() data.Window {
	w := data.Window{Rows: s.Window, Block: s.Ahead, Ahead: s.Ahead, Relative: s.Relative}
	if s.forecastWay() == forecastFree {
		w.Block = 1
	}
	return w
}

// missingOfSeries returns the valid values of settings.Missing for series.
func missingOfSeries() []string {
	return slices.DeleteFunc(missingKinds(), func(kind string) bool { return kind == "drop" })
}
