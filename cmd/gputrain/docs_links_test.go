package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	fenced      = regexp.MustCompile("(?ms)^```.*?^```$")
	indented    = regexp.MustCompile(`(?m)^    .*$`)
	codeSpan    = regexp.MustCompile("`[^`\n]*`")
	pageLink    = regexp.MustCompile(`(\[[^]]*\])\(([^)\s]+)\)`)
	pageHeading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(text string) []string {
	var found []string
	for _, heading := range pageHeading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, heading[1]))
	}
	return found
}

// brokenLinks returns the links of the page at path, with this text, that lead
// to no file or heading, or whose text names another file than they lead to. It
// also returns how many links were looked at.
func brokenLinks(path, text string) (broken []string, links int) {
	prose := indented.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
	prose = codeSpan.ReplaceAllStringFunc(prose, func(code string) string {
		return strings.NewReplacer("[", "", "]", "", "(", "", ")", "").Replace(code)
	})
	for _, match := range pageLink.FindAllStringSubmatch(prose, -1) {
		label, link := strings.Trim(match[1], "[]`"), match[2]
		if strings.Contains(link, "://") {
			continue
		}
		links++
		target, anchor, _ := strings.Cut(link, "#")
		page := text
		if target != "" {
			full := filepath.Join(filepath.Dir(path), target)
			info, err := os.Stat(full)
			if err != nil || strings.Contains(label, "_test.go") && !strings.HasSuffix(target, label) {
				broken = append(broken, match[0])
				continue
			}
			page = ""
			if content, err := os.ReadFile(full); err == nil && !info.IsDir() {
				page = string(content)
			}
		}
		if anchor != "" && !slices.Contains(anchors(page), anchor) {
			broken = append(broken, match[0])
		}
	}
	return broken, links
}

func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, page := range append(pages, "../../README.md", "../../data/README.md") {
		broken, links := brokenLinks(page, readFile(t, page))
		if len(broken) > 0 {
			t.Errorf("%s has broken links: %q", page, broken)
		}
		all += links
	}
	if all < 50 {
		t.Errorf("only %d links were found", all)
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "page_test.go", "package page\n")
	writeFile(t, "other.md", "# Its `title`, once\n\n```\n# a comment\n```\n")
	for text, want := range map[string]int{
		"[a](page_test.go) and [other](other.md#its-title-once)": 0,
		"[a](gone.md)":                     1,
		"[a](other.md#its-title)":          1,
		"[a](other.md#a-comment)":          1,
		"# Here\n[a](#here) [b](#there)":   1,
		"[old_test.go](page_test.go)":      1,
		"[page_test.go](page_test.go)":     0,
		"[a](https://gone.example/page)":   0,
		"```\nx[i](j)\n```\nand `y[i](j)`": 0,
		"    x[i](j)":                      0,
	} {
		if broken, _ := brokenLinks("page.md", text); len(broken) != want {
			t.Errorf("%q: broken are %q, want %d", text, broken, want)
		}
	}
}
