package fatbinary

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// pack makes a fat binary of entries and their code.
func pack(t *testing.T, entries []entry, codes []string) []byte {
	t.Helper()
	var body bytes.Buffer
	for i, e := range entries {
		code := []byte(codes[i])
		e.Header = uint32(binary.Size(e))
		if e.Flags&flagCompressed != 0 {
			e.Uncompressed = uint64(len(code))
			to := make([]byte, lz4.CompressBlockBound(len(code)))
			n, err := lz4.CompressBlock(code, to, nil)
			if err != nil {
				t.Fatal(err)
			}
			code = to[:n]
			e.Compressed = uint32(n)
		}
		code = append(code, make([]byte, 8-len(code)%8)...)
		e.Size = uint64(len(code))
		for _, part := range []any{e, code} {
			if err := binary.Write(&body, binary.LittleEndian, part); err != nil {
				t.Fatal(err)
			}
		}
	}
	image, err := binary.Append(nil, binary.LittleEndian, header{Magic, 1, HeaderSize, uint64(body.Len())})
	if err != nil {
		t.Fatal(err)
	}
	return append(image, body.Bytes()...)
}

var (
	entries = []entry{
		{Kind: 2, Architecture: 80},
		{Kind: kindPTX, Architecture: 70, Flags: flagCompressed},
		{Kind: kindPTX, Architecture: 80},
		{Kind: kindPTX, Architecture: 90},
	}
	codes = []string{"\x7fELF", strings.Repeat("// for 70\n", 100), "// for 80", "// for 90"}
)

func TestPTXForTheDeviceIsFound(t *testing.T) {
	image := pack(t, entries, codes)
	if size, err := Size(image); err != nil || size != len(image) {
		t.Errorf("a size of %d (%v), want %d", size, err, len(image))
	}
	for architecture, want := range map[int]string{75: codes[1], 89: codes[2], 90: codes[3]} {
		if got, err := PTX(image, architecture); err != nil || got != want {
			t.Errorf("sm_%d: %q (%v), want %q", architecture, got, err, want)
		}
	}
	_, err := PTX(image, 60)
	if err == nil || !strings.Contains(err.Error(), `no PTX for sm_60: the program has ["machine code for sm_80" "PTX for compute_70"`) {
		t.Errorf("no PTX gives %v", err)
	}
}

func TestTornFatBinaryIsAnError(t *testing.T) {
	image := pack(t, entries[:2], codes)
	for n := range image {
		if _, err := PTX(image[:n], 80); err == nil {
			t.Fatalf("the first %d of %d bytes are read as if they were all", n, len(image))
		}
	}
	for at := range image {
		for bit := range 8 {
			torn := bytes.Clone(image)
			torn[at] ^= 1 << bit
			PTX(torn, 80) // must not panic
		}
	}
}
