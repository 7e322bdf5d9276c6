package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	tutorial  = "../../docs/tutorial.md"
	extending = "../../docs/extending.md"
)

var (
	goExcerpt   = regexp.MustCompile("(?s)```go\n(.*?)```\n\\[([^]]*)\\]\\(\\.\\./([^)]*)\\)")
	testLine    = regexp.MustCompile(`(?m)^go test -run (\w+) \./(\w+)$`)
	pictureLink = regexp.MustCompile(`!\[[^]]*\]\(([^)]*)\)`)
)

// missingLine returns the first line of text that the lines of source do not
// have in the same order.
func missingLine(text, source string) (line string, missing bool) {
	lines := strings.Split(source, "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		i := slices.IndexFunc(lines, func(s string) bool { return strings.TrimSpace(s) == line })
		if i < 0 {
			return line, true
		}
		lines = lines[i+1:]
	}
	return "", false
}

func TestDocumentsAreMadeOfTests(t *testing.T) {
	for document, least := range map[string]int{tutorial: 15, extending: 6} {
		text := readFile(t, document)
		excerpts := goExcerpt.FindAllStringSubmatch(text, -1)
		if all := strings.Count(text, "```go\n"); all != len(excerpts) || all < least {
			t.Errorf("%s: %d of %d excerpts name the file that they are from", document, len(excerpts), all)
		}
		for _, e := range excerpts {
			code, name, path := e[1], e[2], e[3]
			if name != path || !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s: an excerpt is said to be from %s, but the link leads to %s", document, name, path)
			}
			if line, missing := missingLine(code, readFile(t, "../../"+path)); missing {
				t.Errorf("%s has no line %q where %s has it", path, line, document)
			}
			if err := parseExcerpt(code); err != nil {
				t.Errorf("%s, %s: the excerpt is no Go: %v", document, path, err)
			}
		}
	}
}

// parseExcerpt returns an error unless code is Go: declarations, or statements.
func parseExcerpt(code string) error {
	parse := func(source string) error {
		_, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
		return err
	}
	if parse("package p\n"+code) == nil {
		return nil
	}
	return parse("package p\nfunc f() {\n" + code + "}")
}

func TestExcerptsAreComparedInOrder(t *testing.T) {
	const source = "func f() {\n\tone()\n\ttwo()\n\tthree()\n}\n"
	for text, want := range map[string]string{"one()\n\tthree()\n": "", "two()\none()\n": "one()", "one(1)\n": "one(1)", "two()\ntwo()\n": "two()"} {
		if got, missing := missingLine(text, source); got != want || missing != (want != "") {
			t.Errorf("%q: missing is %q, want %q", text, got, want)
		}
	}
}

func TestTutorialShowsWhatThereIs(t *testing.T) {
	text := readFile(t, tutorial)
	examples := testLine.FindAllStringSubmatch(text, -1)
	if all := strings.Count(text, "\ngo test "); all != len(examples) || all < 5 {
		t.Errorf("%d of %d lines with go test name an example", len(examples), all)
	}
	for _, match := range examples {
		paths, err := filepath.Glob("../../" + match[2] + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(paths, func(path string) bool { return strings.Contains(readFile(t, path), "\nfunc "+match[1]+"() {\n") }) {
			t.Errorf("%s: no test in %s is called that", match[0], match[2])
		}
	}
	pictures := pictureLink.FindAllStringSubmatch(text, -1)
	if len(pictures) < 3 {
		t.Errorf("%d pictures", len(pictures))
	}
	for _, match := range pictures {
		if _, err := os.Stat("../../docs/" + match[1]); err != nil {
			t.Error(err)
		}
	}
}
