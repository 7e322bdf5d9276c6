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

// sealed returns header with the sum of it and the tensors, in this order.
func sealed(header []byte, tensors []Array) []byte {
	h := sha256.New()
	h.Write(header)
	for _, a := range tensors {
		writeFloats(h, a.Data) // which never fails
	}
	return bytes.Replace(header, sumEntry(noSum), sumEntry(hex.EncodeToString(h.Sum(nil))), 1)
}

// seal is what a file says about itself.
type seal struct {
	format, sum string
	hash        hash.Hash // of the header, to which the data must be added
}

// sealOf takes the seal out of meta, which was read from header; nil if there is
// none.
func sealOf(meta map[string]string, header []byte) (*seal, error) {
	format, hasFormat := meta[formatKey]
	sum, hasSum := meta[sumKey]
	s := &seal{format, sum, sha256.New()}
	switch {
	case !hasFormat && !hasSum:
		return nil, nil
	case !hasSum && format != fileFormat:
		return nil, s.otherVersion()
	case !hasFormat || !hasSum:
		return nil, fmt.Errorf("damaged file: its metadata have only one of %q and %q", formatKey, sumKey)
	case bytes.Count(header, sumEntry(sum)) != 1 || len(sum) != len(noSum):
		return nil, s.badSum()
	}
	s.hash.Write(bytes.Replace(header, sumEntry(sum), sumEntry(noSum), 1))
	delete(meta, formatKey)
	delete(meta, sumKey)
	return s, nil
}

// check compares the sum and the format.
func (s *seal) check() error {
	switch {
	case hex.EncodeToString(s.hash.Sum(nil)) != s.sum:
		return s.badSum()
	case s.format != fileFormat:
		return s.otherVersion()
	}
	return nil
}

// badSum is the error of a wrong sum. If the format is wrong too, it may be the damage.
func (s *seal) badSum() error {
	if s.format != fileFormat {
		return fmt.Errorf("damaged file, or %v", s.otherVersion())
	}
	return errors.New("damaged file: its content does not have the checksum that was written with it")
}

// errVersion is wrapped by the error of a file that is whole, but of another format.
var errVersion = errors.New("written by another version")

func (s *seal) otherVersion() error {
	return fmt.Errorf("%w: its format is %q, this version reads %q", errVersion, s.format, fileFormat)
}
