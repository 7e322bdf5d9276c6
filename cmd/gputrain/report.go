package main

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gputrain/internal/atomicfile"
	"gputrain/internal/inputfile"
	"gputrain/internal/memorylimit"
)

type reportCommand struct {
	Runs []string `arg:"" optional:"" name:"run" default:"latest" help:"Runs, or folders of runs; by default the run in runs that began last."`
	Out  string   `default:"report.html" placeholder:"FILE" help:"The page."`
}

// Help is what "gputrain report --help" says in more detail.
func (*reportCommand) Help() string {
	return `Writes one HTML page that holds all it shows: the curves of the runs, and for each run its state, its figures, the pictures of its folder, a heat map of the gates and states of its recurrent layer while it reads the first sample of the test set, its settings, and what it learned from and with. The page loads nothing from anywhere and runs no scripts. It names data by their file, without the folders.

For the gates the data are read again. If they are gone, or the run has no model yet, the page says so.`
}

// Run writes the report.
func (c *reportCommand) Run(con console) error {
	if !strings.HasSuffix(c.Out, ".html") {
		return &settingError{"out", fmt.Sprintf("is %q; it must end in .html", c.Out)}
	}
	if err := checkAbsent("out", c.Out); err != nil {
		return err
	}
	var broken error
	runs, err := findRuns(c.Runs, func(err error) { broken = errors.Join(broken, err) })
	switch {
	case err != nil:
		return err
	case broken != nil:
		return fmt.Errorf("%s", strings.ReplaceAll(broken.Error(), "\n", "; "))
	case len(runs) == 0:
		return fmt.Errorf("there is no run in %s", some(c.Runs))
	}
	page := reportPage{Title: "gputrain: " + plural(len(runs), "run", "runs"), Version: "gputrain"}
	if version, err := versionText(); err == nil {
		page.Version += " " + version
	}
	if len(runs) == 1 {
		page.Title = "gputrain: " + filepath.Base(string(runs[0].dir))
	} else {
		page.compare(runs)
	}
	for _, r := range runs {
		section, err := newReportRun(r)
		if err != nil {
			return err
		}
		page.Runs = append(page.Runs, section)
	}
	if err := atomicfile.Write(c.Out, func(w io.Writer) error { return reportTemplate.Execute(w, page) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, "report in %s\n", c.Out)
	return err
}

//go:embed report.html.tmpl
var reportText string

var reportTemplate = template.Must(template.New("report").Parse(reportText))

// reportPage is what the template shows.
type reportPage struct {
	Title   string
	Version string
	Header  []string   // of a table of several runs
	Rows    [][]string //
	Charts  []chart
	Runs    []reportRun
}

// reportRun is the section of a run.
type reportRun struct {
	Name, State, Began, Network, Data, Diverged string
	Facts, Settings, Environment                [][2]string
	Understood                                  []string
	Charts                                      []chart
	Pictures                                    []reportPicture
	Gates                                       *gateMaps
	NoGates                                     string // why there are none
}

// reportPicture is a picture of the run's folder.
type reportPicture struct {
	Name  string
	Image template.URL
}

// compare fills in what the page says of several runs together.
func (p *reportPage) compare(runs []*pastRun) {
	header, rows := tableOfRuns(runs)
	for _, cell := range header {
		p.Header = append(p.Header, strings.ReplaceAll(cell, "\n", " "))
	}
	p.Rows = rows
	for _, column := range []string{"validation_loss", "validation_accuracy"} {
		var lines []chartLine
		for _, r := range ranked(runs) {
			lines = append(lines, chartLine{Name: filepath.Base(string(r.dir)), points: curvePoints(r, column)})
		}
		p.Charts = appendChart(p.Charts, strings.ReplaceAll(column, "_", " "), lines)
	}
}

func newReportRun(r *pastRun) (reportRun, error) {
	section := reportRun{
		Name: filepath.Base(string(r.dir)), State: r.state, Began: r.began.Format("2006-01-02 15:04"),
		Network: r.network(), Data: fmt.Sprint(r.settingValues()["data"]), Diverged: r.diverged,
	}
	facts := r.facts()
	section.Facts = append(section.Facts, [2]string{"epochs", fmt.Sprintf("%d of %d", r.epochs, r.settings.Epochs)})
	for _, name := range append([]string{"best_epoch"}, figureNames([]*pastRun{r})...) {
		if value, there := facts[name]; there {
			section.Facts = append(section.Facts, [2]string{strings.ReplaceAll(name, "_", " "), formatFigure(value)})
		}
	}
	targets, _ := r.result["targets"].([]any) // of a regression
	for _, target := range targets {
		if t, ok := target.(map[string]any); ok && len(targets) > 1 { // a single one is among the facts
			section.Facts = append(section.Facts, [2]string{fmt.Sprint(t["name"]),
				fmt.Sprintf("R² %s, RMSE %s, MAE %s on the test set", formatFigure(t["r2"]), formatFigure(t["rmse"]), formatFigure(t["mae"]))})
		}
	}
	section.Facts = append(section.Facts, factsOfLabels(r.result["labels"])...)
	if seconds := known(r.curves["seconds"]); len(seconds) > 0 {
		sum := 0.0
		for _, s := range seconds {
			sum += s
		}
		section.Facts = append(section.Facts, [2]string{"training time", fmt.Sprintf("%.1f s in %s", sum, plural(len(seconds), "epoch", "epochs"))})
	}
	settings := r.settingValues()
	for _, key := range settingKeys() {
		if text := fmt.Sprint(settings[key]); text != "" {
			section.Settings = append(section.Settings, [2]string{key, text})
		}
	}
	var about about
	if err := readJSON(r.dir.file(aboutName), &about); err != nil {
		return section, err
	}
	section.Environment, section.Understood = about.Environment, about.Data

	section.Charts = appendChart(section.Charts, "loss", []chartLine{
		{Name: "training", points: curvePoints(r, "train_loss")}, {Name: "validation", points: curvePoints(r, "validation_loss")}})
	for _, name := range figureNames([]*pastRun{r}) {
		if strings.HasPrefix(name, "validation_") && name != "validation_loss" {
			section.Charts = appendChart(section.Charts, strings.ReplaceAll(name, "_", " "), []chartLine{{Name: "validation", points: curvePoints(r, name)}})
		}
	}
	section.Charts = appendChart(section.Charts, "learning rate", []chartLine{{Name: "lr", points: curvePoints(r, "lr")}})
	var err error
	if section.Pictures, err = r.dir.pictures(); err != nil {
		return section, err
	}
	section.Gates, err = r.gates()
	if err != nil {
		section.NoGates = err.Error()
	}
	return section, nil
}

// known returns the values that are numbers.
func known(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

// pictures returns the pictures of the run's folder, without the curves, which the
// page draws itself.
func (d runDir) pictures() (pictures []reportPicture, err error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name, isPNG := strings.CutSuffix(entry.Name(), ".png")
		if !isPNG || entry.Name() == curvesName {
			continue
		}
		content, err := readPicture(d.file(entry.Name()))
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, reportPicture{name, pngURL(content)})
	}
	return pictures, nil
}

// readPicture reads a PNG.
func readPicture(path string) ([]byte, error) {
	const most = 16 << 20
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	case len(content) > most:
		return nil, fmt.Errorf("%s: it has more than %s, too much for a page", path, memorylimit.Size(most))
	case !strings.HasPrefix(string(content), "\x89PNG\r\n\x1a\n"):
		return nil, fmt.Errorf("%s: it is no PNG", path)
	}
	return content, nil
}

// pngURL is the address of a picture that the page holds itself.
func pngURL(content []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(content))
}
