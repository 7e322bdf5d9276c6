package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// The seal of a file is two entries of its metadata.
const (
	formatKey  = "gputrain.format"
	fileFormat = "1"

	// The SHA-256 of the whole file, in which the digits of the sum itself are 0.
	sumKey = "gputrain.sha256"
)

var noSum = strings.Repeat("0", hex.EncodedLen(sha256.Size))

// sumEntry is the sum as it stands in a header. Inside of a text the quotes would
// have backslashes.
func sumEntry(sum string) []byte { return fmt.Appendf(nil, "%q:%q", sumKey, sum) }

// unsealedMeta returns Meta with an entry for the sum.
func (f *File) unsealedMeta() (map[string]string, error) {
	meta := map[string]string{formatKey: fileFormat, sumKey: noSum}
	for _, key := range slices.Sorted(maps.Keys(f.Meta)) {
		switch {
		case key == formatKey || key == sumKey:
			panic(fmt.Sprintf("model: Write: metadata %q belong to the file: leave them out", key))
		case !utf8.ValidString(key):
			return nil, fmt.Errorf("the name %q of metadata is not UTF-8", key)
		case !utf8.ValidString(f.Meta[key]):
			return nil, fmt.Errorf("metadata %q are not UTF-8", key)
		}
		meta[key] = f.Meta[key]
	}
	return meta, nil
}

// seal puts the sum of header and the tensors, in this order, into header.
func seal(header []byte, tensors []Array) []byte {
	h := sha256.New()
	h.Write(header)
	for _, a := range tensors {
		writeFloats(h, a.Data) // which never fails
	}
	return bytes.Replace(header, sumEntry(noSum), sumEntry(hex.EncodeToString(h.Sum(nil))), 1)
}

// sealOf takes the seal out of meta, which was read from header. It returns the sum
// and a hash of header, to which the data must be added; "" and nil if there is no
// seal.
func sealOf(meta map[string]string, header []byte) (sum string, h hash.Hash, err error) {
	format, hasFormat := meta[formatKey]
	sum, hasSum := meta[sumKey]
	switch {
	case !hasFormat && !hasSum:
		return "", nil, nil
	case !hasFormat || !hasSum:
		return "", nil, fmt.Errorf("damaged file: its metadata have only one of %q and %q", formatKey, sumKey)
	case format != fileFormat:
		return "", nil, fmt.Errorf("the file was written by another version: its format is %q, this version reads %q", format, fileFormat)
	case bytes.Count(header, sumEntry(sum)) != 1 || len(sum) != len(noSum):
		return "", nil, errBadSum
	}
	h = sha256.New()
	h.Write(bytes.Replace(header, sumEntry(sum), sumEntry(noSum), 1))
	delete(meta, formatKey)
	delete(meta, sumKey)
	return sum, h, nil
}

var errBadSum = errors.New("damaged file: its content does not have the checksum that was written with it")
