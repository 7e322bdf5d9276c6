package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"gputrain/bench"
)

// benchReport is what bench found.
type benchReport struct {
	Gputrain     string               `json:"gputrain"` // version
	Machine      string               `json:"machine"`
	Device       string               `json:"device"`
	Math         string               `json:"math,omitempty"` // other than float32
	Facts        [][2]string          `json:"device_facts,omitempty"`
	Environment  []string             `json:"environment,omitempty"` // variables that decide about speed
	Torch        *bench.TorchVersions `json:"torch,omitempty"`
	Python       string               `json:"python,omitempty"` // that has it
	Measurements []benchMeasurement   `json:"measurements"`
}

// benchMeasurement is the speed of one piece of work.
type benchMeasurement struct {
	Name    string      `json:"name"`
	About   string      `json:"about,omitempty"`   // of a training step
	Samples int         `json:"samples,omitempty"` // of a training step
	Flop    float64     `json:"floating_point_operations"`
	Threads int         `json:"threads,omitempty"`
	Rounds  int         `json:"rounds"`
	Peak    float64     `json:"peak_gflops,omitempty"` // of FMA, in the same rounds
	Ours    benchSpeed  `json:"gputrain"`
	Torch   []benchPeer `json:"torch,omitempty"` // the faster first, which counts
}

// benchSpeed is the speed of one side.
type benchSpeed struct {
	Milliseconds float64 `json:"ms"` // median
	Fastest      float64 `json:"fastest_ms"`
	Samples      float64 `json:"samples_per_second,omitempty"`
	GFLOPS       float64 `json:"gflops"`
	PeakShare    float64 `json:"peak_share,omitempty"` // median of the rounds
}

// benchPeer is the speed of PyTorch, and how gputrain compares.
type benchPeer struct {
	Threads    int  `json:"threads"`     // as PyTorch says
	OwnThreads bool `json:"own_threads"` // nothing told it how many
	benchSpeed
	Ratio benchRatio `json:"ratio"`
}

// benchRatio is the time of PyTorch over that of gputrain, of all rounds.
type benchRatio struct {
	Median float64 `json:"median"`
	Lower  float64 `json:"lower_quartile"`
	Upper  float64 `json:"upper_quartile"`
}

func newBenchReport(d device) (*benchReport, error) {
	version, err := versionText()
	if err != nil {
		return nil, err
	}
	r := &benchReport{Gputrain: version, Machine: describeCPU(), Device: d.name, Environment: bench.Environment()}
	if d.facts != nil {
		r.Facts, err = d.facts()
	}
	return r, err
}

// describe turns the figures of the sides, in the order of measure, into speeds.
func (s benchSetting) describe(w bench.Work, figures [][]float64) benchMeasurement {
	m := benchMeasurement{Name: w.Name(), Flop: w.Flops(), Threads: s.threads, Rounds: len(figures[0])}
	if step, ok := w.(bench.Step); ok {
		m.About, m.Samples = step.About(), step.Batch
	}
	var peak []float64 // FLOP/s, of each round
	if s.threads > 0 {
		peak = figures[len(figures)-1]
		m.Peak = bench.Quantile(0.5, peak) / 1e9
	}
	ours := figures[0]
	m.Ours = m.speed(ours, peak)
	for i, peer := range s.peers {
		theirs := figures[1+i] // figures[0] are ours
		ratios := bench.Ratios(theirs, ours)
		m.Torch = append(m.Torch, benchPeer{
			Threads: peer.Versions.Threads, OwnThreads: peer.Options.Threads == 0, benchSpeed: m.speed(theirs, peak),
			Ratio: benchRatio{bench.Quantile(0.5, ratios), bench.Quantile(0.25, ratios), bench.Quantile(0.75, ratios)},
		})
	}
	slices.SortStableFunc(m.Torch, func(a, b benchPeer) int { return cmp.Compare(a.Milliseconds, b.Milliseconds) })
	return m
}

// speed returns the speed of a side whose calls took so many seconds.
func (m *benchMeasurement) speed(seconds, peak []float64) benchSpeed {
	median := bench.Quantile(0.5, seconds)
	s := benchSpeed{
		Milliseconds: 1e3 * median, Fastest: 1e3 * slices.Min(seconds),
		Samples: float64(m.Samples) / median, GFLOPS: m.Flop / median / 1e9,
	}
	if peak != nil {
		shares := make([]float64, len(seconds))
		for i := range shares {
			shares[i] = m.Flop / seconds[i] / peak[i]
		}
		s.PeakShare = bench.Quantile(0.5, shares)
	}
	return s
}

func (r *benchReport) print(out io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	_, err := io.WriteString(out, r.text(terminalWidth(out)))
	return err
}

// text formats the report for a terminal of that width, 0 if there is none.
func (r *benchReport) text(width int) string {
	facts := [][]string{{"gputrain", r.Gputrain}, {"machine", r.Machine}}
	for _, fact := range r.Facts {
		facts = append(facts, fact[:])
	}
	if r.Math != "" {
		facts = append(facts, []string{"math", r.Math})
	}
	if r.Torch != nil {
		facts = append(facts, []string{"PyTorch", fmt.Sprintf("%s, Python %s (%s)",
			strings.Join(append([]string{r.Torch.Torch}, r.Torch.Libraries...), ", "), r.Torch.Python, r.Python)})
	}
	if r.Environment != nil {
		facts = append(facts, []string{"environment", strings.Join(r.Environment, " ")})
	}
	var text strings.Builder
	text.WriteString(formatTable(width, 2, nil, facts))

	var legend [][]string
	for _, s := range bench.Steps() {
		if slices.ContainsFunc(r.Measurements, func(m benchMeasurement) bool { return m.Name == s.Name() }) {
			legend = append(legend, []string{s.Name(), s.About()})
		}
	}
	if legend != nil {
		text.WriteString("\n" + formatTable(width, 2, nil, legend))
	}
	for rest := r.Measurements; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(m benchMeasurement) bool {
			return m.Threads != rest[0].Threads || (m.Samples > 0) != (rest[0].Samples > 0)
		})
		if n < 0 {
			n = len(rest)
		}
		text.WriteString("\n" + wrapLines(benchTitle(rest[:n])+"\n\n", width) + benchTable(rest[:n], width))
		rest = rest[n:]
	}
	text.WriteString("\n" + wrapLines(r.legend()+"\n", width))
	return text.String()
}

// benchTitle says what the measurements of a table have in common.
func benchTitle(measurements []benchMeasurement) string {
	title := "products"
	if measurements[0].Samples > 0 {
		title = "training steps"
	}
	if n := measurements[0].Threads; n > 0 {
		var peaks []float64
		for _, m := range measurements {
			peaks = append(peaks, m.Peak)
		}
		title += fmt.Sprintf(", %s, FMA peak %.1f GFLOP/s", plural(n, "thread", "threads"), bench.Quantile(0.5, peaks))
		if len(peaks) > 1 { // a machine at rest has nearly the same all the time
			title += fmt.Sprintf(" (%.1f to %.1f)", slices.Min(peaks), slices.Max(peaks))
		}
	}
	return title
}

// benchTable has a row for each measurement. They have the same columns.
func benchTable(measurements []benchMeasurement, width int) string {
	first := measurements[0]
	header, scale := []string{"product", "µs", "best", "GFLOP\n/s"}, 1e3
	if first.Samples > 0 {
		header, scale = []string{"step", "ms", "best", "samples\n/s", "GFLOP\n/s"}, 1
	}
	if first.Threads > 0 {
		header = append(header, "peak\n%")
	}
	if first.Torch != nil {
		header = append(header, "PyTorch\n"+header[1], "best", "ratio", "quartiles")
	}
	var rows [][]string
	for _, m := range measurements {
		row := []string{m.Name, significant(scale * m.Ours.Milliseconds), significant(scale * m.Ours.Fastest)}
		if m.Samples > 0 {
			row = append(row, fmt.Sprintf("%.0f", m.Ours.Samples))
		}
		row = append(row, shortFigure(m.Ours.GFLOPS))
		if m.Threads > 0 {
			row = append(row, fmt.Sprintf("%.0f", 100*m.Ours.PeakShare))
		}
		if m.Torch != nil {
			best := m.Torch[0]
			row = append(row, significant(scale*best.Milliseconds), significant(scale*best.Fastest),
				shortFigure(best.Ratio.Median), shortFigure(best.Ratio.Lower)+"–"+shortFigure(best.Ratio.Upper))
		}
		rows = append(rows, row)
	}
	return formatTable(width, 1, header, rows)
}

// shortFigure has two decimals below 10, else one.
func shortFigure(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// legend explains the columns.
func (r *benchReport) legend() string {
	first := r.Measurements[0]
	text := "Times are medians and the best of the rounds; GFLOP/s count matrix products only."
	if first.Threads == 0 {
		text += " The share of the FMA peak is left out: only that of the CPU can be measured."
	}
	if first.Torch != nil {
		text += " The ratio is the time of PyTorch over that of gputrain in the same round, median and quartiles: above 1, gputrain is faster."
	}
	return text
}
