//go:build gl && cgo && linux

package gldriver

import (
	"fmt"
	"testing"

	"gputrain/gl"
)

// More elements than a launch may have invocations take two passes, which the suite
// does not need anywhere.
func TestMoreElementsThanInvocations(t *testing.T) {
	list(t)
	if err := fillsAll(New()); err != nil {
		t.Error(err)
	}
	onePass := &mutated{Driver: New(), kernel: "fill", old: "k += gl_NumWorkGroups.x * GROUP)", new: "k = n)"}
	if err := fillsAll(onePass); err == nil || onePass.failure() != nil {
		t.Error("a shader that makes one pass is not found")
	}
}

func fillsAll(driver gl.Driver) error {
	b, err := gl.Open(driver, *ordinal, gl.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	const n = 65535*256 + 5
	x, err := b.New(n, 1)
	if err != nil {
		return err
	}
	b.Fill(x, 2)
	last := make([]float32, 10)
	if err := b.Download(last, x.Slice(n-len(last), n)); err != nil {
		return err
	}
	for i, got := range last {
		if got != 2 {
			return fmt.Errorf("element %d of %d is %v, want 2", n-len(last)+i, n, got)
		}
	}
	return nil
}
