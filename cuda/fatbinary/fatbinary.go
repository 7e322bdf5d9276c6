// Package fatbinary reads what nvcc embeds in a program: the code of its kernels, for one
// or several architectures, as machine code and as PTX. NVIDIA does not document the
// format; what is known of it here comes from the files that nvcc 11.8 writes, and from
// github.com/n-eiling/cuda-fatbin-decompression.
package fatbinary

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pierrec/lz4/v4"
)

// Magic is how a fat binary begins, as a little-endian number of 4 bytes.
const Magic = 0xba55ed50

// HeaderSize is how many bytes Size needs.
const HeaderSize = 16

// header begins a fat binary. Entries follow it.
type header struct {
	Magic   uint32
	Version uint16
	Header  uint16 // bytes of this header
	Size    uint64 // bytes of all that follows it
}

// entry begins the code for an architecture. The code follows it.
type entry struct {
	Kind         uint16
	Version      uint16
	Header       uint32 // bytes of this header
	Size         uint64 // bytes of the code, padded
	Compressed   uint32 // bytes of the code, if it is compressed
	_            uint32
	Minor, Major uint16
	Architecture uint32 // 80 for sm_80
	Name, Names  uint32
	Flags        uint64
	_            uint64
	Uncompressed uint64 // bytes of the code, once it is uncompressed
}

const (
	kindPTX        = 1
	flagCompressed = 0x2000

	maxUncompressed = 1 << 28 // bytes: no module of kernels is as large
)

// Size returns the bytes of a fat binary that begins with these.
func Size(start []byte) (int, error) {
	var h header
	if err := read(start, &h); err != nil {
		return 0, err
	}
	if h.Magic != Magic || h.Header < HeaderSize || h.Size > 1<<40 {
		return 0, fmt.Errorf("not a fat binary: it begins with %#x", start[:HeaderSize])
	}
	return int(h.Header) + int(h.Size), nil
}

// PTX returns the PTX for the highest architecture that a device of this one can run.
func PTX(image []byte, architecture int) (string, error) {
	size, err := Size(image)
	if err != nil {
		return "", err
	}
	if size > len(image) {
		return "", fmt.Errorf("a fat binary of %d bytes ends after %d", size, len(image))
	}
	rest := image[binary.LittleEndian.Uint16(image[6:]):size]
	var best entry
	var code []byte
	var has []string
	for len(rest) > 0 {
		var e entry
		if err := read(rest, &e); err != nil {
			return "", err
		}
		if uint64(e.Header) > uint64(len(rest)) || e.Size > uint64(len(rest))-uint64(e.Header) || uint64(e.Header)+e.Size == 0 {
			return "", errors.New("a fat binary has an entry that is longer than the rest")
		}
		body := rest[e.Header:][:e.Size]
		rest = rest[uint64(e.Header)+e.Size:]
		if e.Kind != kindPTX {
			has = append(has, fmt.Sprintf("machine code for sm_%d", e.Architecture))
			continue
		}
		has = append(has, fmt.Sprintf("PTX for compute_%d", e.Architecture))
		if int(e.Architecture) <= architecture && e.Architecture >= best.Architecture {
			best, code = e, body
		}
	}
	if code == nil {
		return "", fmt.Errorf("no PTX for sm_%d: the program has %q; compile it with nvcc -gencode arch=compute_80,code=compute_80", architecture, has)
	}
	if best.Flags&flagCompressed != 0 {
		if best.Uncompressed > maxUncompressed || uint64(best.Compressed) > uint64(len(code)) {
			return "", errors.New("a fat binary has compressed PTX of impossible size")
		}
		text := make([]byte, best.Uncompressed)
		n, err := lz4.UncompressBlock(code[:best.Compressed], text)
		if err != nil {
			return "", fmt.Errorf("PTX of a fat binary cannot be uncompressed: %w", err)
		}
		code = text[:n]
	}
	text, _, _ := bytes.Cut(code, []byte{0})
	return string(text), nil
}

func read(from []byte, to any) error {
	if _, err := binary.Decode(from, binary.LittleEndian, to); err != nil {
		return errors.New("a fat binary ends within a header")
	}
	return nil
}
