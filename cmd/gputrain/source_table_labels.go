package main

import (
	"fmt"

	"gputrain/data"
)

// taskMultilabel is the task of a table whose targets hold or do not, each by itself.
const taskMultilabel = "multilabel"

// decideLabels sets the task of p, if the settings leave it open and there are several
// targets, all of which are true or false.
func (c tableChoice) decideLabels(i *data.Inspection, p *plan) (decided bool) {
	if c.task != "auto" || len(c.targets) < 2 {
		return false
	}
	for _, column := range i.Targets {
		if problemOfLabel(&i.Columns[column]) != "" {
			return false
		}
	}
	p.task = taskMultilabel
	p.notes = append(p.notes, fmt.Sprintf("%s: all targets are true or false, and are learned as labels; to learn numbers: --task %s", i.Name, taskRegress))
	return true
}

// problemOfLabel says why a column cannot be a label that holds or not; "" if it can.
func problemOfLabel(c *data.Column) string {
	if c.Counts == nil {
		return fmt.Sprintf("it has more than %d different values; want two, true and false", data.MostTargets)
	}
	truths := map[bool]bool{}
	for _, name := range c.Values() {
		value, ok := data.ParseBoolean(name)
		if !ok {
			return fmt.Sprintf("%q is neither true nor false; want 1 and 0, yes and no, or true and false", shortName(name))
		}
		truths[value] = true
	}
	if len(truths) < 2 {
		return fmt.Sprintf("it is always %v: nothing to learn", truths[true])
	}
	return ""
}

// labelScaling leaves labels as they are, 0 or 1.
func labelScaling() data.Scaling { return data.Range(0, 1) }

// checkLabels refuses labels that are the same in all of the training set.
func checkLabels(name string, train *data.Table) error {
	for j, held := range holding(train.Values, len(train.Targets)) {
		if held == 0 || held == train.Len() {
			return fmt.Errorf("%s: the target %s is %v in all samples to learn from: nothing to learn", name, shortName(train.Targets[j]), held > 0)
		}
	}
	return nil
}

// holding returns in how many rows each of so many labels holds.
func holding[T float32 | float64](values []T, labels int) []int {
	counts := make([]int, labels)
	for i, value := range values {
		counts[i%labels] += int(value)
	}
	return counts
}

// describeLabels lists the labels and how often each holds.
func describeLabels(parts sets) []string {
	total := make([]int, len(parts.targets))
	for _, part := range parts.each() {
		for j, n := range holding((*part).Targets, len(total)) {
			total[j] += n
		}
	}
	var texts []string
	for j, name := range parts.targets {
		texts = append(texts, fmt.Sprintf("%s (%d)", shortName(name), total[j]))
	}
	return texts
}
