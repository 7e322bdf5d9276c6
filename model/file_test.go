package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// encoded returns the bytes that Write writes.
func encoded(t testing.TB, f *File) []byte {
	t.Helper()
	var buffer bytes.Buffer
	if err := f.encode(&buffer); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// raw assembles a file of a header and size bytes of data.
func raw(header string, size int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), make([]byte, size)...)
}

func sample() *File {
	return &File{
		Meta: map[string]string{"model": "lstm", "note": "line\n\"two\" <é>"},
		Tensors: map[string]Array{
			"lstm.weight": {Shape: []int{2, 3}, Data: []float32{1, -2, 3.5, 0, math.SmallestNonzeroFloat32, math.MaxFloat32}},
			"bias":        {Shape: []int{2}, Data: []float32{float32(math.Inf(1)), float32(math.Copysign(0, -1))}},
			"scalar":      {Shape: []int{}, Data: []float32{7}},
			"empty":       {Shape: []int{0, 4}, Data: []float32{}},
		},
	}
}

func sameFile(a, b *File) bool {
	return maps.Equal(a.Meta, b.Meta) && maps.EqualFunc(a.Tensors, b.Tensors, func(x, y Array) bool {
		return slices.Equal(x.Shape, y.Shape) && slices.EqualFunc(x.Data, y.Data, func(v, w float32) bool {
			return math.Float32bits(v) == math.Float32bits(w)
		})
	})
}

func TestFileIsReadAsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	want := sample()
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !sameFile(got, want) {
		t.Errorf("read %v, wrote %v", got, want)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 { // the order of maps changes
		if !bytes.Equal(encoded(t, sample()), first) {
			t.Fatal("the same content gave other bytes")
		}
	}
}

func TestWriteRefusesDataOfAnotherShape(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for name, a := range map[string]Array{
		"too few values": {Shape: []int{2, 3}, Data: make([]float32, 5)},
		"negative":       {Shape: []int{-1, -1}, Data: make([]float32, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, `model: Write: tensor "w" of shape`) {
					t.Errorf("panic %q", text)
				}
				if _, err := os.Stat(path); err == nil {
					t.Error("a file was written")
				}
			}()
			(&File{Tensors: map[string]Array{"w": a}}).Write(path)
		})
	}
}

func TestParseFileReportsDamage(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                   {nil, "not a safetensors file: it has only 0 bytes"},
		"a few bytes":             {[]byte("hello"), "not a safetensors file: it has only 5 bytes"},
		"text":                    {[]byte("epoch,loss\n1,2.3\n"), "the header should have"},
		"header of 2^63 bytes":    {append(binary.LittleEndian.AppendUint64(nil, 1<<63), "{}"...), "the header should have 9223372036854775808 bytes, but only 2 are there"},
		"header is no JSON":       {raw("hello", 0), "header: invalid character"},
		"header is an array":      {raw("[]", 0), "header: "},
		"tensor is no object":     {raw(`{"w":3}`, 0), "header: "},
		"tensor without shape":    {raw(`{"w":{"dtype":"F32","data_offsets":[0,4]}}`, 4), "header: "},
		"text is a number":        {raw(`{"__metadata__":{"epoch":3}}`, 0), "header: "},
		"unknown type":            {raw(`{"w":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "w"`},
		"part of an integer":      {raw(`{"w":{"dtype":"I64","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "w": damaged file: shape [1], but 4 bytes`},
		"part of a double":        {raw(`{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "w": damaged file: shape [1], but 4 bytes`},
		"beyond float32":          {append(raw(`{"w":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}`, 8), 0x9c, 0x75, 0, 0x88, 0x3c, 0xe4, 0x37, 0x7e), `tensor "w": value 1 is beyond float32`},
		"data cut short":          {raw(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 7), `tensor "w": cut short or damaged: data is bytes 0 to 8 of 7`},
		"data left over":          {raw(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 9), "9 bytes of data, but the tensors have 8"},
		"offsets backwards":       {raw(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8), `tensor "x": cut short or damaged: data is bytes 8 to 0 of 8`},
		"negative offset":         {raw(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}`, 8), `tensor "w"`},
		"offset beyond 2^64":      {raw(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,36893488147419103232]}}`, 8), `tensor "w"`},
		"overlap":                 {raw(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12), `tensor "x": damaged file: data starts at byte 4, want 8`},
		"gap":                     {raw(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), `tensor "w": damaged file: data starts at byte 4, want 0`},
		"shape of another size":   {raw(`{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), `tensor "w": damaged file: shape [3], but 8 bytes`},
		"part of a value":         {raw(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}`, 5), `tensor "w": damaged file: shape [1], but 5 bytes`},
		"shape overflows":         {raw(`{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), `tensor "w": damaged file: shape [4294967296 4294967296], but 0 bytes`},
		"dimension beyond int":    {raw(`{"w":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}`, 0), `tensor "w": damaged file: shape [0 18446744073709551615]`},
		"the same name twice":     {raw(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), `the name "w" is there twice`},
		"a name twice, escaped":   {raw(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0077":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), `the name "w" is there twice`},
		"a key of a tensor twice": {raw(`{"w":{"dtype":"F64","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), `the name "dtype" is there twice`},
		"metadata twice":          {raw(`{"__metadata__":{"a":"1","a":"2"}}`, 0), `the name "a" is there twice`},
		"two metadata":            {raw(`{"__metadata__":{"a":"1"},"__metadata__":{}}`, 0), `the name "__metadata__" is there twice`},
		"a name in Latin-1":       {raw("{\"gr\xfc\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "it is not UTF-8"},
		"metadata in Latin-1":     {raw("{\"__metadata__\":{\"a\":\"gr\xfcn\"}}", 0), "it is not UTF-8"},
		"empty name":              {raw(`{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), "a tensor has an empty name"},
		"format alone":            {raw(`{"__metadata__":{"gputrain.format":"1"}}`, 0), "only one of"},
		"checksum alone":          {raw(`{"__metadata__":{"gputrain.sha256":"1"}}`, 0), "only one of"},
		"a later format":          {raw(`{"__metadata__":{"gputrain.format":"2","gputrain.sha256":"1"}}`, 0), `written by another version: its format is "2", this version reads "1"`},
		"wrong checksum":          {raw(`{"__metadata__":{"gputrain.format":"1","gputrain.sha256":"1"}}`, 0), "does not have the checksum"},
		"header with a tail":      {raw(`{}{}`, 0), "header: "},
		"header nested deeply":    {raw(strings.Repeat("[", 1<<20), 0), "header: "},
		"name of several lines":   {raw(`{"a\nb":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, 8), `the name "a\nb" of a tensor has a control character`},
		"type of several lines":   {raw(`{"a":{"dtype":"F\n4","shape":[1],"data_offsets":[0,8]}}`, 8), `tensor "a"`},
		"shape of several lines":  {raw(`{"a":{"dtype":"F32","shape":["x\ny"],"data_offsets":[0,8]}}`, 8), `tensor "a"`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseFile(test.data)
			if err == nil {
				t.Fatalf("it was read as %v", f)
			}
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("error %q is not ErrDamaged", err)
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
				t.Errorf("error %q, want one short line with %q", err, test.want)
			}
		})
	}
}

func TestParseRefusesAHeaderThatTheFormatDoesNotAllow(t *testing.T) {
	prefix := binary.LittleEndian.AppendUint64(nil, maxHeader+1)
	if _, err := parse(bytes.NewReader(prefix), 1<<40); err == nil || !strings.Contains(err.Error(), "more than the 100000000 that the format allows") {
		t.Errorf("error %v, want one about the header", err)
	}
}

// A file may be cut while it is read.
func TestParseReportsAFileThatEndsEarlier(t *testing.T) {
	whole := encoded(t, sample())
	for n := range whole {
		if _, err := parse(bytes.NewReader(whole[:n]), uint64(len(whole))); err == nil || !strings.Contains(err.Error(), "EOF") {
			t.Errorf("after %d of %d bytes: error %v, want one about the end", n, len(whole), err)
		}
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	torn := filepath.Join(dir, "torn.safetensors")
	if err := os.WriteFile(torn, encoded(t, sample())[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{torn, filepath.Join(dir, "missing"), dir} {
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one that names %s", err, path)
		}
	}
}

func TestParseFileRejectsEveryTornFile(t *testing.T) {
	whole := encoded(t, sample())
	for n := range whole {
		if _, err := ParseFile(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were read as a file", n, len(whole))
		}
	}
}

func FuzzParseFile(f *testing.F) {
	whole := encoded(f, sample())
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(encoded(f, &File{}))
	f.Add(raw(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8))
	f.Add(raw(`{"w":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]},"__metadata__":null}`, 0))
	f.Add(raw(`{"w":null}`, 0))
	f.Add(raw(`{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"x":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},"y":{"dtype":"F64","shape":[1],"data_offsets":[6,14]}}`, 14))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ParseFile(data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		again, err := ParseFile(encoded(t, file))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if !sameFile(again, file) {
			t.Errorf("read %v, then wrote and read %v", file, again)
		}
	})
}
