//go:build !(linux && amd64)

package simd

import (
	"fmt"
	"runtime"
)

func amx() (*tileUnit, error) {
	return nil, fmt.Errorf("it is for linux/amd64, and this is %s/%s", runtime.GOOS, runtime.GOARCH)
}
