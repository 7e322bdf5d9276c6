//go:build !cuda

package cudriver

import (
	"strings"
	"testing"
)

func TestBuildWithoutCUDASaysHowToGetIt(t *testing.T) {
	_, listing := New().Devices()
	_, opening := New().Open(0)
	for _, err := range []error{listing, opening} {
		if err == nil || !strings.Contains(err.Error(), "make build") {
			t.Errorf("%v, want a hint at make build", err)
		}
	}
}
