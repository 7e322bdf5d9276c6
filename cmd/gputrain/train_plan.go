package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gputrain/backend"
	cpubackend "gputrain/cpu"
	"gputrain/data"
	"gputrain/internal/memorylimit"
	"gputrain/train"
)

// A plan is what a training is going to do. It is said before the training begins, in a
// few lines, or at length in place of it, with --dry-run.

// plan explains the training of s on its device.
func (s *session) plan(parts sets) (*explanation, error) {
	e := &explanation{description: s.description, batch: data.Batch{Size: s.settings.Batch}, device: s.settings.Device}
	if onCPU(s.settings.Device) {
		e.device = "cpu: " + describeCPU() + ", products in " + s.settings.Math
	} else if s.settings.Math != float32Math {
		e.device += ", products in " + s.settings.Math
	}
	return e, e.describe(s.net, s.trainer, parts)
}

// summary is what is said of an explanation before each training.
func (e *explanation) summary(parameters int) []string {
	var paths []string
	for _, stage := range e.stages {
		if stage.fusable {
			paths = append(paths, stage.name+": "+stage.path)
		}
	}
	left, limit := memorylimit.Left()
	return []string{
		fmt.Sprintf("%s; %s, %s a step", e.description.title(e.batch.Size), plural(parameters, "parameter", "parameters"), operations(e.flops)),
		strings.Join(paths, "; "),
		fmt.Sprintf("memory: %s on the device, %s beside it; %s are left of %v",
			memorylimit.Size(sum(e.memory)), memorylimit.Size(sum(e.host)), memorylimit.Size(left), limit),
	}
}

// requireFused returns an error for a layer that could run as one whole and does not.
func (e *explanation) requireFused() error {
	for _, stage := range e.stages {
		if stage.fusable && stage.path != backend.PathSequence {
			return fmt.Errorf("--require-fused: %s runs on %s as a %s; gputrain devices lists what there is, and an lstm without projection, layer norm and zoneout is fused on all of them",
				stage.name, e.device, stage.path)
		}
	}
	return nil
}

// rehearse prints the plan and what it takes, measured on some steps. Then the network is
// of no use.
func (s *session) rehearse(ctx context.Context, con console, e *explanation, parts sets) error {
	if err := s.trainer.Check(parts.train, parts.valid); err != nil {
		return err
	}
	batches := data.NewBatches(parts.train, s.settings.Batch)
	const warmUp, most, enough = 2, 1000, time.Second
	var began time.Time
	steps := 0
	for i := range warmUp + most {
		if i == warmUp {
			began = time.Now()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.trainer.Step(batches.Batch(i % batches.Count()))
		if err := s.net.Backend().Sync(); err != nil {
			return err
		}
		if i >= warmUp {
			if steps++; time.Since(began) > enough {
				break
			}
		}
	}
	step := time.Since(began) / time.Duration(steps)
	speed := e.flops / step.Seconds()
	rate := operations(speed) + "/s in matrix products"
	if onCPU(s.settings.Device) {
		peak := cpubackend.PeakFlops(runtime.GOMAXPROCS(0), 20*time.Millisecond)
		rate += fmt.Sprintf(", %.0f %% of the CPU's peak in float32", 100*speed/peak)
	}

	judged, err := parts.valid.First(8 * s.settings.Batch)
	if err != nil {
		return err
	}
	began = time.Now()
	if _, err := train.Evaluate(s.net, s.description.loss(), judged); err != nil {
		return err
	}
	validation := time.Since(began) * time.Duration(parts.valid.Len()) / time.Duration(judged.Len())

	one, several := "step", "steps"
	if s.settings.Accumulate > 1 {
		one, several = "batch", "batches"
	}
	epoch := step*time.Duration(batches.Count()) + validation
	text := fmt.Sprintf("\nan epoch takes about %s: %s of %s, measured on %d (%s), and %s of validation; %s take %s, unless they stop earlier. Nothing was written.\n",
		duration(epoch), plural(batches.Count(), one, several), duration(step), steps, rate, duration(validation),
		plural(s.settings.Epochs, "epoch", "epochs"), duration(epoch*time.Duration(s.settings.Epochs)))
	width := terminalWidth(con.out)
	_, err = io.WriteString(con.out, e.text(width)+wrapLines(text, width))
	return err
}

// operations says a number of floating-point operations in three digits.
func operations(flops float64) string {
	unit := 0
	units := []string{"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"}
	for flops >= 999.5 && unit < len(units)-1 {
		flops, unit = flops/1000, unit+1
	}
	return strconv.FormatFloat(flops, 'g', 3, 64) + " " + units[unit]
}

// duration rounds d to three digits.
func duration(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}
