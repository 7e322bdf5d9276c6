package emulatortest

import (
	"bytes"
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	type pair struct {
		A uint16
		B float32
	}
	for _, c := range []struct {
		arg  any
		want []byte
		why  string
	}{
		{7, []byte{7, 0, 0, 0}, ""},
		{-1, []byte{255, 255, 255, 255}, ""},
		{int64(1), []byte{1, 0, 0, 0, 0, 0, 0, 0}, ""},
		{pair{258, 1}, []byte{2, 1, 0, 0, 0x80, 0x3f}, ""},
		{1 << 40, nil, "1099511627776 does not fit an int of C"},
		{[]float32{1}, nil, "a []float32 is no number"},
		{"text", nil, "a string is no number"},
	} {
		got, err := bytesOf(c.arg)
		switch {
		case c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)):
			t.Errorf("%v: %v, want %q", c.arg, err, c.why)
		case c.why == "" && (err != nil || !bytes.Equal(got, c.want)):
			t.Errorf("%v: % x, %v, want % x", c.arg, got, err, c.want)
		}
	}
}
