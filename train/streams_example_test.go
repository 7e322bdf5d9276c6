package train_test

import (
	"context"
	"fmt"
	"strings"

	"gputrain/backend"
	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// A network reads a text, in streams that go on from batch to batch, and then writes
// one, character by character.
func ExampleOptions_streams() {
	text, err := data.ReadText(strings.NewReader(strings.Repeat("Rain, rain, go away. ", 200)), "rain", data.TextOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	const streams, steps = 4, 25
	set, err := data.Streams(text.IDs, streams, steps)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	ids := text.Vocabulary.Len()
	spec := model.Spec{
		{Name: "embedding", Layer: model.Embedding{IDs: ids, Out: 8}},
		{Name: "lstm", Layer: model.LSTM{Hidden: 32, Stateful: true}},
		{Name: "head", Layer: model.Dense{Out: ids}},
	}
	net, err := model.New(b, spec, model.Shape{Steps: steps, Batch: streams, Width: 1}, model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 30, Batch: streams, Streams: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), set, nil); err != nil {
		fmt.Println(err)
		return
	}
	written, err := write(b, net, text.Vocabulary, "Rain,", 16)
	fmt.Printf("%s, error %v\n", written, err)
	// Output: Rain, rain, go away. , error <nil>
}

// write goes on with prompt by the most probable characters.
func write(b backend.Backend, net *model.Network, v *data.Vocabulary, prompt string, more int) (string, error) {
	ids, err := v.Encode(prompt)
	if err != nil {
		return "", err
	}
	id, err := b.NewInts(1)
	if err != nil {
		return "", err
	}
	next, states := make([]int32, 1), net.States(1, 1)
	for _, s := range states {
		b.Fill(s.Initial, 0)
	}
	for i := 0; i < len(ids); i++ {
		b.UploadInts(id, ids[i:i+1])
		y := net.ForwardIDs(id, 1, model.Evaluation)
		for _, s := range states {
			b.Copy(s.Initial, s.Final)
		}
		if i == len(ids)-1 && more > 0 {
			more--
			b.ArgMaxRows(id, y)
			if err := b.DownloadInts(next, id); err != nil {
				return "", err
			}
			ids = append(ids, next[0])
		}
	}
	var text []byte
	for _, id := range ids {
		text = v.AppendText(text, -1, id)
	}
	return string(text), nil
}
