//go:build !(gl && cgo && linux)

package gldriver

import (
	"strings"
	"testing"
)

func TestBuildWithoutOpenGLSaysHowToGetIt(t *testing.T) {
	_, listing := New().Devices()
	_, opening := New().Open(0)
	for _, err := range []error{listing, opening} {
		if err == nil || !strings.Contains(err.Error(), "make build") {
			t.Errorf("%v, want a hint at make build", err)
		}
	}
}
