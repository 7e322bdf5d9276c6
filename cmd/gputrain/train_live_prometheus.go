package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gputrain/train"
)

// exporter is a reporter that also answers Prometheus, which asks from time to time how
// a training goes on.
type exporter struct {
	reporter
	server *http.Server
	ended  chan error

	loss, validationLoss, validationAccuracy, lr, epochs, steps prometheus.Gauge
	samples                                                     prometheus.Counter
	stepSeconds                                                 prometheus.Histogram

	counted int       // samples
	time    time.Time // of the last step; zero before the first and after a validation
}

// listen begins to answer at an address, under the path /metrics. deviceBytes is the
// memory that the training has on its device.
func listen(address string, r reporter, deviceBytes int64) (*exporter, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, &settingError{"metrics-listen", fmt.Sprintf("is %q; it must be an address such as localhost:9100", address)}
	}
	registry := prometheus.NewRegistry()
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "gputrain", Name: name, Help: help})
		registry.MustRegister(g)
		return g
	}
	e := &exporter{
		reporter:           r,
		ended:              make(chan error, 1),
		loss:               gauge("loss", "Mean training loss since the epoch began."),
		validationLoss:     gauge("validation_loss", "Validation loss of the last epoch."),
		validationAccuracy: gauge("validation_accuracy", "Validation accuracy of the last epoch."),
		lr:                 gauge("learning_rate", "Learning rate of the last step."),
		epochs:             gauge("epoch", "The present epoch, from 1."),
		steps:              gauge("steps", "Steps of the run so far."),
		samples: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "gputrain", Name: "samples_total", Help: "Samples that this process has learned from.",
		}),
		stepSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "gputrain", Name: "step_seconds", Help: "Time of a step.", Buckets: prometheus.ExponentialBuckets(1e-5, 4, 12),
		}),
	}
	for _, unknown := range []prometheus.Gauge{e.loss, e.validationLoss, e.validationAccuracy, e.lr} {
		unknown.Set(math.NaN())
	}
	gauge("device_memory_bytes", "Memory of the network and its training on the device.").Set(float64(deviceBytes))
	registry.MustRegister(e.samples, e.stepSeconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	e.server = &http.Server{Addr: listener.Addr().String(), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { e.ended <- e.server.Serve(listener) }()
	return e, nil
}

func (e *exporter) step(p train.Progress) {
	now := time.Now()
	if !e.time.IsZero() {
		e.stepSeconds.Observe(now.Sub(e.time).Seconds())
	}
	e.samples.Add(float64(p.Samples - e.counted))
	e.loss.Set(p.Loss)
	e.lr.Set(p.LR)
	e.epochs.Set(float64(p.Epoch))
	e.steps.Set(float64(p.Step))
	e.counted, e.time = p.Samples, now
	e.reporter.step(p)
}

func (e *exporter) epoch(r train.Epoch) error {
	e.validationLoss.Set(r.ValidLoss)
	e.validationAccuracy.Set(r.ValidAccuracy)
	e.time = time.Time{}
	return e.reporter.epoch(r)
}

// shut ends the answers.
func (e *exporter) shut() error {
	err := e.server.Close()
	if ended := <-e.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
