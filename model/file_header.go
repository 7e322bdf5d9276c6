package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nlpodyssey/safetensors"
)

// metaName is the entry of the header that is not a tensor.
const metaName = "__metadata__"

// header is what stands before the data.
type header struct {
	raw []byte // with its length
	safetensors.Metadata
}

// readHeader reads the header of a file of size bytes.
func readHeader(r io.Reader, size uint64) (header, error) {
	var h header
	if size < lengthBytes {
		return h, fmt.Errorf("model: not a safetensors file: it has only %d bytes", size)
	}
	h.raw = make([]byte, lengthBytes)
	if _, err := io.ReadFull(r, h.raw); err != nil {
		return h, fmt.Errorf("model: cut short: %w", err)
	}
	length, rest := binary.LittleEndian.Uint64(h.raw), size-lengthBytes
	if length > rest {
		return h, fmt.Errorf("model: not a safetensors file, or cut short: the header should have %d bytes, but only %d are there", length, rest)
	}
	if length > maxHeader {
		return h, fmt.Errorf("model: not a safetensors file, or damaged: the header should have %d bytes, more than the %d that the format allows", length, maxHeader)
	}
	h.raw = append(h.raw, make([]byte, length)...)
	text := h.raw[lengthBytes:]
	if _, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("model: cut short: %w", err)
	}
	// The library reads the header. It takes the last of several entries of one name,
	// and its own check of the offsets does not name the tensor at fault.
	err := json.Unmarshal(text, &h.Metadata)
	if err == nil {
		err = checkKeys(text)
	}
	if err != nil {
		return h, fmt.Errorf("model: not a safetensors file, or damaged: header: %w", err)
	}
	for name := range h.Tensors() {
		if err := checkName(name); err != nil {
			return h, fmt.Errorf("model: damaged file: %w", err)
		}
	}
	return h, nil
}

// A file begins with the length of its header, which the safetensors format limits.
const (
	lengthBytes = 8
	maxHeader   = 100_000_000
)

// checkName says why no tensor can have that name.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a tensor has an empty name")
	case name == metaName:
		return fmt.Errorf("a tensor is called %q, which is the name of the metadata", name)
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q of a tensor is not UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the name %q of a tensor has a control character", name)
	}
	return nil
}

// checkKeys returns an error if text, which is valid JSON, is not UTF-8 or has an
// object with the same key twice.
func checkKeys(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("it is not UTF-8")
	}
	return checkValueKeys(json.NewDecoder(bytes.NewReader(text)))
}

// checkValueKeys is checkKeys for the next value.
func checkValueKeys(d *json.Decoder) error {
	start, err := d.Token()
	if _, nested := start.(json.Delim); err != nil || !nested {
		return err
	}
	keys := map[any]bool{}
	for d.More() {
		if start == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if keys[key] {
				return fmt.Errorf("the name %q is there twice", key)
			}
			keys[key] = true
		}
		if err := checkValueKeys(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
