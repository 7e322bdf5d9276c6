package backendtest_test

import (
	"fmt"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/backend/reference"
)

// hasty is a backend whose Tanh is a little wrong.
type hasty struct{ *reference.Backend }

func (h hasty) Tanh(y, x backend.Tensor) {
	h.Backend.Tanh(y, x)
	h.Backend.Scale(y, 1.00001, y)
}

// The suite outside of a test, on two of its checks.
func ExampleCheck() {
	open := func() (backend.Backend, error) { return hasty{reference.New()}, nil }
	report := backendtest.Check(open, backendtest.MaxSize(33), backendtest.Only("Sigmoid", "Tanh"))
	for _, result := range report.Results {
		fmt.Println(result.Name, "passed:", len(result.Failures) == 0)
	}
	// Output:
	// Sigmoid passed: true
	// Tanh passed: false
}
