package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

type showPerceptronCommand struct {
	Gate string `placeholder:"GATE" help:"and, or, nand, nor or xor; by default and, or and xor side by side."`
	Seed int64  `default:"1" help:"Seed of the initial line."`
	Out  string `placeholder:"FILE" help:"The animation, a GIF; by default perceptron.gif or perceptron-GATE.gif."`
}

// Help is what "gputrain show perceptron --help" says in more detail.
func (*showPerceptronCommand) Help() string {
	return `A perceptron with two inputs gives 1 on one side of a line and -1 on the other. It learns the four rows of a gate's truth table, shown one after the other, by the perceptron rule: each mistake moves the line. For AND, OR, NAND and NOR the line comes to rest when no mistake is left. No line separates XOR, so the rule goes on for ever; the animation ends after 16 epochs. The title counts the rows on the wrong side.

The last picture is written beside the animation, as a PNG.`
}

// How the perceptrons of the animation learn.
const (
	showRate   = 0.2
	showEpochs = 16
)

// Run draws the animation.
func (c *showPerceptronCommand) Run(ctx context.Context, con console) error {
	gates, err := c.gates()
	if err != nil {
		return err
	}
	name := "perceptron.gif"
	if c.Gate != "" {
		name = "perceptron-" + c.Gate + ".gif"
	}
	gif := cmp.Or(c.Out, name)
	png := strings.TrimSuffix(gif, ".gif") + ".png"
	b, err := openShow(c.Seed, ".gif", gif, png)
	if err != nil {
		return err
	}
	defer b.Close()
	lessons := make([]*lesson, len(gates))
	for i, gate := range gates {
		if lessons[i], err = newLesson(ctx, b, gate, uint64(c.Seed)); err != nil {
			return err
		}
	}
	if err := drawLessons(lessons, gif, png); err != nil {
		return err
	}
	for _, l := range lessons {
		fmt.Fprintln(con.out, l.outcome())
	}
	_, err = fmt.Fprintf(con.out, "animation in %s, its last picture in %s\n", gif, png)
	return err
}

// gates returns the gates to show.
func (c *showPerceptronCommand) gates() ([]tasks.Gate, error) {
	if c.Gate == "" {
		return []tasks.Gate{tasks.AND, tasks.OR, tasks.XOR}, nil
	}
	var names []string
	for _, gate := range []tasks.Gate{tasks.AND, tasks.OR, tasks.NAND, tasks.NOR, tasks.XOR} {
		name := strings.ToLower(gate.String())
		if name == c.Gate {
			return []tasks.Gate{gate}, nil
		}
		names = append(names, name)
	}
	return nil, checkOneOf("gate", c.Gate, names)
}

// lesson is how a perceptron learned a gate.
type lesson struct {
	gate    tasks.Gate
	table   *data.Dataset
	moments []moment // before learning, and after each sample
	result  train.PerceptronResult
}

// moment is the state of a perceptron after a sample.
type moment struct {
	epoch  int // from 1; 0 before learning
	sample int // that was shown; −1 before learning
	line   separatingLine
	wrong  []bool // of each sample
}

// newLesson trains a perceptron on a gate.
func newLesson(ctx context.Context, b backend.Backend, gate tasks.Gate, seed uint64) (*lesson, error) {
	l := &lesson{gate: gate, table: gate.Table(-1)}
	net, err := model.New(b, model.Spec{
		{Name: "perceptron", Layer: model.Perceptron{Out: 1}},
	}, model.Shape{Steps: 1, Batch: l.table.Len(), Width: l.table.Width}, model.Options{})
	if err != nil {
		return nil, err
	}
	defer net.Free()
	net.Init(seed)
	if err := l.note(net, 0, -1); err != nil {
		return nil, err
	}
	rule := train.PerceptronRule{LR: showRate, Epochs: showEpochs, OnSample: func(epoch, sample int) error {
		return l.note(net, epoch+1, sample)
	}}
	l.result, err = rule.Fit(ctx, net, l.table)
	return l, err
}

// note appends the present moment of net.
func (l *lesson) note(net *model.Network, epoch, sample int) error {
	var weight [2]float32
	var bias [1]float32
	for i, dst := range [][]float32{weight[:], bias[:]} {
		if err := net.Backend().Download(dst, net.Parameters()[i].Value); err != nil {
			return err
		}
	}
	outputs, err := train.Predict(net, l.table)
	if err != nil {
		return err
	}
	m := moment{epoch: epoch, sample: sample, line: separatingLine{float64(weight[0]), float64(weight[1]), float64(bias[0])}}
	for i, y := range outputs {
		m.wrong = append(m.wrong, y[0] != l.table.Targets[i])
	}
	l.moments = append(l.moments, m)
	return nil
}

// outcome says how the lesson ended.
func (l *lesson) outcome() string {
	epochs := len(l.result.Mistakes)
	if l.result.Converged {
		return fmt.Sprintf("%-4s learned: no mistake in epoch %d", l.gate, epochs)
	}
	return fmt.Sprintf("%-4s not learned: %d mistakes in epoch %d", l.gate, l.result.Mistakes[epochs-1], epochs)
}

// How long a picture is shown.
const (
	shownEach = 250 * time.Millisecond
	shownLast = 4 * time.Second
)

// drawLessons writes the animation of lessons, side by side, and its last
// picture.
func drawLessons(lessons []*lesson, gif, png string) error {
	last := 0
	for _, l := range lessons {
		last = max(last, len(l.moments)-1)
	}
	movie := newAnimation(paperColor, lineColor, onColor, offColor, onGround, offGround)
	for i := range last {
		picture, err := drawMoments(lessons, i)
		if err != nil {
			return err
		}
		movie.add(picture.Image(), shownEach)
	}
	picture, err := drawMoments(lessons, last)
	if err != nil {
		return err
	}
	movie.add(picture.Image(), shownLast)
	if err := movie.write(gif); err != nil {
		return err
	}
	return writePNG(png, picture)
}
