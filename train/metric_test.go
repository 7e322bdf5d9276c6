package train_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// outputsOf returns a network whose outputs are its inputs.
func outputsOf(t *testing.T, set *data.Dataset, batch int) *model.Network {
	t.Helper()
	spec := model.Spec{{Name: "y", Layer: model.Identity}}
	net, err := model.New(openCPU(t), spec, model.Shape{Steps: set.Steps, Batch: batch, Width: set.Width}, model.Options{Ragged: set.Lengths != nil})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// few returns scores of a few values, so that many are equal, with random labels.
func few(rng *rand.Rand, n, classes int) *data.Dataset {
	d := &data.Dataset{Steps: 1, Width: classes}
	for range n {
		for range classes {
			d.X = append(d.X, float32(rng.IntN(4)))
		}
		d.Labels = append(d.Labels, int32(rng.IntN(classes)))
	}
	return d
}

// pairwise is the definition of the area under the ROC curve.
func pairwise(scores []float64, of []bool) float64 {
	won, pairs := 0.0, 0.0
	for i, a := range scores {
		for j, b := range scores {
			if !of[i] || of[j] {
				continue
			}
			pairs++
			switch {
			case a > b:
				won++
			case a == b:
				won += 0.5
			}
		}
	}
	return won / pairs // NaN without pairs
}

func TestAUROCIsTheShareOfPairsInOrder(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(1, seed))
		classes := 2 + rng.IntN(3)
		set := few(rng, 1+rng.IntN(30), classes)
		auroc := new(train.AUROC)
		if _, err := train.Evaluate(outputsOf(t, set, 4), train.CrossEntropy{}, set, auroc); err != nil {
			t.Fatal(err)
		}
		var want []float64
		for class := range classes {
			var scores []float64
			var of []bool
			for i, label := range set.Labels {
				row := set.X[i*classes : (i+1)*classes]
				sum := 0.0
				for _, x := range row {
					sum += math.Exp(float64(x - slices.Max(row)))
				}
				scores = append(scores, math.Exp(float64(row[class]-slices.Max(row)))/sum)
				of = append(of, int(label) == class)
			}
			want = append(want, pairwise(scores, of))
		}
		got := auroc.Classes()
		for class := range want {
			if off := math.Abs(got[class] - want[class]); off > 1e-12 || math.IsNaN(got[class]) != math.IsNaN(want[class]) {
				t.Errorf("seed %d, class %d: %v, want %v", seed, class, got[class], want[class])
			}
		}
		mean, n := 0.0, 0.0
		for _, area := range want {
			if !math.IsNaN(area) {
				mean, n = mean+area, n+1
			}
		}
		if off := math.Abs(auroc.Compute() - mean/n); off > 1e-12 || n == 0 != math.IsNaN(auroc.Compute()) {
			t.Errorf("seed %d: %v, want %v", seed, auroc.Compute(), mean/n)
		}
	}
}

func TestAUROCOfOneOutputAndOfTargets(t *testing.T) {
	auroc := new(train.AUROC)
	for i, score := range []float32{1, 2, 2, 3, 0} {
		auroc.Update([]float32{score}, []int{0, 0, 1, 1, 1}[i], nil)
	}
	wantClose(t, "labels", auroc.Compute(), pairwise([]float64{1, 2, 2, 3, 0}, []bool{false, false, true, true, true}), 1e-15)
	auroc.Reset()
	for i, score := range []float32{1, 2, 2, 3, 0} {
		auroc.Update([]float32{score, -score}, backend.IgnoreLabel, []float32{[]float32{0, 0, 1, 1, 1}[i], 1})
	}
	wantClose(t, "targets", auroc.Compute(), pairwise([]float64{1, 2, 2, 3, 0}, []bool{false, false, true, true, true}), 1e-15)
	auroc.Update([]float32{float32(math.NaN()), 0}, backend.IgnoreLabel, []float32{1, 1})
	if got := auroc.Compute(); !math.IsNaN(got) {
		t.Errorf("with a score that is NaN: %v", got)
	}
}

func TestScoresAreThoseOfTheirDefinition(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(2, seed))
		classes := 2 + rng.IntN(4)
		set := few(rng, 1+rng.IntN(15), classes)
		metrics, err := train.Evaluate(outputsOf(t, set, 4), train.CrossEntropy{}, set)
		if err != nil {
			t.Fatal(err)
		}
		scores := metrics.Confusion.Scores()
		var macro, weighted train.Score
		occurring := 0.0
		for class := range classes {
			var both, actual, predicted float64
			for i, label := range set.Labels {
				row := set.X[i*classes : (i+1)*classes]
				is, said := int(label) == class, slices.Index(row, slices.Max(row)) == class
				if is {
					actual++
				}
				if said {
					predicted++
				}
				if is && said {
					both++
				}
			}
			ratio := func(a, b float64) float64 {
				if b == 0 {
					return 0
				}
				return a / b
			}
			precision, recall := ratio(both, predicted), ratio(both, actual)
			want := train.Score{Precision: precision, Recall: recall, F1: ratio(2*precision*recall, precision+recall), Rows: int(actual)}
			got, occurs := scores[class]
			if occurs != (actual+predicted > 0) {
				t.Errorf("seed %d, class %d: occurs %v", seed, class, occurs)
			}
			wantScore(t, fmt.Sprintf("seed %d, class %d", seed, class), got, want)
			if occurs {
				occurring++
			}
			for _, mean := range []struct {
				of     *train.Score
				weight float64
			}{{&macro, 1}, {&weighted, actual / float64(len(set.Labels))}} {
				mean.of.Precision += mean.weight * want.Precision
				mean.of.Recall += mean.weight * want.Recall
				mean.of.F1 += mean.weight * want.F1
				mean.of.Rows += want.Rows
			}
		}
		macro.Precision, macro.Recall, macro.F1 = macro.Precision/occurring, macro.Recall/occurring, macro.F1/occurring
		wantScore(t, fmt.Sprintf("seed %d, macro", seed), metrics.Confusion.Macro(), macro)
		wantScore(t, fmt.Sprintf("seed %d, weighted", seed), metrics.Confusion.Weighted(), weighted)
	}
}

func wantScore(t *testing.T, what string, got, want train.Score) {
	t.Helper()
	wantClose(t, what+", precision", got.Precision, want.Precision, 1e-12)
	wantClose(t, what+", recall", got.Recall, want.Recall, 1e-12)
	wantClose(t, what+", F1", got.F1, want.F1, 1e-12)
	if got.Rows != want.Rows {
		t.Errorf("%s: %d rows, want %d", what, got.Rows, want.Rows)
	}
}

func TestErrorsAreThoseOfTheirDefinition(t *testing.T) {
	const width = 2
	rng := rand.New(rand.NewPCG(1, 3))
	set := gaps(6, 5, float32(math.NaN()))
	set.Lengths = []int32{5, 3, 0, 1, 5, 4}
	for i := range set.X {
		set.X[i] = 1e4 + rng.Float32() // digits that all values share
	}
	for i := range set.Targets {
		set.Targets[i] += 1e4
	}
	var y, target [width][]float64
	for row, mask := range set.Mask {
		if mask == 0 || row%set.Steps >= int(set.Lengths[row/set.Steps]) {
			continue
		}
		for j := range width {
			y[j] = append(y[j], float64(set.X[row*width+j]))
			target[j] = append(target[j], float64(set.Targets[row*width+j]))
		}
	}
	var absolute, squared, r2 float64
	for j := range width {
		mean, errors, variance := 0.0, 0.0, 0.0
		for _, t := range target[j] {
			mean += t / float64(len(target[j]))
		}
		for i, t := range target[j] {
			absolute += math.Abs(t - y[j][i])
			errors += (t - y[j][i]) * (t - y[j][i])
			variance += (t - mean) * (t - mean)
		}
		squared += errors
		r2 += (1 - errors/variance) / width
	}
	n := float64(width * len(y[0]))
	mae, rmse, determination := new(train.MAE), new(train.RMSE), new(train.R2)
	for range 2 { // the second evaluation forgets the first
		if _, err := train.Evaluate(outputsOf(t, set, 4), train.MSE{}, set, mae, rmse, determination); err != nil {
			t.Fatal(err)
		}
		wantClose(t, "MAE", mae.Compute(), absolute/n, 1e-9)
		wantClose(t, "RMSE", rmse.Compute(), math.Sqrt(squared/n), 1e-9)
		wantClose(t, "R2", determination.Compute(), r2, 1e-9)
	}
	constant := new(train.R2)
	constant.Update([]float32{1}, backend.IgnoreLabel, []float32{3})
	constant.Update([]float32{2}, backend.IgnoreLabel, []float32{3})
	for _, m := range []train.Metric{constant, new(train.R2), new(train.MAE), new(train.RMSE), new(train.AUROC)} {
		if got := m.Compute(); !math.IsNaN(got) {
			t.Errorf("%T of nothing, or of a constant, is %v", m, got)
		}
	}
}
