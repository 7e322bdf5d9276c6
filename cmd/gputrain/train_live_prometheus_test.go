package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"gputrain/train"
)

func TestPrometheusIsAnswered(t *testing.T) {
	e, err := listen("localhost:0", lastLine{}, 12345)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) (int, string) {
		t.Helper()
		answer, err := http.Get("http://" + e.server.Addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	for step := 11; step <= 14; step++ {
		e.step(train.Progress{Epoch: 3, Step: step, Samples: 32 * (step - 10), Loss: 0.5, LR: 0.25})
	}
	if err := e.epoch(train.Epoch{ValidLoss: 0.75, ValidAccuracy: 0.875}); err != nil {
		t.Fatal(err)
	}
	e.step(train.Progress{Epoch: 4, Step: 15, Samples: 150, Loss: 0.5, LR: 0.125})
	code, text := ask("/metrics")
	if code != http.StatusOK {
		t.Fatalf("status %d: %s", code, text)
	}
	for _, want := range []string{
		"gputrain_loss 0.5", "gputrain_validation_loss 0.75", "gputrain_validation_accuracy 0.875", "gputrain_learning_rate 0.125",
		"gputrain_epoch 4", "gputrain_steps 15", "gputrain_samples_total 150", "gputrain_step_seconds_count 3",
		"gputrain_device_memory_bytes 12345", "# TYPE gputrain_step_seconds histogram",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if code, _ := ask("/"); code != http.StatusNotFound {
		t.Errorf("another path: status %d", code)
	}
	if err := e.shut(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + e.server.Addr + "/metrics"); err == nil {
		t.Error("it answers after its end")
	}
}

func TestTrainingAnswersPrometheus(t *testing.T) {
	t.Chdir(t.TempDir())
	o := gputrain(quick("--out", "run", "--metrics-listen", "localhost:0")...).want(t, 0)
	if !strings.Contains(o.errors, "metrics for Prometheus at http://127.0.0.1:") && !strings.Contains(o.errors, "metrics for Prometheus at http://[::1]:") {
		t.Errorf("stderr %q does not say where", o.errors)
	}
	gputrain("train", "--resume", "run", "--epochs", "3", "--metrics-listen", "localhost:0").want(t, 0)

	taken, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	wantFailure(t, exitFailure, []string{"listen", fmt.Sprint(taken.Addr())}, quick("--out", "other", "--metrics-listen", taken.Addr().String())...)
	wantFailure(t, exitUsage, []string{`--metrics-listen is "9100"; it must be an address such as localhost:9100`}, quick("--out", "other", "--metrics-listen", "9100")...)
	if runDir("other").has(configName) {
		t.Error("a run that cannot be watched has begun")
	}
}
