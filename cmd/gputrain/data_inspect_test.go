package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

const mixedTable = "id,size,kind,zip,flag,y\n" +
	"1,0.5,red,10,yes,1\n2,,blue,A12,no,2\n3,NA,red,12,yes,1\n4,2.5,?,13,yes,2\n"

func TestInspectSaysWhatATableHolds(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "x.csv", mixedTable)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--target", "y"}, []string{
			"x.csv: 4 rows, 6 columns, a header\n",
			"column  use      holds             values  missing     min    max   mean\n",
			"id      feature  whole numbers          4        0       1      4  2.500\n",
			"size    feature  numbers                2        2  0.5000  2.500  1.500\n",
			"kind    feature  one of two             2        1\n",
			"zip     feature  numbers and text       4        0   10.00  13.00  11.67\n",
			"flag    feature  one of two             2        0\n",
			"y       target   whole numbers          2        0       1      2  1.500\n",
			"flag: yes (3), no (1)\n", "y: 1 (2), 2 (2)\n", "task: classify\n",
			"refused: size: 2 values are missing, the first in line 3; say --missing mean, drop or indicator\n",
			`refused: zip: line 3 has "A12", which is no number, but 3 other values are; correct it, or take it for a category: --categories zip` + "\n",
		}},
		{[]string{"--target", "y", "--missing", "mean", "--categories", "zip", "--ignore", "id"}, []string{
			"id      left out  whole", "kind: red (2), blue (1)\n", "zip: 10 (1), 12 (1), 13 (1), A12 (1)\n", "nothing would be refused\n"}},
		{[]string{"--target", "size", "--task", "regress", "--features", "id"}, []string{
			"task: regress\n", "refused: size: 2 values are missing, the first in line 3; --missing drop leaves the rows out\n"}},
		{[]string{"--target", "kind", "--task", "regress"}, []string{`refused: x.csv:2: the target kind holds "red", which is no number to learn` + "\n"}},
		{[]string{"--features", "syze"}, []string{`refused: x.csv: --features: there is no column "syze"; did you mean "size"?` + "\n", "no --target is given"}},
	} {
		o := gputrain(append([]string{"data", "inspect", "x.csv"}, c.args...)...).want(t, 0)
		for _, want := range c.want {
			if !strings.Contains(o.out, want) {
				t.Errorf("%q: %s\nhas no %q", c.args, o.out, want)
			}
		}
	}
	piped := gputrainWith(t.Context(), strings.NewReader(mixedTable), "data", "inspect", "-").want(t, 0)
	if !strings.HasPrefix(piped.out, "stdin: 4 rows") || strings.Contains(piped.out, "nothing would") {
		t.Errorf("of a pipe: %s", piped.out)
	}
	wantFailure(t, exitFailure, []string{"none.csv: "}, "data", "inspect", "none.csv")
	wantFailure(t, exitFailure, []string{`x.csv:1: the first line names no column "z"`}, "data", "inspect", "x.csv", "--target", "z")
	wantFailure(t, exitUsage, []string{`--missing is "no"`}, "data", "inspect", "x.csv", "--missing", "no")
}

// What inspect would refuse, and nothing else, train refuses.
func TestInspectAgreesWithTrain(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "houses.csv", houses(100))
	writeFile(t, "mixed.csv", strings.Replace(houses(100), ",Rome,", ",5,", 1))
	writeFile(t, "infinite.csv", strings.Replace(houses(100), "\nh0,", "\nh0,1e39", 1))
	refusals := 0
	for _, flags := range []string{
		"houses.csv --target price", "houses.csv --target price --ignore id", "houses.csv --target price --ignore id --missing drop",
		"houses.csv --target garden --features area,city", "houses.csv --target city --features area --task classify", "houses.csv --target id --features area",
		"houses.csv --target price --task classify --features area", "mixed.csv --target price --features city", "mixed.csv --target price --features city --categories city",
		"infinite.csv --target price --features area", "houses.csv --target rooms --features area --task regress", "houses.csv --target rooms --features area --task regress --missing drop",
	} {
		args := strings.Fields(flags)
		o := gputrain(append([]string{"data", "inspect", "--json"}, args...)...).want(t, 0)
		var found findings
		if err := json.Unmarshal([]byte(o.out), &found); err != nil {
			t.Fatal(err)
		}
		trained := gputrain(append([]string{"train", "--model", "mlp", "--hidden", "2", "--epochs", "1", "--out", "run", "--data", "csv:" + args[0]}, args[1:]...)...)
		if refused := trained.code != 0; refused != (len(found.Problems) > 0) {
			t.Errorf("%s: inspect finds %q, train says %q", flags, found.Problems, trained.errors)
		} else if refused {
			refusals++
		}
		if err := os.RemoveAll("run"); err != nil {
			t.Fatal(err)
		}
	}
	if refusals < 4 {
		t.Errorf("only %d tables are refused", refusals)
	}
}

func TestInspectJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "x.csv", mixedTable)
	o := gputrain("data", "inspect", "csv:x.csv", "--json", "--target", "flag", "--ignore", "id").want(t, 0)
	var got struct {
		File, Task string
		Rows       int
		Columns    []struct {
			Number          int
			Name, Use, Type string
			Values          *int
			Missing         int
			Min, Max        *float64
			Counts          map[string]int
			Problem         string
		}
		Problems []string
	}
	if err := json.Unmarshal([]byte(o.out), &got); err != nil || strings.Count(o.out, "\n") != 1 {
		t.Fatalf("%v: %s", err, o.out)
	}
	size, kind, flag := got.Columns[1], got.Columns[2], got.Columns[4]
	if got.Rows != 4 || got.Task != taskClassify || len(got.Problems) != 3 || got.Columns[0].Use != useNone || *size.Values != 2 || *size.Max != 2.5 || size.Counts != nil || size.Problem == "" ||
		kind.Min != nil || kind.Counts["red"] != 2 || flag.Use != useTarget || flag.Counts["yes"] != 3 {
		t.Errorf("got %s", o.out)
	}
}

func TestInspectFitsTheTerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "houses.csv", houses(100))
	for _, width := range []int{40, 80} {
		terminal := &fakeTerminal{width: width}
		if code := run(t.Context(), []string{"data", "inspect", "houses.csv", "--target", "price"}, nil, terminal, terminal); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		screen := terminal.screen(t) // which fails for a line that is too wide
		if !slices.ContainsFunc(screen, func(line string) bool { return strings.Contains(line, "missing") }) {
			t.Errorf("%d columns: %q", width, screen)
		}
	}
}

// The commands of docs/tables.md work as they stand there.
func TestCommandsOfTheTablesPage(t *testing.T) {
	skipUnderRace(t)
	page := readFile(t, "../../docs/tables.md")
	tables := map[string]string{"data/testdata/houses.csv": houses(400), "data/testdata/films.csv": films(400)}
	for name, drawn := range tables {
		if readFile(t, "../../"+name) != drawn {
			t.Errorf("%s is not what its function draws", name)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("data/testdata", 0o777); err != nil {
		t.Fatal(err)
	}
	for name, drawn := range tables {
		writeFile(t, name, drawn)
	}
	ran := 0
	for line := range strings.Lines(page) {
		if command, ok := strings.CutPrefix(line, "    gputrain "); ok {
			gputrain(strings.Fields(command)...).want(t, 0)
			ran++
		}
	}
	if ran < 10 {
		t.Errorf("%d commands", ran)
	}
}
