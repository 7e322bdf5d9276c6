package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idxSet returns the four files of a data set under the names that put gives them.
// Its training labels are 1, 3, 1, its test labels 3.
func idxSet(put func(part, kind string) string) map[string][]byte {
	return map[string][]byte{
		put("train", "images-idx3-ubyte"): idx([]byte{1, 2, 3}, 3, 1, 1), put("train", "labels-idx1-ubyte"): idx([]byte{1, 3, 1}, 3),
		put("t10k", "images-idx3-ubyte"): idx([]byte{4}, 1, 1, 1), put("t10k", "labels-idx1-ubyte"): idx([]byte{3}, 1),
	}
}

func mnist(part, kind string) string { return part + "-" + kind }

// emnist returns the names of EMNIST's files.
func emnist(split string) func(part, kind string) string {
	return func(part, kind string) string {
		return "emnist-" + split + "-" + strings.Replace(part, "t10k", "test", 1) + "-" + kind
	}
}

func TestOpenIDXKnowsTheNamesOfTheFamily(t *testing.T) {
	names := map[string]func(part, kind string) string{
		"MNIST":      mnist,
		"test":       func(part, kind string) string { return strings.Replace(part, "t10k", "test", 1) + "-" + kind },
		"dots":       func(part, kind string) string { return part + "-" + strings.Replace(kind, "-idx", ".idx", 1) },
		"capitals":   func(part, kind string) string { return strings.ToUpper(part + "-" + kind) },
		"underlined": func(part, kind string) string { return "fashion_" + part + "_" + strings.ReplaceAll(kind, "-", "_") },
	}
	for _, split := range []string{"balanced", "byclass", "bymerge", "digits", "letters", "mnist"} {
		names["EMNIST "+split] = emnist(split)
	}
	for name, put := range names {
		dir := folder(t, idxSet(put))
		train, test, notes, err := OpenIDX(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if train.Len() != 3 || test.Len() != 1 || len(notes) != 2 || !strings.Contains(notes[0], put("train", "images-idx3-ubyte")) || !strings.Contains(notes[1], "1 images of 1x1 in ") {
			t.Errorf("%s: %d and %d samples, notes %q", name, train.Len(), test.Len(), notes)
		}
	}
}

// The labels of EMNIST's letters begin at 1: there is no class 0.
func TestOpenIDXHasTheClassesThatOccur(t *testing.T) {
	train, test, _, err := OpenIDX(folder(t, idxSet(mnist)))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"1", "3"}; !slices.Equal(train.Classes, want) || !slices.Equal(test.Classes, want) {
		t.Errorf("classes %q and %q, want %q", train.Classes, test.Classes, want)
	}
	if !slices.Equal(train.Labels, []int32{0, 1, 0}) || !slices.Equal(test.Labels, []int32{1}) {
		t.Errorf("labels %v and %v, want [0 1 0] and [1]", train.Labels, test.Labels)
	}
}

// join returns all files of the sets.
func join(sets ...map[string][]byte) map[string][]byte {
	all := map[string][]byte{}
	for _, set := range sets {
		for name, content := range set {
			all[name] = content
		}
	}
	return all
}

func TestOpenIDXSaysWhatItDoesNotUse(t *testing.T) {
	labels := idx([]byte{0}, 1)
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string // in one of the notes; "": there are only those of what was read
	}{
		{"nothing else", map[string][]byte{"README": []byte("MNIST"), "emnist-letters-mapping.txt": []byte("1 65 97\n"), "empty": nil}, ""},
		{"plain and compressed", map[string][]byte{"train-labels-idx1-ubyte.gz": compressed(t, labels)}, `not used: "train-labels-idx1-ubyte.gz", because there is "train-labels-idx1-ubyte"`},
		{"two spellings", map[string][]byte{"t10k-images.idx3-ubyte": labels}, `not used: "t10k-images.idx3-ubyte", because there is "t10k-images-idx3-ubyte"`},
		{"the labels of QMNIST", map[string][]byte{"qmnist-train-labels-idx2-int.gz": nil}, `not used: "qmnist-train-labels-idx2-int.gz"; only names like`},
		{"a download that broke off", map[string][]byte{"train-images-idx3-ubyte.gz.part": nil}, `not used: "train-images-idx3-ubyte.gz.part"; only names`},
		{"a file of the Finder", map[string][]byte{"._train-images-idx3-ubyte": nil}, `not used: "._train-images-idx3-ubyte"; only names`},
		{"another name, the content is IDX", map[string][]byte{"valid": labels}, `not used: "valid"; only names`},
		{"another name, compressed", map[string][]byte{"valid.gz": compressed(t, labels)}, `not used: "valid.gz"; only names`},
		{"a name with a control character", map[string][]byte{"a\u009bidx": nil}, `not used: "a\u009bidx"; only names`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, notes, err := OpenIDX(folder(t, join(idxSet(mnist), c.files)))
			if err != nil {
				t.Fatal(err)
			}
			found := slices.ContainsFunc(notes, func(note string) bool { return strings.Contains(note, c.want) })
			if c.want == "" && len(notes) != 2 || !found {
				t.Errorf("notes %q, want one with %q", notes, c.want)
			}
		})
	}

	// As some archives unpack it: the file of this name is in a folder of this name.
	dir := folder(t, idxSet(mnist))
	name := filepath.Join(dir, "train-images-idx3-ubyte")
	if err := os.Rename(name, filepath.Join(dir, "train-images.idx3-ubyte")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name, 0o777); err != nil {
		t.Fatal(err)
	}
	_, _, notes, err := OpenIDX(dir)
	if want := `not used: "train-images-idx3-ubyte"; only names`; err != nil || len(notes) != 3 || !strings.Contains(notes[2], want) {
		t.Errorf("notes %q, want a third with %q; error %v", notes, want, err)
	}
}

func TestOpenIDXOfSeveralSetsInOneFolder(t *testing.T) {
	letters := idxSet(emnist("letters"))
	digits := idxSet(emnist("digits"))
	digits["emnist-digits-train-labels-idx1-ubyte"] = idx([]byte{7, 3, 7}, 3)
	dir := folder(t, join(letters, digits))
	_, _, _, err := OpenIDX(dir)
	wantError(t, err, dir+`: holds 2 data sets: "emnist-digits-train-images...", "emnist-letters-train-images..."; name the one to read, as in `+filepath.Join(dir, "emnist-letters"))

	train, test, notes, err := OpenIDX(filepath.Join(dir, "emnist-digits"))
	if err != nil || !slices.Equal(train.Classes, []string{"3", "7"}) || test.Len() != 1 {
		t.Fatalf("training set %v, test set %v, error %v", train, test, err)
	}
	if want := `not used: "emnist-letters-train-images..."`; !strings.HasSuffix(notes[len(notes)-1], want) {
		t.Errorf("notes %q, want one with %q", notes, want)
	}
	_, _, _, err = OpenIDX(filepath.Join(dir, "emnist-mnist"))
	wantError(t, err, "emnist-mnist: ", "; "+dir+` has "emnist-digits-train-images...", `)

	dir = folder(t, join(letters, idxSet(mnist)))
	_, _, _, err = OpenIDX(dir)
	wantError(t, err, `: "train-images...", "emnist-letters-train-images..."; `)

	dir = folder(t, join(idxSet(mnist), map[string][]byte{"test-labels-idx1-ubyte": nil}))
	_, _, _, err = OpenIDX(dir)
	wantError(t, err, "has two test sets, the files called t10k and those called test; remove one")

	dir = folder(t, map[string][]byte{"train-images-idx3-ubyte": letters["emnist-letters-train-images-idx3-ubyte"], "train-labels.idx1": nil})
	_, _, _, err = OpenIDX(dir)
	wantError(t, err, `there is no train-labels-idx1-ubyte, plain or with .gz; add it (`, `not used: "train-labels.idx1"; `)

	_, _, _, err = OpenIDX(filepath.Join(dir, "train-labels.idx1"))
	wantError(t, err, "is a file; give the folder that holds the IDX files")
}
