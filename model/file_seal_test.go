package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// sealedFile is a file with everything that a seal covers.
func sealedFile() *File {
	f := sample()
	f.Tensors["large"] = Array{Shape: []int{70, 30}, Data: make([]float32, 2100)}
	return f
}

// TestNoFlippedBitIsUsedInSilence flips every bit of a header and many of the
// tensors. A file whose seal itself is gone may be read, but must say so.
func TestNoFlippedBitIsUsedInSilence(t *testing.T) {
	whole := encoded(t, sealedFile())
	header := 8 + int(binary.LittleEndian.Uint64(whole))
	rng := rand.New(rand.NewPCG(1, 1))
	bits := make([]int, 0, 8*header+2000)
	for bit := range 8 * header {
		bits = append(bits, bit)
	}
	for range 2000 {
		bits = append(bits, rng.IntN(8*len(whole)))
	}
	for _, bit := range bits {
		whole[bit/8] ^= 1 << (bit % 8)
		if f, err := ParseFile(whole); err == nil && f.Sealed() {
			t.Errorf("bit %d of byte %d, %q, was flipped without a word", bit%8, bit/8, whole[max(0, bit/8-8):bit/8+8])
		}
		whole[bit/8] ^= 1 << (bit % 8)
	}
	if f, err := ParseFile(whole); err != nil || !f.Sealed() || !sameFile(f, sealedFile()) {
		t.Errorf("the file itself: error %v", err)
	}
}

// The control: without the checksum most of the flipped bits are read.
func TestFlippedBitsAreReadWithoutAChecksum(t *testing.T) {
	whole := unsealedBytes(t, sealedFile())
	read := 0
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		bit := rng.IntN(8 * len(whole))
		whole[bit/8] ^= 1 << (bit % 8)
		if f, err := ParseFile(whole); err == nil {
			read++
			if f.Sealed() {
				t.Fatal("a file without a checksum says that it is sealed")
			}
		}
		whole[bit/8] ^= 1 << (bit % 8)
	}
	if read < 150 {
		t.Errorf("only %d of 200 were read", read)
	}
}

// unsealedBytes returns f as another program writes it.
func unsealedBytes(t *testing.T, f *File) []byte {
	t.Helper()
	whole := encoded(t, f)
	for _, key := range []string{formatKey, sumKey} {
		whole = bytes.Replace(whole, []byte(key), []byte(strings.Replace(key, "gputrain", "strange_", 1)), 1)
	}
	return whole
}

// A file of another version is no damaged one: nobody may set it aside.
func TestAnotherVersionIsNoDamage(t *testing.T) {
	whole := encoded(t, sample())
	later := bytes.Replace(whole, fmt.Appendf(nil, "%q:%q", formatKey, fileFormat), fmt.Appendf(nil, "%q:%q", formatKey, "2"), 1)
	if _, err := ParseFile(later); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), `its format is "2"`) {
		t.Errorf("a changed format gives the error %v", err)
	}
	at := bytes.Index(later, []byte(sumKey)) + len(sumKey) + len(`":"`)
	copy(later[at:], noSum)
	copy(later[at:], fmt.Sprintf("%x", sha256.Sum256(later)))
	if _, err := ParseFile(later); err == nil || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), `its format is "2"`) {
		t.Errorf("a later format gives the error %v", err)
	}
}

func TestAHeaderThatNobodyMayReadIsNotWritten(t *testing.T) {
	f := &File{Meta: map[string]string{"history": strings.Repeat("x", maxHeader)}}
	path := t.TempDir() + "/f.safetensors"
	if err := f.Write(path); err == nil || !strings.Contains(err.Error(), "more than the 100000000 that the format allows") {
		t.Errorf("error %v, want one about the header", err)
	}
}

// The checksum can be checked without gputrain.
func TestTheChecksumIsThatOfTheFile(t *testing.T) {
	whole := encoded(t, sealedFile())
	at := bytes.Index(whole, []byte(sumKey)) + len(sumKey) + len(`":"`)
	want := string(whole[at : at+64])
	copy(whole[at:], strings.Repeat("0", 64))
	if got := fmt.Sprintf("%x", sha256.Sum256(whole)); got != want {
		t.Errorf("the file says %s, its checksum is %s", want, got)
	}
}

func TestMetadataOfTheFileIsNotOfItsContent(t *testing.T) {
	f, err := ParseFile(encoded(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	if keys := slices.Sorted(maps.Keys(f.Meta)); !slices.Equal(keys, []string{"model", "note"}) {
		t.Errorf("metadata %q, want those that were written", keys)
	}
	if whole := encoded(t, f); !bytes.Equal(whole, encoded(t, sample())) {
		t.Error("read and written again, the file has other bytes")
	}
}

func TestWriteRefusesWhatCannotBeRead(t *testing.T) {
	one := Array{Shape: []int{1}, Data: make([]float32, 1)}
	for name, c := range map[string]struct {
		file *File
		want string
	}{
		"no file":            {nil, "model: Write: the file is nil"},
		"metadata as tensor": {&File{Tensors: map[string]Array{"__metadata__": one}}, `model: Write: a tensor is called "__metadata__"`},
		"empty name":         {&File{Tensors: map[string]Array{"": one}}, "model: Write: a tensor has an empty name"},
		"control character":  {&File{Tensors: map[string]Array{"a\x1b[2J": one}}, `model: Write: the name "a\x1b[2J" of a tensor has a control character`},
		"name in Latin-1":    {&File{Tensors: map[string]Array{"gr\xfc": one}}, `model: Write: the name "gr\xfc" of a tensor is not UTF-8`},
		"key of the file":    {&File{Meta: map[string]string{"gputrain.sha256": ""}}, `model: Write: metadata "gputrain.sha256" belong to the file`},
		"text in Latin-1":    {&File{Meta: map[string]string{"class": "gr\xfcn"}}, `metadata "class" are not UTF-8`},
		"key in Latin-1":     {&File{Meta: map[string]string{"gr\xfcn": ""}}, `the name "gr\xfcn" of metadata is not UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/f.safetensors"
			text := panicOrError(func() error { return c.file.Write(path) })
			if !strings.Contains(text, c.want) {
				t.Errorf("got %q, want %q", text, c.want)
			}
			if _, err := ReadFile(path); err == nil {
				t.Error("a file was written")
			}
		})
	}
}

// panicOrError returns the text of the panic of call, or of its error.
func panicOrError(call func() error) (text string) {
	defer func() {
		if p, ok := recover().(string); ok {
			text = p
		}
	}()
	if err := call(); err != nil {
		return err.Error()
	}
	return ""
}

// Encoding and reading must not hold the tensors twice.
func TestFilesAreStreamed(t *testing.T) {
	f := &File{Tensors: map[string]Array{"w": {Shape: []int{1 << 20}, Data: make([]float32, 1<<20)}}}
	path := t.TempDir() + "/f.safetensors"
	if n := allocated(func() {
		if err := f.Write(path); err != nil {
			t.Fatal(err)
		}
	}); n > 1<<20 {
		t.Errorf("writing 4 MiB allocated %d bytes", n)
	}
	if n := allocated(func() {
		if _, err := ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}); n > 5<<20 {
		t.Errorf("reading 4 MiB allocated %d bytes", n)
	}
}

// allocated returns how many bytes call allocates.
func allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
