//go:build !amd64

package emulator

func fastFma(d, a, b, c *lanes) bool { return false }

func fastLoops() map[string]func(d, a, b *lanes) { return nil }

func fastMoving() moving { return loops }

const haveAVX2 = false
