package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"gputrain/train"
	"gputrain/train/tensorboard"
)

// eventsOf returns the events with figures of a run's event files.
func eventsOf(t *testing.T, dir runDir) (events []tensorboard.Event) {
	t.Helper()
	paths, err := dir.eventFiles()
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has the event files %q, error %v", dir, paths, err)
	}
	for _, path := range paths {
		reader := tensorboard.NewReader(strings.NewReader(readFile(t, path)))
		for {
			event, err := reader.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(event.Scalars) > 0 {
				events = append(events, event)
			}
		}
	}
	return events
}

// linesOf returns the lines of a run's metrics.jsonl.
func linesOf(t *testing.T, dir runDir) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(readFile(t, dir.file(linesName))) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, object)
	}
	return lines
}

// timeless removes from the metrics of a run what depends on when it ran.
func timeless(t *testing.T, dir runDir) string {
	t.Helper()
	var text strings.Builder
	for _, line := range linesOf(t, dir) {
		for _, key := range []string{"time", "seconds", "samples_per_second"} {
			delete(line, key)
		}
		fmt.Fprintln(&text, line)
	}
	for _, event := range eventsOf(t, dir) {
		fmt.Fprint(&text, event.Step)
		for _, s := range event.Scalars {
			if !strings.HasSuffix(s.Tag, "/seconds") && !strings.HasSuffix(s.Tag, "/samples_per_second") {
				fmt.Fprint(&text, " ", s)
			}
		}
		fmt.Fprintln(&text)
	}
	return text.String()
}

func TestLiveMetricsSayWhatTheRunMeasured(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run", "--epochs", "3", "--metrics-every", "7", "--tensorboard")...).want(t, 0)
	rows := metricsOf(t, "run")
	lines, events := linesOf(t, "run"), eventsOf(t, "run")
	const steps, perEpoch = 60, 20
	if want := steps/7 + 3; len(lines) != want || len(events) != want {
		t.Fatalf("%d lines and %d events, want %d", len(lines), len(events), want)
	}
	epoch, step := 0, 0
	for i, line := range lines {
		scalars := map[string]float64{}
		for _, s := range events[i].Scalars {
			scalars[s.Tag] = s.Value
		}
		wantStep := step + 7
		if line["event"] == "epoch" {
			epoch++
			wantStep = epoch * perEpoch
			for column, name := range metricsColumns[1:5] {
				value, _ := line[name].(float64)
				if got := string(appendNumber(nil, value)); got != rows[epoch-1][column+1] {
					t.Errorf("line %d: %s is %s, in metrics.csv %s", i+1, name, got, rows[epoch-1][column+1])
				}
			}
		} else {
			step = wantStep
		}
		if line["step"] != float64(wantStep) || events[i].Step != int64(wantStep) {
			t.Errorf("line %d: step %v, event at %d; want %d", i+1, line["step"], events[i].Step, wantStep)
		}
		for _, name := range []string{"loss", "lr", "train_loss", "validation_loss", "validation_accuracy", "samples_per_second"} {
			value, there := line[name].(float64)
			if got, found := scalars[fmt.Sprint(line["event"], "/", name)]; found != there || got != float64(float32(value)) {
				t.Errorf("line %d: %s is %v, in the event %v", i+1, name, line[name], got)
			}
		}
	}
}

func TestWithoutTheirFlagsThereAreNoLiveMetrics(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run")...).want(t, 0)
	if paths, _ := runDir("run").eventFiles(); len(paths) > 0 || runDir("run").has(linesName) {
		t.Errorf("event files %q, or %s", paths, linesName)
	}
	gputrain("train", "--resume", "run", "--epochs", "3", "--tensorboard").want(t, 0)
	if events := eventsOf(t, "run"); len(events) != 1 || events[0].Step != 60 {
		t.Errorf("a run that asks for events in its third epoch has %v", events)
	}
	gputrain("train", "--resume", "run", "--epochs", "4", "--no-tensorboard").want(t, 0)
	if events := eventsOf(t, "run"); len(events) != 1 {
		t.Errorf("a run that asks for no more events has %v", events)
	}
	wantFailure(t, exitUsage, []string{"--metrics-every is -1; it must be 0 or more"}, quick("--metrics-every", "-1")...)
}

// fakeRecords are those of a run with an epoch of five steps and a record every two.
func fakeRecords(from, to int) (records []record) {
	at := time.Unix(1_700_000_000, 0)
	for step := from; step <= to; step++ {
		if step%2 == 0 {
			records = append(records, record{stepEvent, at, (step + 4) / 5, step, []figure{{"loss", 1 / float64(step)}, {"lr", math.NaN()}}})
		}
		if step%5 == 0 {
			records = append(records, record{epochEvent, at, step / 5, step, []figure{{"train_loss", 2 / float64(step)}}})
		}
	}
	return records
}

func TestLiveMetricsGoOnFromACheckpoint(t *testing.T) {
	for _, kind := range []struct {
		name string
		open func(place) (liveLog, error)
		text func() string // of the file without its beginning, which is dated
	}{
		{"lines",
			func(p place) (liveLog, error) { return openLines(linesName, p) },
			func() string { return readFile(t, linesName) }},
		{"events",
			func(p place) (liveLog, error) { return openEvents(".", p) },
			func() string { return fmt.Sprint(eventsOf(t, ".")) }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			write := func(reached place, records []record) {
				t.Helper()
				log, err := kind.open(reached)
				for _, r := range records {
					err = errors.Join(err, log.append(r))
				}
				if err := errors.Join(err, log.sync(), log.close()); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range []struct {
				reached place
				next    int // the step after which the run goes on
				again   []record
			}{
				{place{0, 0}, 1, nil},
				{place{7, 1}, 8, nil},
				{place{8, 1}, 9, nil},
				{place{10, 2}, 11, nil},
				// The last step of the second epoch is done, its validation is not.
				{place{10, 1}, 11, fakeRecords(10, 10)[1:]},
			} {
				t.Chdir(t.TempDir())
				write(place{}, fakeRecords(1, 20))
				want := kind.text()
				for _, left := range []int{0, 1, 5} { // bytes that the killed process did not write
					tear(t, left)
					write(c.reached, append(c.again, fakeRecords(c.next, 20)...))
					if got := kind.text(); got != want {
						t.Errorf("after %+v, without %d bytes: got\n%s\nwant\n%s", c.reached, left, got, want)
					}
				}
			}
		})
	}
}

// tear removes bytes from the end of the newest file in the current directory.
func tear(t *testing.T, bytes int) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) == 0 {
		t.Fatalf("%v, error %v", entries, err)
	}
	name := entries[len(entries)-1].Name()
	text := readFile(t, name)
	writeFile(t, name, text[:len(text)-bytes])
}

func TestForeignLinesAreNoneOfTheRun(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, text := range []string{"\n", "null\n", `{"event":"step","step":1}` + "\n", strings.Repeat("x", 2*maxLine), "\xff\n", `{"event":"step","step":1e99,"format":1}`} {
		writeFile(t, linesName, text)
		log, err := openLines(linesName, place{100, 100})
		if err != nil {
			t.Fatal(err)
		}
		log.close()
		if got := readFile(t, linesName); got != "" {
			t.Errorf("of %.40q is left %.40q", text, got)
		}
	}
}

// A process that was killed before its first checkpoint leaves a file of which
// nothing counts.
func TestEventsOfSeveralProcesses(t *testing.T) {
	t.Chdir(t.TempDir())
	process := func(reached place, records []record) {
		t.Helper()
		log, err := openEvents(".", reached)
		for _, r := range records {
			err = errors.Join(err, log.append(r))
		}
		if err := errors.Join(err, log.close()); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, "events.out.tfevents.3.other", "of another program")
	process(place{0, 0}, fakeRecords(1, 10))
	process(place{10, 2}, fakeRecords(11, 13))
	process(place{10, 2}, fakeRecords(11, 17))
	process(place{4, 0}, fakeRecords(5, 9))
	process(place{4, 0}, nil)
	process(place{4, 0}, fakeRecords(5, 20))
	events := eventsOf(t, ".")
	for i, r := range fakeRecords(1, 20) {
		if i >= len(events) || events[i].Step != int64(r.step) || !strings.HasPrefix(events[i].Scalars[0].Tag, r.event) {
			t.Fatalf("the events are %v, want those of %v", events, fakeRecords(1, 20))
		}
	}
	paths, err := runDir(".").eventFiles()
	if err != nil || len(paths) != 6 {
		t.Errorf("%q, error %v; want a file of each process", paths, err)
	}
	if readFile(t, "events.out.tfevents.3.other") != "of another program" {
		t.Error("the event file of another program has changed")
	}
}

func TestLiveMetricsTakeNoMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	lines, err := openLines(linesName, place{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := openEvents(".", place{})
	if err != nil {
		t.Fatal(err)
	}
	live := &liveMetrics{every: 1, logs: []liveLog{lines, events}, time: time.Now()}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var before int64
	for step := 1; step <= 10_000; step++ {
		if err := live.endStep(train.Progress{Epoch: 1, Step: step, Samples: 32 * step, Loss: 1, LR: 0.1}); err != nil {
			t.Fatal(err)
		}
		if step == 100 {
			before = heap()
		}
	}
	if grown := heap() - before; grown > 200_000 {
		t.Errorf("the heap grew by %d bytes in 10,000 steps", grown)
	}
	if err := errors.Join(live.sync(), live.close()); err != nil {
		t.Fatal(err)
	}
	if got := len(linesOf(t, ".")); got != 10_000 {
		t.Errorf("%d lines, want 10,000", got)
	}
}

func TestTheNameOfAnEventFileIsOneOfTensorBoards(t *testing.T) {
	t.Chdir(t.TempDir())
	log, err := openEvents(".", place{})
	if err != nil {
		t.Fatal(err)
	}
	log.close()
	// What TensorBoard looks for, and how it sorts the files.
	if name := filepath.Base(log.file.Name()); !regexp.MustCompile(`^events\.out\.tfevents\.\d{10}\.gputrain$`).MatchString(name) {
		t.Errorf("the file is called %s", name)
	}
}

func TestARunDoesNotCutForeignFiles(t *testing.T) {
	for _, name := range []string{linesName, fmt.Sprintf(eventsName, 7)} {
		t.Chdir(t.TempDir())
		writeFile(t, name, "of somebody else")
		wantFailure(t, exitFailure, []string{"holds a run already (" + name + ")"}, quick("--out", ".", "--metrics-every", "1", "--tensorboard")...)
		if readFile(t, name) != "of somebody else" {
			t.Errorf("%s has changed", name)
		}
	}
}
