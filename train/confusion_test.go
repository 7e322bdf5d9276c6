package train_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func TestConfusionSumsUpItsOutcomes(t *testing.T) {
	c := train.Confusion{
		{Actual: 0, Predicted: 0}: 5, {Actual: 0, Predicted: 2}: 1, {Actual: 7, Predicted: 7}: 2,
		{Actual: 7, Predicted: 0}: 3, {Actual: 2, Predicted: 0}: 1, {Actual: 2, Predicted: 1}: 1,
	}
	if got := c.Correct(); got != 7 {
		t.Errorf("%d correct, want 7", got)
	}
	if got, want := c.Rows(), (map[int]int{0: 6, 7: 5, 2: 2}); !maps.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
	want := []train.Outcome{{Actual: 7, Predicted: 0}, {Actual: 0, Predicted: 2}, {Actual: 2, Predicted: 0}, {Actual: 2, Predicted: 1}}
	if got := c.Mistakes(); !slices.Equal(got, want) {
		t.Errorf("mistakes %v, want %v", got, want)
	}
	var none train.Confusion
	if none.Correct() != 0 || len(none.Rows()) != 0 || len(none.Mistakes()) != 0 {
		t.Errorf("of no outcomes: %d correct, rows %v, mistakes %v", none.Correct(), none.Rows(), none.Mistakes())
	}
}

// A table of all pairs of these classes would take 80 GB.
func TestEvaluateOfManyClassesKeepsTheOutcomesThatOccur(t *testing.T) {
	const classes, samples = 100_000, 40
	net, err := model.New(openCPU(t), model.Spec{{Name: "head", Layer: model.Dense{Out: classes}}}, model.Shape{Steps: 1, Batch: 16, Width: 2}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	set := &data.Dataset{Steps: 1, Width: 2, Labels: make([]int32, samples)}
	for i := range samples {
		set.X = append(set.X, float32(math.Cos(float64(i))), float32(math.Sin(float64(i))))
		set.Labels[i] = int32(i * classes / samples)
	}
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, set)
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, count := range metrics.Confusion {
		all += count
	}
	if all != samples || len(metrics.Confusion.Rows()) != samples || metrics.Count != samples {
		t.Errorf("%d outcomes of %d classes, %d rows; want %d of each", all, len(metrics.Confusion.Rows()), metrics.Count, samples)
	}
}
