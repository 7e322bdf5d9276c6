package train_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"gputrain/model"
	"gputrain/train"
)

// bestOf returns the bytes that SaveBest gives.
func bestOf(t *testing.T, trainer *train.Trainer) []byte { return saved(t, trainer.SaveBest) }

func TestKeepBestSavesWhatPatienceEndsWith(t *testing.T) {
	set, valid := resumeSets()
	patientNet, patient := resumable(t, 1, stopEarly)
	fit(t, patient, set, valid)
	want := saved(t, patientNet.Save)
	epochs := len(patient.History())

	// The same run without early stopping, cut after as many epochs.
	net, keeping := resumable(t, 1, func(o *train.Options) { stopEarly(o); o.Patience, o.KeepBest, o.Epochs = 0, true, epochs })
	fit(t, keeping, set, valid)
	if !bytes.Equal(bestOf(t, keeping), want) {
		t.Error("SaveBest differs from what a run with Patience ends with")
	}
	if bytes.Equal(saved(t, net.Save), want) {
		t.Error("KeepBest ended with the best parameters, want the last ones")
	}
	for _, trainer := range []*train.Trainer{patient, keeping} {
		best, ok := trainer.Best()
		if !ok {
			t.Fatal("there is no best epoch")
		}
		for _, e := range trainer.History() {
			if e.ValidLoss < best.ValidLoss || e.ValidLoss == best.ValidLoss && e.Epoch < best.Epoch {
				t.Errorf("the best epoch is %d with loss %v, but epoch %d has %v", best.Epoch, best.ValidLoss, e.Epoch, e.ValidLoss)
			}
		}
	}

	f := newFile()
	if err := keeping.Save(f); err != nil {
		t.Fatal(err)
	}
	_, loaded := resumable(t, 9, func(o *train.Options) { o.LR, o.KeepBest = 0.4, true })
	if err := loaded.Load(f); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bestOf(t, loaded), want) {
		t.Error("SaveBest after Load differs")
	}
}

func TestACancelledRunWithPatienceHasItsBestEpoch(t *testing.T) {
	set, valid := resumeSets()
	ctx, cancel := context.WithCancel(t.Context())
	var want []byte
	smallest := 0.0
	var net *model.Network
	net, trainer := resumable(t, 1, func(o *train.Options) {
		stopEarly(o)
		o.OnEpoch = func(e train.Epoch) error {
			if smallest == 0 || e.ValidLoss < smallest {
				smallest, want = e.ValidLoss, saved(t, net.Save)
			}
			return nil
		}
		o.OnStep = func(p train.Progress) error {
			if p.Step == 27 {
				cancel()
			}
			return nil
		}
	})
	if err := trainer.Fit(ctx, set, valid); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the cancellation", err)
	}
	if !bytes.Equal(bestOf(t, trainer), want) {
		t.Error("SaveBest after a cancelled Fit is not the epoch with the smallest validation loss")
	}
}

func TestThereIsNoBestEpochBeforeAValidation(t *testing.T) {
	set, valid := resumeSets()
	_, keeping := resumable(t, 1, func(o *train.Options) { o.KeepBest = true })
	wantError(t, keeping.SaveBest(newFile()), "no epoch was validated yet")
	wantError(t, keeping.Fit(t.Context(), set, nil), "KeepBest is set, but there is no validation set")
	_, plain := resumable(t, 1, func(*train.Options) {})
	fit(t, plain, set, valid)
	if _, ok := plain.Best(); ok {
		t.Error("a trainer without Patience and KeepBest has a best epoch")
	}
	wantError(t, plain.SaveBest(newFile()), "no epoch was validated yet with Patience or KeepBest")
}

func TestAnErrorOfOnStepEndsFitWhichGoesOnLater(t *testing.T) {
	set, valid := resumeSets()
	_, straight := resumable(t, 1, func(*train.Options) {})
	fit(t, straight, set, valid)

	stop := errors.New("stop here")
	_, trainer := resumable(t, 1, func(o *train.Options) {
		o.OnStep = func(p train.Progress) error {
			if p.Step == 7 {
				return stop
			}
			return nil
		}
	})
	if err := trainer.Fit(t.Context(), set, valid); err != stop {
		t.Fatalf("error %v, want that of OnStep", err)
	}
	fit(t, trainer, set, valid)
	if !bytes.Equal(saved(t, trainer.Save), saved(t, straight.Save)) {
		t.Error("Fit after an error of OnStep ends with other bytes")
	}
}

func TestCheckIsWhatFitChecks(t *testing.T) {
	set, valid := resumeSets()
	_, trainer := resumable(t, 1, func(*train.Options) {})
	before := saved(t, trainer.Save)
	for _, bad := range []func() error{
		func() error { return trainer.Check(sequences(3, 4, 2, 1), valid) },
		func() error { return trainer.Check(set, sequences(3, 4, 2, 1)) },
	} {
		wantError(t, bad(), "features per time step")
	}
	if err := trainer.Check(set, valid); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(saved(t, trainer.Save), before) {
		t.Error("Check changed the trainer")
	}
}
