package backendtest

import (
	"reflect"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
)

// Whoever adds an operation to the contract gets told what is missing here: the
// check of its results, the trial of its misuse, and a broken backend.
func TestEveryOperationIsChecked(t *testing.T) {
	for _, name := range uncovered(contractOperations()) {
		t.Error(name)
	}
}

// The control: an operation that nobody has heard of is missing everywhere.
func TestAnOperationWithoutChecksIsFound(t *testing.T) {
	want := []string{"no check Unheard", "operations has no Unheard", "no broken backend for the check Unheard"}
	if got := uncovered([]string{"Gemm", "Unheard"}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// contractOperations returns the names of all operations that a backend has, or may
// have fused.
func contractOperations() []string {
	others := append(methods(reflect.TypeFor[backend.Memory]()), "Name", "Sync", "Err", "Close", "LSTMScratch", "RNNScratch", "GRUScratch")
	names := methods(
		reflect.TypeFor[backend.Backend](), reflect.TypeFor[backend.ClipFactorer](),
		reflect.TypeFor[backend.LSTMCeller](), reflect.TypeFor[backend.LSTMPeepGrader](), reflect.TypeFor[backend.LSTMSequencer](),
		reflect.TypeFor[backend.RNNCeller](), reflect.TypeFor[backend.RNNSequencer](), reflect.TypeFor[backend.GRUCeller](), reflect.TypeFor[backend.GRUSequencer](),
		reflect.TypeFor[backend.LSTM1997Sequencer](),
	)
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(others, name) })
}

func methods(interfaces ...reflect.Type) (names []string) {
	for _, t := range interfaces {
		for i := range t.NumMethod() {
			names = append(names, t.Method(i).Name)
		}
	}
	return names
}

func uncovered(names []string) (missing []string) {
	tried := operations(fused{reference.New()})
	controls := allControls()
	for _, name := range names {
		if !slices.ContainsFunc(checks(), func(c check) bool { return c.name == name }) {
			missing = append(missing, "no check "+name)
		}
		if !slices.ContainsFunc(tried, func(o operation) bool { return o.name == name }) {
			missing = append(missing, "operations has no "+name)
		}
		if !slices.ContainsFunc(controls, func(c control) bool { return c.check == name }) {
			missing = append(missing, "no broken backend for the check "+name)
		}
	}
	return missing
}
