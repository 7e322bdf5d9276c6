package cuda_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// The positive controls are real kernels, each with one mistake in its PTX and a
// trial that must find it.

// mutant is a kernel with a mistake.
type mutant struct {
	kernel  string
	mistake string
	edit    edit
	trial   trial          // that rejects it
	finding emulator.Check // the beginning of the emulator's finding; "" for a wrong result
}

// trial is something that a sound kernel passes.
type trial struct {
	name            string
	multiprocessors int // of the device; 0 for the emulator's default
	failure         func(driver cuda.Driver) error
}

func TestMutantsOfKernelsAreCaught(t *testing.T) {
	emulated := newDriver(t, emulator.Options{Budget: 1 << 24})
	for _, m := range slices.Concat(mutants, tensorStepMutants, tensorMutants(*uncapped)) {
		t.Run(m.kernel+"/"+m.mistake, func(t *testing.T) {
			t.Parallel()
			k := kernelNamed(t, m.kernel)
			text, err := mutate(kernels.PTX(k.Module), k.Name, m.edit)
			if err != nil {
				t.Fatalf("the PTX is not what the mutant was made for: %v", err)
			}
			got := m.trial.failure(&altered{
				Driver: emulated, multiprocessors: m.trial.multiprocessors,
				texts: map[string]string{kernels.PTX(k.Module): text},
			})
			want := ", want " // a wrong result
			if m.finding != "" {
				want = fmt.Sprintf("cuda emulator: kernel %s: %s", m.kernel, m.finding)
			}
			if got == nil || !strings.Contains(got.Error(), want) {
				t.Errorf("%s: got error %v, want one with %q", m.trial.name, got, want)
			}
		})
	}
}

// The unchanged kernels pass the trials that reject the mutants.
func TestSoundKernelsPassTheTrialsOfMutants(t *testing.T) {
	emulated := newDriver(t, emulator.Options{})
	done := map[string]bool{}
	for _, m := range slices.Concat(mutants, tensorStepMutants, tensorMutants(*uncapped)) {
		if done[m.trial.name] {
			continue
		}
		done[m.trial.name] = true
		t.Run(m.trial.name, func(t *testing.T) {
			t.Parallel()
			if err := m.trial.failure(&altered{Driver: emulated, multiprocessors: m.trial.multiprocessors}); err != nil {
				t.Error(err)
			}
		})
	}
}

// suite is a check of the conformance suite, with cases up to a size.
func suite(check string, size int) trial {
	return trial{fmt.Sprintf("%s up to %d", check, size), 0, func(driver cuda.Driver) error {
		open := func() (backend.Backend, error) { return cuda.Open(driver, 0, cuda.Options{}) }
		failures := backendtest.Check(open, backendtest.MaxSize(size), backendtest.MaxWork(0), backendtest.Only(check)).Results[0].Failures
		if len(failures) > 0 {
			return errors.New(failures[0])
		}
		return nil
	}}
}

// oneByOne is a trial on a device that launches each time step of a layer.
func oneByOne(t trial) trial {
	return trial{t.name + ", step by step", t.multiprocessors, func(driver cuda.Driver) error {
		return t.failure(wrapping{driver, func(d cuda.Device) cuda.Device { return stepwise{d} }})
	}}
}

// one is the named operation of larger size.
func one(of []larger, name string) trial {
	c := of[slices.IndexFunc(of, func(c larger) bool { return c.name == name })]
	return trial{name, c.multiprocessors, c.on}
}

// oneIn is one, with products in a math.
func oneIn(math string, of []larger, name string) trial {
	t := one(of, name)
	c := of[slices.IndexFunc(of, func(c larger) bool { return c.name == name })]
	return trial{name + " in " + math, t.multiprocessors, func(driver cuda.Driver) error { return c.in(math, driver) }}
}

// withoutConflicts is a trial that layers in one launch also fail if they have bank conflicts.
func withoutConflicts(t trial) trial {
	return trial{t.name + ", without bank conflicts", t.multiprocessors, func(driver cuda.Driver) error {
		var device *emulator.Device
		watched := wrapping{driver, func(d cuda.Device) cuda.Device {
			device = d.(alteredDevice).Device.(*emulator.Device)
			return d
		}}
		if err := t.failure(watched); err != nil {
			return err
		}
		found := false
		for _, l := range device.Profile() {
			if !strings.Contains(l.Kernel, "_forward_") {
				continue
			}
			found = true
			if l.BankConflicts > 0 {
				return fmt.Errorf("%s has %d bank conflicts, want none", l.Kernel, l.BankConflicts)
			}
		}
		if !found {
			return errors.New("there is no such layer")
		}
		return nil
	}}
}

func kernelNamed(t *testing.T, name string) kernels.Kernel {
	t.Helper()
	all := kernels.All()
	i := slices.IndexFunc(all, func(k kernels.Kernel) bool { return k.Name == name })
	if i < 0 {
		t.Fatalf("there is no kernel %s", name)
	}
	return all[i]
}
