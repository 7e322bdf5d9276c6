// Package written keeps the tables of documents that tests write.
package written

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const end = "\n<!-- End of the written table. -->"

// Table compares a table with the one in a document, or puts it there if update is set. In
// the document it follows a line that names the command that writes it.
func Table(t testing.TB, document, command, table string, update bool) {
	t.Helper()
	begin := fmt.Sprintf("<!-- Written by %s. -->\n", command)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	old, after, hasEnd := strings.Cut(rest, end)
	switch {
	case !hasBegin || !hasEnd:
		t.Errorf("%s lacks the two marker lines around the table of %s", document, command)
	case update:
		if err := os.WriteFile(document, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Error(err)
		}
	case old != table:
		t.Errorf("the table differs from that in %s: if the change is right, run %s\ngot%s", document, command, table)
	}
}
