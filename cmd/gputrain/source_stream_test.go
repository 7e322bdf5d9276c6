package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// streamed returns the arguments of a training whose rows stream, kept in the folder cache.
func streamed(run string, more ...string) []string {
	return append(quick("--data", "csv:flowers.csv", "--target", "species", "--stream", "always", "--cache", "cache", "--out", run), more...)
}

// cacheFile returns the only file in the folder cache.
func cacheFile(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("cache", "*"))
	if err != nil || len(found) != 1 || !strings.HasSuffix(found[0], ".rows") {
		t.Fatalf("the cache holds %q, %v", found, err)
	}
	return found[0]
}

func wantText(t *testing.T, what, text string, fragments ...string) {
	t.Helper()
	for _, fragment := range fragments {
		if !strings.Contains(text, fragment) {
			t.Errorf("%s is %q, want it to contain %q", what, text, fragment)
		}
	}
}

// A table that streams and fits into a window gives the model of the table in memory, to the
// byte. The file of rows serves again until the table changes.
func TestAStreamedRunIsTheRunInMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(90))
	gputrain(quick("--data", "csv:flowers.csv", "--target", "species", "--out", "memory", "--class-weights", "balanced")...).want(t, 0)
	o := gputrain(streamed("a", "--class-weights", "balanced")...).want(t, 0)
	made := cacheFile(t)
	wantText(t, "stderr", o.errors, "flowers.csv: its rows stream from "+made+" (", "made now: --stream always", "3 classes: iris (30), lily (30), rose (30)")
	if readFile(t, "memory/model.safetensors") != readFile(t, "a/model.safetensors") {
		t.Error("the model is another one than in memory")
	}
	wantText(t, "config.toml", readFile(t, "a/config.toml"), "stream = \"always\"\n")
	if config := readFile(t, "memory/config.toml"); strings.Contains(config, "stream") {
		t.Errorf("config.toml of the run in memory is %s", config)
	}

	wantText(t, "stderr", gputrain(streamed("b", "--class-weights", "balanced")...).want(t, 0).errors, "made before")
	if readFile(t, "a/model.safetensors") != readFile(t, "b/model.safetensors") {
		t.Error("the second model is another one")
	}
	// The model is measured on the same rows, and goes on with them, alone or in another run.
	o = gputrain("eval", "--model", "a").want(t, 0)
	wantText(t, "stderr", o.errors, "made before")
	if want := gputrain("eval", "--model", "memory").want(t, 0); o.out != want.out {
		t.Errorf("eval prints %q, want %q", o.out, want.out)
	}
	wantText(t, "stderr", gputrain("train", "--resume", "a", "--epochs", "3").want(t, 0).errors, "made before")
	gputrain("train", "--resume", "memory", "--epochs", "3").want(t, 0)
	if readFile(t, "memory/model.safetensors") != readFile(t, "a/model.safetensors") {
		t.Error("the resumed model is another one than in memory")
	}
	wantText(t, "stderr", gputrain(streamed("c", "--init-from", "a")...).want(t, 0).errors, "made before")
	if checkpoint := readFile(t, "a/checkpoints/"+lastCheckpoint(t, "a")); strings.Contains(checkpoint, "cache") {
		t.Error("the checkpoint says where the cache is")
	}

	// Another time alone is no change; another content is one.
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes("flowers.csv", later, later); err != nil {
		t.Fatal(err)
	}
	wantText(t, "stderr", gputrain(streamed("d")...).want(t, 0).errors, "made before")
	writeFile(t, "flowers.csv", strings.Replace(flowers(90), "0.1,", "0.2,", 1))
	wantText(t, "stderr", gputrain(streamed("e")...).want(t, 0).errors, "made now: flowers.csv has changed since its rows were kept")
	wantFailure(t, exitFailure, []string{"flowers.csv has changed since the run began"}, "train", "--resume", "b", "--epochs", "3")
}

func lastCheckpoint(t *testing.T, run string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(run, "checkpoints", "*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s has the checkpoints %q, %v", run, found, err)
	}
	return filepath.Base(found[len(found)-1])
}

func TestStreamedNumbersAreThoseInMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(90))
	args := []string{"--data", "csv:flowers.csv", "--target", "length", "--target", "width", "--task", "regress", "--cache", "cache"}
	gputrain(quick(append(args, "--out", "memory")...)...).want(t, 0)
	gputrain(quick(append(args, "--out", "a", "--stream", "always")...)...).want(t, 0)
	for _, file := range []string{"model.safetensors", "result.json"} {
		if readFile(t, "memory/"+file) != readFile(t, "a/"+file) {
			t.Errorf("%s is another one than in memory", file)
		}
	}
}

// What lies in the place of the rows is made anew if it is a damaged file of rows, and left
// alone if it is another file.
func TestOfTheFilesInTheCacheOnlyRowsAreReplaced(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(90))
	gputrain(streamed("a")...).want(t, 0)
	path := cacheFile(t)
	whole := readFile(t, path)
	writeFile(t, path, whole[:len(whole)/2])
	wantText(t, "stderr", gputrain(streamed("b")...).want(t, 0).errors, "made now: "+path+": damaged row file: it is cut short")
	if readFile(t, path) != whole {
		t.Error("the file was made anew, but is another one")
	}
	// A damaged sample shows when it is read. The file names itself and the remedy.
	writeFile(t, path, whole[:20]+"x"+whole[21:])
	wantFailure(t, exitFailure, []string{path + ": damaged row file: the block that ends at byte", "remove it, and it is made anew"}, streamed("c")...)
	writeFile(t, path, "letters to a friend")
	wantFailure(t, exitFailure, []string{path, "it is no file of rows", "--cache"}, streamed("c")...)
}

func TestStreamIsRefusedWhereItHasNoMeaning(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(90))
	wantFailure(t, exitUsage, []string{"--stream is always, but only tables stream from disk"}, quick("--stream", "always", "--out", "run")...)
	wantFailure(t, exitUsage, []string{`--stream is "allways"`, `did you mean "always"?`}, quick("--stream", "allways", "--out", "run")...)
	wantFailure(t, exitFailure, []string{"flowers.csv/x", "--cache"}, streamed("run", "--cache", "flowers.csv/x")...)
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("LocalAppData", "")
	wantFailure(t, exitUsage, []string{"--cache"}, quick("--data", "csv:flowers.csv", "--target", "species", "--stream", "always", "--out", "run")...)
	gputrain(quick("--data", "csv:flowers.csv", "--target", "species", "--out", "run")...).want(t, 0)
}

// A table from stdin gives the run of the same table in a file, streamed or not.
func TestATableFromStdin(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(90))
	with := func(table string, args ...string) outcome {
		return gputrainWith(context.Background(), strings.NewReader(table), args...)
	}
	args := quick("--data", "csv:-", "--target", "species", "--cache", "cache")
	gputrain(quick("--data", "csv:flowers.csv", "--target", "species", "--out", "file")...).want(t, 0)
	o := with(flowers(90), append(args, "--out", "a")...).want(t, 0)
	wantText(t, "stderr", o.errors, "stdin: it is not kept; to resume this run, pipe the same table into the command again")
	with(flowers(90), append(args, "--out", "b", "--stream", "always")...).want(t, 0)
	for _, run := range []string{"a", "b"} {
		if readFile(t, run+"/metrics.csv") == "" || withoutTimes(readFile(t, run+"/metrics.csv")) != withoutTimes(readFile(t, "file/metrics.csv")) {
			t.Errorf("run %s has the metrics %s, want %s", run, readFile(t, run+"/metrics.csv"), readFile(t, "file/metrics.csv"))
		}
		with(flowers(90), "train", "--resume", run, "--epochs", "3").want(t, 0)
		wantText(t, "stderr", with("", "train", "--resume", run, "--epochs", "4").want(t, exitFailure).errors, "stdin is empty", "needs the same table again")
		wantText(t, "stderr", with(flowers(60), "train", "--resume", run, "--epochs", "4").want(t, exitFailure).errors, "csv:- has changed since the run began")
		wantText(t, "stderr", gputrain("eval", "--model", run).want(t, exitFailure).errors, "which only gputrain train reads")
		gputrain("eval", "--model", run, "--data", "csv:flowers.csv").want(t, 0)
	}
	wantText(t, "stderr", with(flowers(90), append(args, "--out", "c", "--stream", "always")...).want(t, 0).errors, "made before")
	if left, err := filepath.Glob("cache/.*"); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
	wantText(t, "stderr", with("a,species\n1,x\n2,\n", append(args, "--out", "d")...).want(t, exitFailure).errors, "stdin:3:2: ")
	wantFailure(t, exitUsage, []string{`--data is "parquet:-"`, "csv:-"}, quick("--data", "parquet:-", "--target", "y", "--out", "d")...)
}

// withoutTimes returns the columns of metrics.csv up to the accuracy.
func withoutTimes(metrics string) string {
	var kept []string
	for line := range strings.Lines(metrics) {
		kept = append(kept, strings.Join(strings.Split(line, ",")[:5], ","))
	}
	return strings.Join(kept, "\n")
}

// Rows that cannot stream stay in memory unless they are asked to.
func TestLabelsAndVectorsStayInMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "marks.csv", "kind,a,b\n"+strings.Repeat("x,1,0\ny,0,1\nz,1,1\n", 20))
	for want, args := range map[string][]string{
		"labels of which several may hold": {"--target", "a", "--target", "b", "--task", "multilabel"},
		"categories with vectors":          {"--target", "b", "--embed", "kind"},
	} {
		wantFailure(t, exitUsage, []string{"--stream always: " + want}, quick(append(args, "--data", "csv:marks.csv", "--stream", "always", "--cache", "cache", "--out", "run")...)...)
	}
}
