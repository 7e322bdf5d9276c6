package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// withStack returns the text of a valid description with a stack in place of its model.
func withStack(valid, stack string) string {
	return strings.NewReplacer(`"model":"mlp",`, "", `"hidden":8,"layers":1,`, "", `"factor":`, `"stack":`+stack+`,"factor":`).Replace(valid)
}

func TestDescriptionOfAStackRefusesAllElse(t *testing.T) {
	valid, err := json.Marshal(validDescription())
	if err != nil {
		t.Fatal(err)
	}
	const head = `,{"kind":"head","name":"head"}]`
	const lstm = `{"kind":"lstm","name":"lstm","hidden":8,"layers":1`
	const last = `},{"kind":"last-step","name":"last"}` + head
	many := strings.Repeat(`{"kind":"relu","name":"a"},`, 200_000)
	for stack, want := range map[string]string{
		`[` + lstm + last: "", // the control
		`[{"kind":"dense","name":"a","hidden":4}` + head: "",
		`[]`:                     "0 layers, want 1 to 3002",
		`{}`:                     "cannot unmarshal object",
		`[1]`:                    `layer 1 of the stack: kind is ""`,
		`[{}]`:                   `layer 1 of the stack: kind is "", not one of`,
		`[null` + head:           `layer 1 of the stack: kind is ""`,
		`[` + many + lstm + last: "200003 layers, want 1 to 3002",
		`[` + lstm + `,"path":"/etc/passwd"` + last:                        `layer 1: unknown key "path"`,
		`[` + lstm + `,"hidden":9` + last:                                  `layer 1: "hidden" is there twice`,
		`[` + lstm + `,"Dropout":0.1` + last:                               `layer 1: unknown key "Dropout"`,
		`[` + lstm + `,"dropout":"a"` + last:                               `layer 1: "dropout"`,
		`[` + lstm + `,"dropout":NaN` + last:                               "invalid character",
		`[` + lstm + `,"dropout":1` + last:                                 "dropout is 1; it must be 0 or more and less than 1",
		`[` + lstm + `,"zoneout":[1e9]` + last:                             "zoneout is 1e+09; it must be one or two rates",
		`[` + lstm + `,"zoneout":[]` + last:                                "the stack is not complete",
		`[` + lstm + `,"forget_bias":1e300` + last:                         "forget-bias is 1e+300",
		`[` + lstm + `,"bptt_window":2` + last:                             "the bptt-window of lstm is 2, but the network sees 1 time step at a time",
		`[{"kind":"lstm","name":"a","hidden":1000000000,"layers":1` + last: "hidden is 1000000000; it must be 1 to 10000000",
		`[{"kind":"lstm","name":"a","hidden":8,"layers":1000000000` + last: "layers is 1000000000; it must be 1 to 1000",
		`[{"kind":"lstm","name":"a","hidden":8,"layers":900},{"kind":"lstm","name":"b","hidden":8,"layers":900` + last: "layers are more than 1000 in all",
		`[{"kind":"lstm","name":"a","hidden":8` + last:                                                                 "layers is 0; it must be 1 to 1000",
		`[{"kind":"dense","name":"train/a","hidden":8}` + head:                                                         `name is "train/a"`,
		`[{"kind":"dense","name":"a","hidden":8},{"kind":"relu","name":"a"}` + head:                                    `name is "a", as that of a layer before`,
		`[{"kind":"dense","name":"head","hidden":8}` + head:                                                            `name is "head", but embedding, last and head are the names of what the command adds`,
		`[{"kind":"dense","name":"a","hidden":8}]`:                                                                     "kind is dense: the head, and no other layer, is the last one",
		`[` + lstm + `}` + head: "the stack is not complete",
		`[{"kind":"lstm1997","name":"a","hidden":7,"cells":2` + last: "cells is 2; it must be the cells of a block, which divide the 7 hidden units",
		`[{"kind":"perceptron","name":"a","hidden":7}` + head:        `kind is "perceptron", not one of`,
	} {
		d, err := parseDescription(withStack(string(valid), stack))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", stack, err)
		case want == "" && (d.title(3) == "" || len(d.spec()) < 2):
			t.Errorf("%s: no network: %+v", stack, d)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.300s: error %.300v, want %q", stack, err, want)
		}
	}
	if _, err := parseDescription(strings.Replace(withStack(string(valid), `[`+head[1:]), `"steps":1,"width":2`, `"steps":2,"width":1`, 1)); err == nil || !strings.Contains(err.Error(), "steps is 2, but no layer looks at several") {
		t.Errorf("error %v", err)
	}
	both := strings.Replace(string(valid), `"factor":`, fmt.Sprintf(`"stack":[%s%s,"factor":`, lstm, last), 1)
	if _, err := parseDescription(both); err == nil || !strings.Contains(err.Error(), "it has both a model and a stack") {
		t.Errorf("error %v", err)
	}
}
