//go:build !amd64

package emulator

func fastFma(d, a, b, c *lanes) bool { return false }

const haveFMA = false
