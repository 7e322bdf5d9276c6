package data

import (
	"slices"
	"strings"
	"testing"
)

func TestBooleansAreUnderstood(t *testing.T) {
	for want, fields := range map[bool]string{true: "true True TRUE t yes Yes Y on 1 1.0", false: "false FALSE f no No n off 0 0.0 -0"} {
		for field := range strings.FieldsSeq(fields) {
			if value, ok := ParseBoolean(" " + field); value != want || !ok {
				t.Errorf("%q is %v, %v; want %v", field, value, ok, want)
			}
		}
	}
	for field := range strings.FieldsSeq("2 -1 0.5 maybe tru ja NaN 1,0 inf") {
		if value, ok := ParseBoolean(field); ok {
			t.Errorf("%q is %v", field, value)
		}
	}
}

func TestTargetsThatAreBooleans(t *testing.T) {
	o := CSVOptions{Targets: []string{"b", "c"}, Booleans: true}
	table, err := ReadCSV(strings.NewReader("a,b,c\n1,yes,0\n2,No,1.0\n"), "x.csv", o)
	if err != nil || !slices.Equal(table.Values, []float64{1, 0, 0, 1}) {
		t.Errorf("%v, %+v", err, table)
	}
	for text, want := range map[string]string{
		"a,b,c\n1,yes,2\n": `x.csv:2:3: column "c": "2" is neither true nor false; write 1 or 0, yes or no, or true or false`,
		"a,b,c\n1,,1\n":    `x.csv:2:2: column "b": no value; fill it in or remove the line`,
	} {
		if _, err := ReadCSV(strings.NewReader(text), "x.csv", o); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
