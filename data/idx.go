package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OpenIDX reads a folder with the four files of MNIST, or of a data set like
// it:
//
//	train-images-idx3-ubyte  train-labels-idx1-ubyte
//	t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte
//
// Each is plain, or compressed with the suffix .gz. The test files may be called
// test instead of t10k, a dot may stand for a hyphen (train-images.idx3-ubyte), and
// the names of a data set may begin with its own, as those of EMNIST do
// (emnist-letters-train-images-idx3-ubyte). Of several data sets in one folder,
// path names one: folder/emnist-letters.
//
// The time steps of a sample are the rows of an image, the features the pixels of
// a row, 0..255. The classes are the labels that occur in train, as numbers and in
// their order. test is nil if both of its files are absent. notes are lines that
// say which files were read, what they hold, and which others that look like IDX
// files were not.
//
// A file is two bytes 0, the type (8: unsigned bytes), the rank, the sizes as
// big-endian uint32, and the data (Y. LeCun, C. Cortes, C. Burges, The MNIST
// database). A file that is shorter or longer than its sizes say is an error. A
// false size allocates nothing. Images for which this process has no memory are an
// error.
func OpenIDX(path string) (train, test *Dataset, notes []string, err error) {
	folder, err := findIDX(path)
	if err != nil {
		return nil, nil, nil, err
	}
	testPart, err := folder.testPart()
	if err != nil {
		return nil, nil, nil, err
	}
	train, err = folder.openSet("train", nil)
	if err != nil {
		return nil, nil, nil, err
	}
	if testPart == "" {
		return train, nil, folder.notes(), nil
	}
	test, err = folder.openSet(testPart, train.Classes)
	if err != nil {
		return nil, nil, nil, err
	}
	if test.Steps != train.Steps || test.Width != train.Width {
		return nil, nil, nil, fmt.Errorf("%s: the test images are %dx%d, the training images %dx%d; take both from one source", folder.dir, test.Steps, test.Width, train.Steps, train.Width)
	}
	return train, test, folder.notes(), nil
}

// OpenIDXTest reads the test files alone, as OpenIDX does. classes are those that the
// labels may have, such as those of a trained model. test is nil if there are no test
// files.
func OpenIDXTest(path string, classes []string) (test *Dataset, notes []string, err error) {
	folder, err := findIDX(path)
	if err != nil {
		return nil, nil, err
	}
	part, err := folder.testPart()
	if part == "" || err != nil {
		return nil, nil, err
	}
	if test, err = folder.openSet(part, classes); err != nil {
		return nil, nil, err
	}
	return test, folder.notes(), nil
}

func (f *idxFolder) notes() []string { return append(f.read, f.unused...) }

// openSet reads the images and labels of part, such as "train". classes are those
// that its labels may have; nil: those that occur.
func (f *idxFolder) openSet(part string, classes []string) (*Dataset, error) {
	images, err := f.open(part, "images")
	if err != nil {
		return nil, err
	}
	defer images.Close()
	labels, err := f.open(part, "labels")
	if err != nil {
		return nil, err
	}
	defer labels.Close()
	d, err := readIDXSet(idxFile{images.Name(), images}, idxFile{labels.Name(), labels}, classes)
	if err != nil {
		return nil, err
	}
	f.read = append(f.read, fmt.Sprintf("%s: %d images of %dx%d in %s, their classes in %s", f.dir,
		d.Len(), d.Steps, d.Width, quote(filepath.Base(images.Name())), quote(filepath.Base(labels.Name()))))
	return d, nil
}

// idxFile is an IDX file, compressed or not, and its name for the errors.
type idxFile struct {
	name string
	io.Reader
}

// readIDXSet reads images, [N, rows, columns], and labels, [N]. classes are as
// in openSet.
func readIDXSet(images, labels idxFile, classes []string) (*Dataset, error) {
	sizes, pixels, err := readIDX(images, 3)
	if err != nil {
		return nil, err
	}
	_, ids, err := readIDX(labels, 1)
	if err != nil {
		return nil, err
	}
	if sizes[0] != len(ids) {
		return nil, fmt.Errorf("%s has %d images, %s has %d labels; take both from one source", images.name, sizes[0], labels.name, len(ids))
	}
	if classes == nil {
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			classes = append(classes, strconv.Itoa(int(id)))
		}
	}
	d := &Dataset{
		Steps: sizes[1], Width: sizes[2],
		X:      make([]float32, len(pixels)),
		Labels: make([]int32, len(ids)), Classes: classes,
	}
	for i, pixel := range pixels {
		d.X[i] = float32(pixel)
	}
	classOf := map[byte]int32{}
	for class, name := range classes {
		if id, err := strconv.ParseUint(name, 10, 8); err == nil {
			classOf[byte(id)] = int32(class)
		}
	}
	for i, id := range ids {
		class, known := classOf[id]
		if !known {
			return nil, fmt.Errorf("%s: byte %d: label %d is not among the %d classes to learn from; take both from one source", labels.name, idxHeader(1)+i, id, len(classes))
		}
		d.Labels[i] = class
	}
	return d, nil
}

// readIDX reads an array of bytes. All sizes are at least 1.
func readIDX(f idxFile, rank int) (sizes []int, content []byte, err error) {
	plain, err := decompress(f)
	if err != nil {
		return nil, nil, readError(f.name, err)
	}
	declared, err := readIDXHeader(f.name, plain, rank)
	if err != nil {
		return nil, nil, err
	}
	claim := uint64(1)
	for _, size := range declared {
		high, low := bits.Mul64(claim, uint64(size))
		if high > 0 || low >= math.MaxInt64 {
			low = math.MaxInt64 - 1 // more than any file holds
		}
		claim = low
		sizes = append(sizes, int(size))
	}
	content, err = io.ReadAll(io.LimitReader(new(bound).reader(plain, pixelBytes), int64(claim)+1))
	end := idxHeader(rank) + len(content)
	switch {
	case err != nil:
		return nil, nil, readError(fmt.Sprintf("%s: byte %d", f.name, end), err)
	case uint64(len(content)) < claim:
		return nil, nil, fmt.Errorf("%s: ends at byte %d, with %d bytes of the %s that it declares; copy the file again", f.name, end, len(content), product(declared))
	case uint64(len(content)) > claim:
		return nil, nil, fmt.Errorf("%s: goes on at byte %d, after the %s bytes that it declares; copy the file again", f.name, end-1, product(declared))
	}
	return sizes, content, nil
}

func readIDXHeader(name string, r io.Reader, rank int) (sizes []uint32, err error) {
	header := make([]byte, idxHeader(rank))
	n, err := io.ReadFull(r, header)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, readError(name, err)
	}
	if n >= 4 {
		switch {
		case header[0] != 0 || header[1] != 0:
			return nil, fmt.Errorf("%s: byte 0: 0x%02x%02x, want 0x0000; this is no IDX file", name, header[0], header[1])
		case header[2] != 8:
			return nil, fmt.Errorf("%s: byte 2: type 0x%02x, want 0x08; convert the file to unsigned bytes", name, header[2])
		case int(header[3]) != rank:
			remedy := "convert the file to gray images, [N, rows, columns], or their labels, [N]"
			if header[3] == 1 || header[3] == 3 {
				remedy = "are images and labels swapped?"
			}
			return nil, fmt.Errorf("%s: byte 3: rank %d, want %d; %s", name, header[3], rank, remedy)
		}
	}
	if n < len(header) {
		return nil, fmt.Errorf("%s: ends at byte %d, within the header of %d; copy the file again", name, n, len(header))
	}
	for at := 4; at < len(header); at += 4 {
		size := binary.BigEndian.Uint32(header[at:])
		if size == 0 {
			return nil, fmt.Errorf("%s: byte %d: size 0; the file holds no data", name, at)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// idxHeader returns the length of the header, in bytes.
func idxHeader(rank int) int { return 4 + 4*rank }

// product formats sizes as 60000x28x28.
func product(sizes []uint32) string {
	var text strings.Builder
	for i, size := range sizes {
		if i > 0 {
			text.WriteByte('x')
		}
		fmt.Fprint(&text, size)
	}
	return text.String()
}
