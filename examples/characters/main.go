// Characters learns to continue a text, character by character, and then writes one.
//
//	go run ./examples/characters README.md
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: characters FILE")
	}
	if err := run(os.Stdout, os.Args[1], 40, 400); err != nil {
		log.Fatal(err)
	}
}

const (
	streams = 16 // places of the text that are read at the same time
	steps   = 32 // characters until the parameters change
)

func run(out io.Writer, path string, epochs, length int) error {
	text, err := data.OpenText([]string{path}, data.TextOptions{})
	if err != nil {
		return err
	}
	end := len(text.IDs) * 9 / 10 // the last tenth is for validation
	training, err := data.Streams(text.IDs[:end], streams, steps)
	if err != nil {
		return err
	}
	validation, err := data.Streams(text.IDs[end:], 1, steps)
	if err != nil {
		return err
	}

	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	characters := text.Vocabulary.Len()
	net, err := model.New(b, model.Spec{
		{Name: "embedding", Layer: model.Embedding{IDs: characters, Out: 32}},
		{Name: "lstm", Layer: model.LSTM{Hidden: 128, Stateful: true}},
		{Name: "head", Layer: model.Dense{Out: characters}},
	}, model.Shape{Steps: steps, Batch: streams, Width: 1}, model.Options{})
	if err != nil {
		return err
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.004, ClipNorm: 1,
		Epochs: epochs, Batch: streams, Streams: true, Seed: 1, Patience: 5,
	})
	if err != nil {
		return err
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), training, validation); err != nil {
		return err
	}
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, validation)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d characters, %d of them different; validation loss %.2f nats per character\n\n", len(text.IDs), characters, metrics.Loss)
	return write(out, net, text.Vocabulary, length)
}

// write lets net write a text: it draws each character from what net expects, and shows
// it to net.
func write(out io.Writer, net *model.Network, vocabulary *data.Vocabulary, length int) error {
	b, rng := net.Backend(), rand.New(rand.NewPCG(1, 1))
	id, err := b.NewInts(1)
	if err != nil {
		return err
	}
	defer b.Free(id.Buf)
	states := net.States(1, 1)
	for _, s := range states {
		b.Fill(s.Initial, 0)
	}
	scores := make([]float32, vocabulary.Len())
	before, character := int32(-1), int32(0)
	for range length {
		if _, err := out.Write(vocabulary.AppendText(nil, before, character)); err != nil {
			return err
		}
		b.UploadInts(id, []int32{character})
		y := net.ForwardIDs(id, 1, model.Evaluation)
		for _, s := range states {
			b.Copy(s.Initial, s.Final)
		}
		if err := b.Download(scores, y); err != nil {
			return err
		}
		before, character = character, draw(scores, rng)
	}
	_, err = fmt.Fprintln(out)
	return err
}

// draw returns an index, each with the probability that its score stands for.
func draw(scores []float32, rng *rand.Rand) int32 {
	// The largest of the scores after Gumbel noise has been added (Gumbel 1954).
	best, drawn := math.Inf(-1), 0
	for i, score := range scores {
		if noisy := float64(score) - math.Log(rng.ExpFloat64()); noisy > best {
			best, drawn = noisy, i
		}
	}
	return int32(drawn)
}
