package main

import (
	"cmp"
	"fmt"
	"strings"

	"gputrain/data"
	"gputrain/model"
)

// embedSettings are the settings of columns whose categories are ids with learned vectors.
type embedSettings struct {
	Embed columnNames `toml:"embed,omitempty" placeholder:"COLUMN,..." help:"Columns of categories, by name, each of which gets a vector that is learned, and no feature of its own: for those with many."`
}

// checkEmbed reports settings of vectors for categories that have no meaning.
func (s *settings) checkEmbed(from source) error {
	switch {
	case !from.isTable() && len(s.Embed) > 0:
		return &settingError{"embed", fmt.Sprintf("is %q, but only tables have columns", s.Embed)}
	case from.isTable() && s.Embedding != 0 && len(s.Embed) == 0 && s.InitFrom == "":
		return &settingError{"embedding", fmt.Sprintf("is %d, but no column has vectors: name some with --embed", s.Embedding)}
	case s.Embedding < 0 || s.Embedding > maxSize:
		return outOfRange("embedding", s.Embedding, fmt.Sprintf("0 to %d", maxSize))
	case s.InitFrom != "" && (len(s.Embed) > 0 || from.isTable() && s.Embedding != 0):
		return &settingError{"init-from", "takes the columns as that model does; leave out --embed and --embedding"}
	case len(s.Embed) > 0 && s.Steps > 1:
		return &settingError{"steps", fmt.Sprintf("is %d, but columns of --embed are not alike, so they go into one time step", s.Steps)}
	}
	return nil
}

// problemOfEmbedded says why the values of a column cannot have vectors; "" if they can.
func problemOfEmbedded(c *data.Column) string {
	if c.Counts == nil {
		return fmt.Sprintf("it has more than %d different values, too many for categories", data.MostTargets)
	}
	return ""
}

// vectorWidth is how wide the vectors of so many categories are, if nobody says it.
func vectorWidth(categories int) int { return min(50, (categories+1)/2) }

// leastOfCategory is how many rows of the training set a category has that gets a vector.
const leastOfCategory = 2

// embedCategories leaves out rare categories of columns with vectors, in the parts of a
// table of which the first is to learn from, and decides how wide the vectors are, unless
// width says it. It returns lines about them.
func embedCategories(parts []*data.Table, width int) (notes []string, err error) {
	train := parts[0]
	left := train.LeaveOutRare(leastOfCategory, parts[1:]...)
	for i := range train.Encodings {
		e := &train.Encodings[i] // which the parts share
		if e.Embedding == 0 {
			continue
		}
		name, n := train.Features[i], len(e.Categories)
		if n == 0 {
			return nil, fmt.Errorf("%s: no category of column %s has two rows to learn from; leave it out: --ignore %s", train.Name, shortName(name), commandLine(name))
		}
		e.Embedding = cmp.Or(width, vectorWidth(n))
		others := "any that is unknown or missing has one vector more, which begins at zero"
		if left[i] > 0 {
			others = fmt.Sprintf("%d with a single row or none to learn from, and any that is unknown or missing, share one vector more", left[i])
		}
		notes = append(notes, fmt.Sprintf("%s: column %s has %s, each a vector of %s; %s",
			train.Name, shortName(name), plural(n, "category", "categories"), plural(e.Embedding, "number", "numbers"), others))
	}
	return notes, nil
}

// columnEmbedding returns the stage that comes before the network proper: the vectors of
// categories. There is none without.
func (d *description) columnEmbedding() model.Spec {
	var layer model.ColumnEmbedding
	feature := 0
	for _, e := range d.Encodings {
		if e.Embedding > 0 {
			layer.Columns = append(layer.Columns, model.EmbeddedColumn{Column: feature, IDs: len(e.Categories) + 1, Out: e.Embedding})
		}
		feature += e.Width()
	}
	if layer.Columns == nil {
		return nil
	}
	return model.Spec{{Name: embeddingName, Layer: layer}}
}

// checkEmbedding reports vectors of categories that cannot be.
func (d *description) checkEmbedding() error {
	feature := 0
	for i, e := range d.Encodings {
		j := min(feature, len(d.Factor)-1) // a single factor is that of all
		switch {
		case e.Embedding < 0 || e.Embedding > maxSize || e.Embedding > 0 && len(e.Categories) == 0:
			return fmt.Errorf("column %d has %d categories with vectors of %d numbers", i+1, len(e.Categories), e.Embedding)
		case e.Embedding > 0 && d.Steps > 1:
			return fmt.Errorf("column %d has vectors, but a sample has %d time steps", i+1, d.Steps)
		case e.Embedding > 0 && (d.Shift[j] != 0 || d.Factor[j] != 1):
			return fmt.Errorf("column %d has ids, but they are scaled", i+1)
		}
		feature += e.Width()
	}
	return nil
}

// explainIDs says what the ids in the input of an exported network stand for.
func (d *description) explainIDs() (lines []string) {
	for i, e := range d.Encodings {
		if e.Embedding == 0 {
			continue
		}
		column := fmt.Sprintf("column %d", i+1)
		if d.Features != nil {
			column = "column " + shortName(d.Features[i])
		}
		lines = append(lines, fmt.Sprintf("%s is an id: 1 for %s and so on up to %d for %s, and 0 for all others; --pytorch writes the list",
			column, shortName(e.Categories[0]), len(e.Categories), shortName(e.Categories[len(e.Categories)-1])))
	}
	return lines
}

// moduleOfColumns returns how PyTorch makes what has the parameters of the layer.
func moduleOfColumns(name string, l model.ColumnEmbedding) string {
	var modules []string
	for _, c := range l.Columns {
		modules = append(modules, fmt.Sprintf("nn.Embedding(%d, %d)", c.IDs, c.Out))
	}
	return fmt.Sprintf("self.%s = nn.ModuleList([%s]), whose vectors come behind the numbers", name, strings.Join(modules, ", "))
}
