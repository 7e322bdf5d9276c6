package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gputrain/backend"
	"gputrain/collective"
	"gputrain/data"
	"gputrain/model"
)

// Metrics say how well a network does on a set.
type Metrics struct {
	// Loss is the mean over LossRows rows, those that count for the loss. A row is a
	// sample, or a time step of one if PerStep. For a loss of labels these are the
	// rows with a label; for a loss of values, those whose target counts, whatever
	// their labels are. The mean of a WeightedLoss is weighted.
	Loss     float64
	LossRows int

	// Accuracy is Correct/Count; NaN if the set has no labels, or the network has no
	// output for one of them.
	Accuracy float64
	Correct  int // rows whose largest output belongs to the label
	Count    int // rows with a label; where Accuracy is NaN, LossRows

	// Confusion counts the rows by actual and predicted class; nil where Accuracy
	// is NaN.
	Confusion Confusion
}

// Evaluate runs net over set, in batches of the size that net was built for, from
// states of zero. A net with Stateful layers and an output at every step also runs
// over sequences that are longer than it was built for.
//
// Each of metrics sees the rows that count, and Compute then gives its value.
//
// Evaluate returns an error if the set contradicts itself, does not fit the network
// or the loss, holds NaN or Inf where it counts, or has no row to judge, if memory
// runs out, or if the device fails.
func Evaluate(net *model.Network, loss Loss, set *data.Dataset, metrics ...Metric) (Metrics, error) {
	checkNet("Evaluate", net)
	checkSetThere("Evaluate", "set", set)
	if loss == nil {
		panic("train: Evaluate: the loss is nil")
	}
	e, err := newEvaluator(net, loss, set)
	if err != nil {
		return Metrics{}, fmt.Errorf("train: evaluate: %w", err)
	}
	defer e.free()
	if err := checkBlocks(set, checkNumbers); err != nil {
		return Metrics{}, fmt.Errorf("train: evaluate: %w", err)
	}
	e.observe(metrics)
	result, err := e.run(context.Background())
	if err != nil {
		return Metrics{}, fmt.Errorf("train: evaluate: %w", err)
	}
	return result, nil
}

// Predict returns the network's outputs for each sample of set: one row as wide as
// the network's output, or one such row after the other for each time step of the
// sample. set needs no targets. The errors are those of Evaluate.
func Predict(net *model.Network, set *data.Dataset) ([][]float32, error) {
	checkNet("Predict", net)
	checkSetThere("Predict", "set", set)
	inputs := set
	if set.Stored == nil {
		inputs = &data.Dataset{Steps: set.Steps, Width: set.Width, X: set.X, IDs: set.IDs, Lengths: set.Lengths}
	}
	err := checkBlocks(set, func(block *data.Dataset) error {
		if err := checkInputs(net, block); err != nil {
			return err
		}
		return checkFeatures(block)
	})
	if err != nil {
		return nil, fmt.Errorf("train: predict: %w", err)
	}
	b := net.Backend()
	memory := memory{b: b}
	defer memory.free()
	feed := newFeed(&memory, net, net.Input().Batch, nil)
	if memory.err != nil {
		return nil, fmt.Errorf("train: predict: no memory for batches of %d samples: %w", net.Input().Batch, memory.err)
	}
	batches := data.NewBatches(inputs, net.Input().Batch)
	outputs := make([][]float32, 0, set.Len())
	states := newCarrier(net)
	for i := range batches.Count() {
		batch := batches.Batch(i)
		if err := batches.Err(); err != nil {
			return nil, fmt.Errorf("train: predict: %w", err)
		}
		samples := make([][]float32, batch.Size)
		err := states.forward(b, batch, &feed, func(y backend.Tensor, part data.Batch) error {
			rows := make([]float32, y.Size())
			err := b.Download(rows, y)
			for row := range y.Rows {
				sample := row % batch.Size
				if feed.everyStep && part.Padding(row) {
					continue
				}
				samples[sample] = append(samples[sample], rows[row*y.Cols:(row+1)*y.Cols]...)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("train: predict: %w", err)
		}
		outputs = append(outputs, samples...)
	}
	return outputs, nil
}

// evaluator runs a network over a set again and again.
type evaluator struct {
	net     *model.Network
	b       backend.Backend
	loss    Loss
	batches *data.Batches
	states  carrier
	labeled bool

	memory    memory
	feed      feed
	value     backend.Tensor // [1,1], the loss of a batch
	grad      backend.Tensor // of the loss, which needs it if some targets do not count; else absent
	predicted backend.Ints

	group collective.Group // the ranks that share the batches; nil: none

	metrics []Metric
	outputs []float32 // of a batch, downloaded for metrics

	receivedValue []float32 // value, downloaded
	received      []int32   // predicted, downloaded
}

func newEvaluator(net *model.Network, loss Loss, set *data.Dataset) (*evaluator, error) {
	labeled, partial := true, false
	err := checkBlocks(set, func(block *data.Dataset) error {
		if err := checkSet(net, loss, block); err != nil {
			return err
		}
		labeled = labeled && CrossEntropy{}.Check(block, net.Output().Width) == nil
		partial = partial || block.Lengths != nil || block.Mask != nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	e := &evaluator{
		net: net, b: net.Backend(), loss: loss,
		batches: data.NewBatches(set, net.Input().Batch),
		states:  newCarrier(net),
		labeled: labeled,
		memory:  memory{b: net.Backend()},
	}
	m, in, out := &e.memory, net.Input(), net.Output()
	e.feed = newFeed(m, net, in.Batch, loss)
	e.value = m.tensor(1, 1)
	if _, scratch := loss.(ScratchLoss); scratch || partial {
		e.grad = m.tensor(out.Rows(), out.Width)
	}
	e.predicted = m.ints(out.Rows())
	e.receivedValue, e.received = make([]float32, 1), make([]int32, out.Rows())
	if m.err != nil {
		m.free()
		return nil, fmt.Errorf("no memory for batches of %d samples: %w", in.Batch, m.err)
	}
	return e, nil
}

func (e *evaluator) free() { e.memory.free() }

// run stops with the cause of ctx when ctx is cancelled.
func (e *evaluator) run(ctx context.Context) (Metrics, error) {
	var metrics Metrics
	var weight float64
	for _, m := range e.metrics {
		m.Reset()
	}
	if e.labeled {
		metrics.Confusion = Confusion{}
	}
	var err error
	if joined(e.group) {
		err = e.runPart(ctx, &metrics, &weight)
	} else {
		err = e.runAll(ctx, &metrics, &weight)
	}
	if err != nil {
		return Metrics{}, err
	}
	if metrics.LossRows == 0 {
		return Metrics{}, errors.New("none of its rows counts: all are padding, or left out by their labels or the mask")
	}
	if weight > 0 {
		metrics.Loss /= weight
	}
	metrics.Accuracy = math.NaN()
	if e.labeled {
		metrics.Accuracy = float64(metrics.Correct) / float64(metrics.Count)
	}
	return metrics, nil
}

// runAll runs the network over all batches.
func (e *evaluator) runAll(ctx context.Context, metrics *Metrics, weight *float64) error {
	for i := range e.batches.Count() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := e.runBatch(i, metrics, weight); err != nil {
			return err
		}
	}
	return nil
}

// runPart runs the network over every so many batches, as many as there are ranks, and adds
// what all ranks have found, batch by batch. The Confusion is that of this rank.
func (e *evaluator) runPart(ctx context.Context, metrics *Metrics, weight *float64) error {
	const figures = 5
	count, ranks := e.batches.Count(), e.group.Size()
	rounds := (count + ranks - 1) / ranks
	mine, all := make([]float64, rounds*figures), make([]float64, ranks*rounds*figures)
	for round := range rounds {
		if err := agreedStop(ctx, e.group); err != nil {
			return err
		}
		i := round*ranks + e.group.Rank()
		if i >= count {
			continue
		}
		var weight float64
		m := Metrics{Confusion: metrics.Confusion}
		if err := e.runBatch(i, &m, &weight); err != nil {
			return err
		}
		copy(mine[round*figures:], []float64{m.Loss, weight, float64(m.LossRows), float64(m.Correct), float64(m.Count)})
	}
	if err := e.group.Gather(collective.Bytes(all), collective.Bytes(mine)); err != nil {
		return err
	}
	for i := range count {
		f := all[(i%ranks*rounds+i/ranks)*figures:]
		metrics.Loss += f[0]
		*weight += f[1]
		metrics.LossRows += int(f[2])
		metrics.Correct += int(f[3])
		metrics.Count += int(f[4])
	}
	return nil
}

// runBatch adds what the network does on batch i.
func (e *evaluator) runBatch(i int, metrics *Metrics, weight *float64) error {
	batch := e.batches.Batch(i)
	if err := e.batches.Err(); err != nil {
		return err
	}
	return e.states.forward(e.b, batch, &e.feed, func(y backend.Tensor, part data.Batch) error {
		return e.count(metrics, weight, y, part)
	})
}

// count adds the rows of batch, for which the network gave y, to metrics, whose Loss
// is a sum meanwhile, of so much weight. It is made here, because float32 loses small
// losses in the sum of many.
func (e *evaluator) count(metrics *Metrics, weight *float64, y backend.Tensor, batch data.Batch) error {
	target := e.feed.targets(e.b, batch)
	var grad backend.Tensor
	if e.grad.Present() {
		grad = e.grad.Slice(0, y.Rows)
	}
	e.loss.Compute(e.b, e.value, grad, y, target)
	rows := e.loss.Rows(target)
	if err := e.b.Download(e.receivedValue, e.value); err != nil {
		return err
	}
	if rows > 0 {
		w := lossWeight(e.loss, target)
		metrics.Loss += w * float64(e.receivedValue[0])
		*weight += w
	}
	metrics.LossRows += rows
	if err := e.update(y, batch); err != nil {
		return err
	}
	if !e.labeled {
		metrics.Count += rows
		return nil
	}
	metrics.Count += target.Count
	e.b.ArgMaxRows(e.predicted.Slice(0, y.Rows), y)
	predicted := e.received[:y.Rows]
	if err := e.b.DownloadInts(predicted, e.predicted.Slice(0, y.Rows)); err != nil {
		return err
	}
	for row, actual := range batch.Labels {
		if actual != backend.IgnoreLabel {
			metrics.Confusion[Outcome{int(actual), int(predicted[row])}]++
			if predicted[row] == actual {
				metrics.Correct++
			}
		}
	}
	return nil
}
