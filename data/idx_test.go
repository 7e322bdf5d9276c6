package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// idx returns an IDX file that declares sizes and holds content.
func idx(content []byte, sizes ...uint32) []byte {
	file := []byte{0, 0, 8, byte(len(sizes))}
	for _, size := range sizes {
		file = binary.BigEndian.AppendUint32(file, size)
	}
	return append(file, content...)
}

// ascending returns n bytes 0, 1, 2, ...
func ascending(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i)
	}
	return content
}

// folder returns a new folder with files.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenIDXReadsWhatWasWritten(t *testing.T) {
	trainImages, trainLabels := idx(ascending(3*2*4), 3, 2, 4), idx([]byte{2, 0, 1}, 3)
	testImages, testLabels := idx(ascending(2*4), 1, 2, 4), idx([]byte{1}, 1)
	tests := map[string]map[string][]byte{
		"plain": {
			"train-images-idx3-ubyte": trainImages, "train-labels-idx1-ubyte": trainLabels,
			"t10k-images-idx3-ubyte": testImages, "t10k-labels-idx1-ubyte": testLabels,
		},
		"compressed": {
			"train-images-idx3-ubyte.gz": compressed(t, trainImages), "train-labels-idx1-ubyte.gz": compressed(t, trainLabels),
			"t10k-images-idx3-ubyte.gz": compressed(t, testImages), "t10k-labels-idx1-ubyte.gz": compressed(t, testLabels),
		},
		"spelt with a dot, names that lie about compression": {
			"train-images.idx3-ubyte": compressed(t, trainImages), "train-labels.idx1-ubyte.gz": trainLabels,
			"t10k-images.idx3-ubyte": testImages, "t10k-labels-idx1-ubyte": testLabels, "README": nil,
		},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			train, test, _, err := OpenIDX(folder(t, files))
			if err != nil {
				t.Fatal(err)
			}
			checkDataset(t, train)
			checkDataset(t, test)
			if train.Len() != 3 || test.Len() != 1 || train.Steps != 2 || train.Width != 4 {
				t.Errorf("%d and %d samples of %dx%d, want 3 and 1 of 2x4", train.Len(), test.Len(), train.Steps, train.Width)
			}
			if !slices.Equal(test.X, []float32{0, 1, 2, 3, 4, 5, 6, 7}) || train.X[23] != 23 {
				t.Errorf("test pixels %v", test.X)
			}
			if !slices.Equal(train.Labels, []int32{2, 0, 1}) || !slices.Equal(test.Labels, []int32{1}) {
				t.Errorf("labels %v and %v", train.Labels, test.Labels)
			}
			if want := []string{"0", "1", "2"}; !slices.Equal(train.Classes, want) || !slices.Equal(test.Classes, want) {
				t.Errorf("classes %q and %q, want %q", train.Classes, test.Classes, want)
			}
		})
	}
}

func TestOpenIDXWithoutTestFilesGivesNoTestSet(t *testing.T) {
	train, test, _, err := OpenIDX(folder(t, map[string][]byte{
		"train-images-idx3-ubyte": idx([]byte{255}, 1, 1, 1), "train-labels-idx1-ubyte": idx([]byte{255}, 1),
	}))
	if err != nil || test != nil || train.X[0] != 255 || train.Labels[0] != 0 || !slices.Equal(train.Classes, []string{"255"}) {
		t.Errorf("train %v, test %v, %v", train, test, err)
	}
}

func TestOpenIDXNamesTheFaultOfAFolder(t *testing.T) {
	images, labels := idx([]byte{1, 2}, 2, 1, 1), idx([]byte{0, 1}, 2)
	tests := []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"empty", nil, "there is no train-images-idx3-ubyte, plain or with .gz; add it"},
		{"no labels", map[string][]byte{"train-images-idx3-ubyte": images}, "there is no train-labels-idx1-ubyte, "},
		{"half a test set", map[string][]byte{
			"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels, "t10k-labels-idx1-ubyte": labels,
		}, "there is no t10k-images-idx3-ubyte, "},
		{"other images in the test set", map[string][]byte{
			"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels,
			"t10k-images-idx3-ubyte": idx([]byte{1, 2}, 1, 1, 2), "t10k-labels-idx1-ubyte": idx([]byte{0}, 1),
		}, "the test images are 1x2, the training images 1x1; "},
		{"new class in the test set", map[string][]byte{
			"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels,
			"t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": idx([]byte{0, 2}, 2),
		}, "t10k-labels-idx1-ubyte: byte 9: label 2 is not among the 2 classes to learn from; "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, test.files)
			_, _, _, err := OpenIDX(dir)
			wantError(t, err, dir, test.want)
		})
	}
	absent := filepath.Join(t.TempDir(), "absent")
	_, _, _, err := OpenIDX(absent)
	wantError(t, err, absent+": ", "; give the folder that holds the IDX files")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v does not wrap fs.ErrNotExist", err)
	}
}

func TestReadIDXNamesTheFaultOfAFile(t *testing.T) {
	good := idx([]byte{1, 2, 3, 4}, 2, 1, 2)
	tests := []struct {
		name   string
		images []byte
		want   string
	}{
		{"empty", nil, "images: ends at byte 0, within the header of 16; "},
		{"header cut short", good[:15], "images: ends at byte 15, within the header of 16; "},
		{"not IDX", []byte("\x89PNG and so on, and so on"), "images: byte 0: 0x8950, want 0x0000; "},
		{"floats", append([]byte{0, 0, 0x0d}, good[3:]...), "images: byte 2: type 0x0d, want 0x08; "},
		{"labels", idx([]byte{0, 1}, 2), "images: byte 3: rank 1, want 3; "},
		{"no images", idx(nil, 0, 28, 28), "images: byte 4: size 0; "},
		{"no columns", idx(nil, 2, 28, 0), "images: byte 12: size 0; "},
		{"cut short", good[:len(good)-1], "images: ends at byte 19, with 3 bytes of the 2x1x2 that it declares; "},
		{"declares 2³¹ images", idx([]byte{1, 2}, 1<<31, 28, 28), "images: ends at byte 18, with 2 bytes of the 2147483648x28x28 that it declares; "},
		{"declares more than int64", idx([]byte{1, 2}, 1<<32-1, 1<<32-1, 1<<32-1), "with 2 bytes of the 4294967295x4294967295x4294967295 that it declares; "},
		{"wraps around to what it holds", idx([]byte{}, 1<<31, 1<<31, 4), "with 0 bytes of the 2147483648x2147483648x4"},
		{"longer than declared", append(slices.Clone(good), 0), "images: goes on at byte 20, after the 2x1x2 bytes that it declares; "},
		{"other count than labels", idx([]byte{1, 2, 3}, 3, 1, 1), "images has 3 images, labels has 2 labels; "},
		{"torn gzip", compressed(t, good)[:30], "images: byte "},
		{"torn gzip header", compressed(t, good)[:9], "images: the compressed data end early; "},
		{"damaged gzip", func() []byte { z := compressed(t, good); z[len(z)-8]++; return z }(), "the compressed data are damaged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := readIDXSet(idxFile{"images", bytes.NewReader(test.images)}, idxFile{"labels", bytes.NewReader(idx([]byte{0, 1}, 2))}, nil)
			wantError(t, err, test.want)
		})
	}
	broken := iotest.ErrReader(errors.New("disk on fire"))
	_, err := readIDXSet(idxFile{"images", broken}, idxFile{"labels", broken}, nil)
	wantError(t, err, "images: disk on fire")
	_, err = readIDXSet(idxFile{"images", bytes.NewReader(good)}, idxFile{"labels", bytes.NewReader(good)}, nil)
	wantError(t, err, "labels: byte 3: rank 3, want 1; ")
}

func TestReadIDXAllocatesByTheFileNotByItsClaim(t *testing.T) {
	lying := idx(make([]byte, 100), 1<<31, 28, 28)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := readIDX(idxFile{"images", bytes.NewReader(lying)}, 3)
	runtime.ReadMemStats(&after)
	wantError(t, err, "with 100 bytes of the ")
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated for a file of %d", got, len(lying))
	}
}

func FuzzReadIDX(f *testing.F) {
	images, labels := idx(ascending(3*2*4), 3, 2, 4), idx([]byte{2, 0, 1}, 3)
	f.Add(images, labels)
	f.Add(compressed(f, images), compressed(f, labels))
	f.Add(images[:20], labels)
	f.Add(idx(nil, 1<<31, 28, 28), labels)
	f.Add(idx(nil, 0, 1, 1), idx(nil, 0))
	f.Add(labels, images)
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		d, err := readIDXSet(idxFile{"images", bytes.NewReader(images)}, idxFile{"labels", bytes.NewReader(labels)}, nil)
		if err != nil {
			if text := err.Error(); strings.Contains(text, "\n") || !strings.HasPrefix(text, "images") && !strings.HasPrefix(text, "labels") {
				t.Errorf("error %q", text)
			}
			return
		}
		checkDataset(t, d)
	})
}
