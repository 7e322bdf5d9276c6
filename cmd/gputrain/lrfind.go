package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"gputrain/model"
	"gputrain/train"
)

type lrFindCommand struct {
	settings `embed:""`

	Config configFlag `placeholder:"FILE" help:"Settings in TOML, such as the config.toml of a run; flags win."`
	From   float64    `default:"1e-6" placeholder:"RATE" help:"The first learning rate."`
	To     float64    `default:"10" placeholder:"RATE" help:"The last one."`
	Count  int        `default:"200" placeholder:"N" help:"Updates in between, each with a larger rate."`
	Plot   string     `placeholder:"FILE" help:"Also draw the loss over the rates into this PNG."`
	JSON   bool       `name:"json" help:"Print a JSON object."`
}

// Help is what "gputrain lr-find --help" says in more detail.
func (*lrFindCommand) Help() string {
	return `Trains with a learning rate that grows from step to step, until the loss explodes, and says where it fell most steeply (L. N. Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3). A rate there, or somewhat below, is a good --lr. Nothing is kept of the training. --lr, --schedule, --warmup and --epochs have no part in it.

The losses are those of single batches, smoothed over some ten of them.`
}

// Run tries the rates and prints what came of them.
func (c *lrFindCommand) Run(ctx context.Context, con console) error {
	if err := cmp.Or(c.check(), c.oneRank("gputrain lr-find")); err != nil {
		return err
	}
	d, parts, file, err := c.load(c.InitFrom)
	if err != nil {
		return err
	}
	b, _, err := openDevice(c.Device, c.Math)
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := model.New(b, d.spec(), d.input(c.Batch), model.Options{})
	if err != nil {
		return tooLarge(err)
	}
	if err := checkTraining(need{"the initial values", initBytes(net)}); err != nil {
		return err
	}
	net.Init(uint64(c.Seed))
	if file != nil {
		if err := net.Load(file); err != nil {
			return err
		}
	}
	ctx, stop := notifyStop(ctx)
	defer stop()
	tried, err := c.try(ctx, net, d, parts)
	if err != nil {
		return err
	}
	if c.Plot != "" {
		if err := tried.draw(c.Plot, d.lossName()); err != nil {
			return err
		}
	}
	return tried.print(con.out, c.JSON)
}

func (c *lrFindCommand) check() error {
	switch {
	case !(c.From > 0) || math.IsInf(c.From, 0):
		return outOfRange("from", c.From, "a number above 0")
	case !(c.To > c.From) || math.IsInf(c.To, 0):
		return outOfRange("to", c.To, fmt.Sprintf("a number above --from, %g", c.From))
	case c.Count < 10 || c.Count > maxSize:
		return outOfRange("count", c.Count, fmt.Sprintf("10 to %d", maxSize))
	}
	if c.Plot != "" {
		if err := checkAbsent("plot", c.Plot); err != nil {
			return err
		}
	}
	return c.settings.check()
}

// growing is a train.Schedule: the rate grows by the same factor at each step.
type growing struct{ factor float64 }

// Factor implements train.Schedule.
func (g growing) Factor(step int) float64 { return math.Pow(g.factor, float64(step)) }

// Check implements train.Schedule.
func (growing) Check() error { return nil }

// errTried ends the training when enough has been seen.
var errTried = errors.New("all rates are tried")

// try trains with the rates.
func (c *lrFindCommand) try(ctx context.Context, net *model.Network, d *description, parts sets) (*triedRates, error) {
	updates := c.updates(parts.train.Len()) // of an epoch
	options := c.options(d, parts.train)
	options.LR, options.Schedule = c.From, growing{math.Pow(c.To/c.From, 1/float64(c.Count-1))}
	options.Epochs = (c.Count + updates - 1) / updates
	options.Patience, options.KeepBest, options.EMA, options.LossEvery = 0, false, 0, 1
	tried := &triedRates{}
	var epoch, before int // the epoch, and samples before it
	var rows, sum float64 // of the epoch
	options.OnStep = func(p train.Progress) error {
		if p.Epoch != epoch {
			epoch, before, rows, sum = p.Epoch, before+int(rows), 0, 0
		}
		// Progress has the mean of the epoch, of which the last batch is a part.
		all := float64(p.Samples - before)
		tried.add(p.LR, (p.Loss*all-sum)/(all-rows))
		rows, sum = all, p.Loss*all
		if p.Step == c.Count || tried.exploded() {
			return errTried
		}
		return nil
	}
	trainer, err := train.New(net, options)
	if err != nil {
		return nil, tooLarge(err)
	}
	err = trainer.Fit(ctx, parts.train, nil)
	if errors.Is(err, errTried) || errors.Is(err, train.ErrDiverged) {
		err = nil
	}
	return tried, err
}

// triedRates are learning rates, each with the loss of the batch that came after the
// rates before it.
type triedRates struct {
	rates, losses []float64
	smooth        []float64 // an exponential mean of the losses
	mean, weight  float64
}

const (
	smoothing = 0.9 // the weight of the past in the exponential mean
	explosion = 4   // times the least loss
)

func (t *triedRates) add(rate, loss float64) {
	t.mean, t.weight = smoothing*t.mean+(1-smoothing)*loss, smoothing*t.weight+(1-smoothing)
	t.rates, t.losses, t.smooth = append(t.rates, rate), append(t.losses, loss), append(t.smooth, t.mean/t.weight)
}

// exploded reports whether larger rates are of no use.
func (t *triedRates) exploded() bool {
	last := t.smooth[len(t.smooth)-1]
	return math.IsNaN(last) || last > explosion*slices.Min(t.smooth)
}

// least returns the index of the smallest smoothed loss.
func (t *triedRates) least() int {
	least := 0
	for i, loss := range t.smooth {
		if loss < t.smooth[least] {
			least = i
		}
	}
	return least
}

// steepest returns the index in the middle of the stretch of updates in which the
// smoothed loss falls most, before it is least; ok is false if it never falls. The first
// few losses are hardly smoothed and don't count.
func (t *triedRates) steepest() (at int, ok bool) {
	const stretch, skipped = 10, 5
	most := 0.0
	for i := skipped + stretch; i <= t.least(); i++ {
		if fall := t.smooth[i-stretch] - t.smooth[i]; fall > most {
			at, most = i-stretch/2, fall
		}
	}
	return at, most > 0
}

// print prints what was found.
func (t *triedRates) print(w io.Writer, asJSON bool) error {
	if len(t.rates) == 0 {
		return errors.New("the first update diverged: begin with a smaller --from")
	}
	steepest, falls := t.steepest()
	if asJSON {
		object := struct {
			Event    string       `json:"event"`
			Steepest *float64     `json:"steepest"`
			Least    float64      `json:"least"`
			Rates    []float64    `json:"rates"`
			Losses   []jsonNumber `json:"losses"`
		}{Event: "rates", Least: t.rates[t.least()], Rates: t.rates}
		if falls {
			object.Steepest = &t.rates[steepest]
		}
		for _, loss := range t.losses {
			object.Losses = append(object.Losses, jsonNumber(loss))
		}
		return json.NewEncoder(w).Encode(object)
	}
	last := len(t.rates) - 1
	if _, err := fmt.Fprintf(w, "%d updates with rates from %.3g to %.3g; the loss began at %.4f and was least, %.4f, at %.3g\n",
		len(t.rates), t.rates[0], t.rates[last], t.smooth[0], t.smooth[t.least()], t.rates[t.least()]); err != nil {
		return err
	}
	if !falls {
		_, err := fmt.Fprintln(w, "the loss never fell: try other rates with --from and --to, or more updates with --count")
		return err
	}
	rate := strconv.FormatFloat(t.rates[steepest], 'g', 2, 64)
	_, err := fmt.Fprintf(w, "it fell most steeply at %s: try --lr %[1]s, or somewhat less\n", rate)
	return err
}

// draw draws the losses over the rates.
func (t *triedRates) draw(path, unit string) error {
	panel := newPlot("Loss by learning rate", "learning rate", unit)
	panel.X.Scale, panel.X.Tick.Marker = plot.LogScale{}, powerTicks{}
	panel.Legend.Top, panel.Legend.Left = true, true
	panel.Add(plotter.NewGrid())
	var single, smooth plotter.XYs
	for i, rate := range t.rates {
		if !math.IsNaN(t.losses[i]) && !math.IsInf(t.losses[i], 0) {
			single = append(single, plotter.XY{X: rate, Y: t.losses[i]})
			smooth = append(smooth, plotter.XY{X: rate, Y: t.smooth[i]})
		}
	}
	points, err := plotter.NewScatter(single)
	line, lineErr := plotter.NewLine(smooth)
	if err := cmp.Or(err, lineErr); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	points.Shape, points.Radius, points.Color = draw.CircleGlyph{}, vg.Points(1.2), comparisonColors[4]
	line.Width, line.Color = vg.Points(1.5), comparisonColors[0]
	panel.Add(points, line)
	panel.Legend.Add("of a batch", points)
	panel.Legend.Add("smoothed", line)
	if at, falls := t.steepest(); falls {
		mark, err := plotter.NewScatter(plotter.XYs{{X: t.rates[at], Y: t.smooth[at]}})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		mark.Shape, mark.Radius, mark.Color = draw.CircleGlyph{}, vg.Points(3.5), comparisonColors[1]
		panel.Add(mark)
		panel.Legend.Add(fmt.Sprintf("steepest, %.2g", t.rates[at]), mark)
	}
	// Single batches may lie far above what matters.
	panel.Y.Max = min(panel.Y.Max, explosion*slices.Max(t.smooth[:t.least()+1]))
	img := vgimg.NewWith(vgimg.UseWH(14*vg.Centimeter, 10*vg.Centimeter), vgimg.UseDPI(dotsPerInch))
	panel.Draw(draw.Crop(draw.New(img), margin, -margin, margin, -margin))
	return writePNG(path, img)
}

// powerTicks are ticks at the powers of ten, with labels that take little room.
type powerTicks struct{}

// Ticks implements plot.Ticker.
func (powerTicks) Ticks(low, high float64) []plot.Tick {
	ticks := plot.LogTicks{Prec: -1}.Ticks(low, high)
	for i, tick := range ticks {
		if tick.Label != "" {
			ticks[i].Label = fmt.Sprintf("%.0e", tick.Value)
		}
	}
	return ticks
}
