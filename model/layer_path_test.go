package model_test

import (
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// An LSTM that goes step by step must not claim to be fused, whatever the backend has.
func TestLayersNameTheirPath(t *testing.T) {
	const plainOperations = "plain operations"
	cpu, definition := openCPU(t), reference.New()
	defer definition.Close()
	for _, test := range []struct {
		layer              model.Layer
		onCPU, onReference string
	}{
		{model.LSTM{Hidden: 3}, backend.PathSequence, backend.PathPlain},
		{model.LSTM{Hidden: 3, Peepholes: true}, backend.PathSequence, backend.PathPlain},
		{model.LSTM{Hidden: 3, LayerNorm: true}, backend.PathPlain, backend.PathPlain},
		{model.LSTM{Hidden: 3, Projection: 2}, backend.PathPlain, backend.PathPlain},
		{model.LSTM{Hidden: 3, ZoneoutCell: 0.1}, backend.PathPlain, backend.PathPlain},
		{model.RNN{Hidden: 3}, backend.PathSequence, backend.PathPlain},
		{model.GRU{Hidden: 3}, backend.PathSequence, backend.PathPlain},
		{model.GridLSTM{Hidden: 3}, backend.PathSequence, backend.PathPlain},
		{model.LSTM1997{Blocks: 1, Cells: 1}, backend.PathSequence, backend.PathCell},
		{model.Dense{Out: 3}, plainOperations, plainOperations},
	} {
		if got := model.Path(test.layer, cpu); got != test.onCPU {
			t.Errorf("%+v on cpu: got %q, want %q", test.layer, got, test.onCPU)
		}
		if got := model.Path(test.layer, definition); got != test.onReference {
			t.Errorf("%+v on reference: got %q, want %q", test.layer, got, test.onReference)
		}
	}
}
