package main

import (
	"fmt"
	"slices"
	"strings"

	"gputrain/data"
)

// understood says in a few lines what the parts of a data set hold, and what is
// doubtful about it.
func understood(parts sets) []string {
	switch {
	case parts.vocabulary != nil, parts.series != nil:
		return nil // the notes say it
	case parts.targets != nil:
		return []string{partSizes(parts), describeColumns(parts)}
	}
	c := classCounts{names: parts.train.Classes}
	for _, part := range []struct {
		name string
		set  *data.Dataset
	}{{"training set", parts.train}, {"validation set", parts.valid}, {"test set", parts.test}} {
		c.parts = append(c.parts, partCounts{part.name, count(part.set)})
	}
	lines := []string{partSizes(parts)}
	if parts.target != "" {
		lines = append(lines, describeColumns(parts))
	}
	lines = append(lines, describeClasses(c))
	for _, warning := range classWarnings(c) {
		lines = append(lines, "warning: "+warning)
	}
	return lines
}

func partSizes(parts sets) string {
	return fmt.Sprintf("samples: %d to train on, %d to validate, %d to test", parts.train.Len(), parts.valid.Len(), parts.test.Len())
}

// understoodSet says in a line what a single set holds.
func understoodSet(name string, set *data.Dataset) string {
	if set.Targets != nil {
		return fmt.Sprintf("%s: %s", name, plural(set.Len(), "sample", "samples"))
	}
	c := classCounts{names: set.Classes, parts: []partCounts{{name, count(set)}}}
	return fmt.Sprintf("%s: %s, %s", name, plural(set.Len(), "sample", "samples"), describeClasses(c))
}

// describeColumns says which columns of a table are what.
func describeColumns(parts sets) string {
	columns := len(parts.features)
	if parts.features == nil {
		if columns = len(parts.encodings); parts.encodings == nil {
			columns = parts.train.Steps * parts.train.Width
		}
	}
	what, targets := "the class is ", []string{shortName(parts.target)}
	switch parts.task {
	case taskMultilabel:
		what, targets = "labels, and how often they hold: ", describeLabels(parts)
	case taskRegress:
		what, targets = "numbers to learn: ", nil
		for j, target := range parts.targets {
			scaling := parts.targetScaling
			targets = append(targets, fmt.Sprintf("%s (mean %s, deviation %s)", shortName(target), quantity(scaling.Shift[j]), quantity(1/scaling.Factor[j])))
		}
	}
	if parts.features == nil {
		return fmt.Sprintf("no header: %scolumn %s, the features are the %d others", what, some(targets), columns)
	}
	var names []string
	for _, name := range parts.features {
		names = append(names, shortName(name))
	}
	return fmt.Sprintf("%s%s, %s: %s", what, some(targets), plural(len(names), "feature", "features"), some(names))
}

// describeClasses lists the classes and how many samples each has.
func describeClasses(c classCounts) string {
	const most = 10
	total := c.total()
	var names []string
	for class, name := range c.names[:min(len(c.names), most)] {
		names = append(names, fmt.Sprintf("%s (%d)", shortName(name), total[class]))
	}
	text := strings.Join(names, ", ")
	if len(c.names) <= most {
		return plural(len(c.names), "class", "classes") + ": " + text
	}
	return fmt.Sprintf("%d classes of %d to %d samples: %s, ...", len(c.names), slices.Min(total), slices.Max(total), text)
}
