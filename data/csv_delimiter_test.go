package data

import (
	"slices"
	"strings"
	"testing"
)

func TestReadCSVFindsTheDelimiter(t *testing.T) {
	semicolons, tabs, commas := "the fields are separated by semicolons", "the fields are separated by tabs", "numbers are written with a decimal comma"
	tests := []struct {
		name, text, target string
		x                  []float64
		classes            []string
		notes              []string
	}{
		{"comma", "a,b,y\n1.5,2,r\n", "y", []float64{1.5, 2}, []string{"r"}, nil},
		{"semicolon", "a;b;y\n1.5;2;r\n", "y", []float64{1.5, 2}, []string{"r"}, []string{semicolons}},
		{"tab", "a\tb\ty\n1.5\t2\tr\n", "y", []float64{1.5, 2}, []string{"r"}, []string{tabs}},
		{"tab after tab", "a\tb\ty\n1.5\t 2\t\"r\"\n", "y", []float64{1.5, 2}, []string{"r"}, []string{tabs}},
		{"decimal comma", "a;b;y\n1,5;-,25e1;r\n", "y", []float64{1.5, -2.5}, []string{"r"}, []string{semicolons, commas}},
		{"decimal comma, tab", "a\tb\n1,5\t2\n", "", []float64{1.5, 2}, nil, []string{tabs, commas}},
		{"decimal comma without header", "1,5;2,5;r\n1,25;2,5;s\n", "3", []float64{1.5, 2.5, 1.25, 2.5}, []string{"r", "s"}, []string{semicolons, commas}},
		{"one line of decimal commas", "1,5;2,5\n", "", []float64{1.5, 2.5}, nil, []string{semicolons, commas}},
		{"comma in a name", "a, of b;y\n1;r\n", "y", []float64{1}, []string{"r"}, []string{semicolons}},
		{"semicolons in a class", "a,b,y\n1,2,r;s;t\n", "y", []float64{1, 2}, []string{"r;s;t"}, nil},
		{"semicolon in a class without header", "1,2,r;s\n3,4,r;s\n", "3", []float64{1, 2, 3, 4}, []string{"r;s"}, nil},
		{"all three in a quoted name", "\"a,b;c\td\",y\n1,r\n", "y", []float64{1}, []string{"r"}, nil},
		{"blank lines first", "\n \n\na;b\n\n1;2\n", "", []float64{1, 2}, nil, []string{semicolons}},
		{"one column", "a\n1\n2\n", "", []float64{1, 2}, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table, err := ReadCSV(strings.NewReader(test.text), "x.csv", CSVOptions{Target: test.target})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(table.X, test.x) || !slices.Equal(table.Classes, test.classes) {
				t.Errorf("X = %v, classes %q; want %v, %q", table.X, table.Classes, test.x, test.classes)
			}
			if !slices.Equal(table.Notes, test.notes) || len(table.Warnings) > 0 {
				t.Errorf("notes %q, warnings %q; want notes %q", table.Notes, table.Warnings, test.notes)
			}
		})
	}
}

func TestReadCSVRefusesWhatCanBeReadInTwoWays(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"one number and a class", "1,5;x\n2,5;y\n", "x.csv: several of comma, semicolon and tab may separate the fields; "},
		{"names with both", "a;b,c\nd;e,f\n", "x.csv: several of comma"},
		{"comma and point", "a;b\n1,5;2\n1;2.5\n", "x.csv:2:1: a decimal comma, but a decimal point at 3:2; "},
		{"thousands or decimals", "a;b\n1,500;2,750\n", "x.csv:2:1: commas before three digits only, and no telling"},
		{"thousands and decimals", "a;b\n1.500,25;2\n", `x.csv:2:1: column "a": "1.500,25" is not a number; `},
		{"decimal comma in quotes", "a,b\n\"1,5\",\"2,5\"\n", `x.csv:2:1: column "a": "1,5" is not a number; write a decimal point`},
		{"two commas", "a;b\n1,500,000;2\n", `"1,500,000" is not a number; write the number alone`},
		{"comment", "# made by hand\na,b\n1,2\n", "x.csv:2:2: the number of fields is 2, but 1 in the first line; a line that begins with # is no comment here: remove it"},
		{"a mark for spreadsheets", "sep=;\na;b;c\n1;2;3\n", "x.csv:2:3: the number of fields is 3, but 2 in the first line; the first line is for spreadsheets: remove it"},
		{"comment below", "a,b\n1,2\n#3\n", "x.csv:3:2: the number of fields is 1, but 2 in the first line; a line that begins with #"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadCSV(strings.NewReader(test.text), "x.csv", CSVOptions{})
			wantError(t, err, test.want)
		})
	}
}

func TestReadCSVWarnsOfIntegersThatFloat64CannotHold(t *testing.T) {
	text := "id,a,y\n9007199254740992,1,r\n9007199254740993,1,r\n100000000000000000000,1,s\n-12345678901234567890,1,s\n9007199254740993.0,1e30,s\n"
	table, err := ReadCSV(strings.NewReader(text), "x.csv", CSVOptions{Target: "y"})
	if err != nil {
		t.Fatal(err)
	}
	want := `column "id": integers with more digits than float64 keeps: 2, the first is 9007199254740993 in line 3; `
	if len(table.Warnings) != 1 || !strings.HasPrefix(table.Warnings[0], want) {
		t.Errorf("warnings %q, want %q", table.Warnings, want)
	}
}
