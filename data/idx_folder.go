package data

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gputrain/internal/inputfile"
)

// idxName takes the name of an IDX file apart: the data set, train or test, images
// or labels.
var idxName = regexp.MustCompile(`(?i)^(?:([^.].*)[-_.])?(train|t10k|test)[-_.](images|labels)[-_.]idx\d[-_.]ubyte(?:\.gz)?$`)

// idxFolder is the files of one data set in a folder.
type idxFolder struct {
	dir          string
	set          string              // what the names begin with, such as "emnist-letters"; often ""
	parts        map[string][]string // names by part, such as "train images", the one to be read first
	read, unused []string            // notes of what was read, and of what else is there
}

// findIDX finds the files of the data set at path: of the only one in this folder,
// or of the one whose files are called path-train-images... and so on.
func findIDX(path string) (*idxFolder, error) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s: is a file; give the folder that holds the IDX files", path)
	}
	f := &idxFolder{dir: path}
	entries, err := os.ReadDir(path)
	named := errors.Is(err, fs.ErrNotExist)
	if named {
		f.dir, f.set = filepath.Split(filepath.Clean(path))
		f.dir = filepath.Clean(f.dir)
		entries, _ = os.ReadDir(f.dir) // err already says what is wrong
	}
	sets, others := sortIDX(f.dir, entries)
	names := slices.Sorted(maps.Keys(sets))
	switch {
	case named && len(sets) > 0 && sets[f.set] == nil:
		return nil, fmt.Errorf("%w; %s has %s", readError(path, err), f.dir, describeSets(names))
	case err != nil && sets[f.set] == nil:
		return nil, fmt.Errorf("%w; give the folder that holds the IDX files", readError(path, err))
	case len(sets) > 1 && !named:
		return nil, fmt.Errorf("%s: holds %d data sets: %s; name the one to read, as in %s, or give each a folder of its own",
			f.dir, len(sets), describeSets(names), filepath.Join(f.dir, names[len(names)-1]))
	case len(sets) == 1:
		f.set = names[0]
	}
	f.parts = sets[f.set]
	if names = slices.DeleteFunc(names, func(name string) bool { return name == f.set }); len(names) > 0 {
		f.unused = append(f.unused, fmt.Sprintf("%s: not used: %s", f.dir, describeSets(names)))
	}
	lookalikes := slices.DeleteFunc(others, func(name string) bool {
		return !strings.Contains(strings.ToLower(name), "idx") && !beginsLikeIDX(filepath.Join(f.dir, name))
	})
	if len(lookalikes) > 0 {
		f.unused = append(f.unused, fmt.Sprintf("%s: not used: %s; only names like train-images-idx3-ubyte and t10k-labels-idx1-ubyte.gz are read", f.dir, quoteList(lookalikes)))
	}
	return f, nil
}

// sortIDX returns the names of the IDX files among the entries of dir, by set and
// part, and all others.
func sortIDX(dir string, entries []fs.DirEntry) (sets map[string]map[string][]string, others []string) {
	sets = map[string]map[string][]string{}
	for _, entry := range entries {
		name := entry.Name()
		match := idxName.FindStringSubmatch(name)
		if match == nil || isFolder(filepath.Join(dir, name)) {
			others = append(others, name)
			continue
		}
		set, part := match[1], strings.ToLower(match[2]+" "+match[3])
		if sets[set] == nil {
			sets[set] = map[string][]string{}
		}
		sets[set][part] = append(sets[set][part], name)
	}
	return sets, others
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// beginsLikeIDX reports whether the file at path begins as an IDX file does,
// compressed or not. A file that cannot be read does not.
func beginsLikeIDX(path string) bool {
	file, err := inputfile.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	plain, err := decompress(file)
	if err != nil {
		return false
	}
	start := make([]byte, 4)
	_, err = io.ReadFull(plain, start)
	types := []byte{0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e}
	return err == nil && start[0] == 0 && start[1] == 0 && slices.Contains(types, start[2]) && start[3] >= 1 && start[3] <= 4
}

// testPart returns what the test files are called, "t10k" or "test"; "" if there
// are none.
func (f *idxFolder) testPart() (string, error) {
	var found []string
	for _, part := range []string{"t10k", "test"} {
		if f.parts[part+" images"] != nil || f.parts[part+" labels"] != nil {
			found = append(found, part)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%s: has two test sets, the files called t10k and those called test; remove one", f.dir)
}

// open opens the images or the labels of a part. Of several files, such as a
// compressed one beside the plain one, it takes the first and notes the others.
func (f *idxFolder) open(part, kind string) (*os.File, error) {
	names := f.parts[part+" "+kind]
	if len(names) == 0 {
		want := part + "-" + kind + map[string]string{"images": "-idx3-ubyte", "labels": "-idx1-ubyte"}[kind]
		if f.set != "" {
			want = f.set + "-" + want
		}
		return nil, fmt.Errorf("%s: there is no %s, plain or with .gz; add it%s", f.dir, want, f.others())
	}
	if len(names) > 1 {
		f.unused = append(f.unused, fmt.Sprintf("%s: not used: %s, because there is %s", f.dir, quoteList(names[1:]), quote(names[0])))
	}
	path := filepath.Join(f.dir, names[0])
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	return file, nil
}

// others returns what is not used as the end of an error.
func (f *idxFolder) others() string {
	if len(f.unused) == 0 {
		return ""
	}
	return " (" + strings.Join(f.unused, "; ") + ")"
}

// describeSets lists data sets by the beginning of their files' names.
func describeSets(names []string) string {
	var texts []string
	for _, name := range names {
		texts = append(texts, strings.TrimPrefix(name+"-train-images...", "-"))
	}
	return quoteList(texts)
}
