package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var tomlBlock = regexp.MustCompile("(?s)```toml\n(.*?)```")

func TestTheDocumentOfNetworksHasEveryKey(t *testing.T) {
	text := readFile(t, "../../docs/network.md")
	for _, block := range tomlBlock.FindAllStringSubmatch(text, -1) {
		stack, err := parseStack("net.toml", []byte(block[1]), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range stack {
			if !strings.Contains(text, "\n"+l.Name+" ") {
				t.Errorf("there is no line of the stage %s", l.Name)
			}
		}
		if title := stackText(stack); !strings.Contains(text, title) {
			t.Errorf("it does not say %q", title)
		}
	}
	flags := map[string]bool{"hidden": true, "layers": true}
	for _, field := range keyedFields(reflect.TypeFor[layerOptions](), "toml") {
		flags[keyOf(field, "toml")] = true
	}
	for _, key := range layerKeys("") {
		kinds := "all"
		if key != "kind" && key != "name" {
			kinds = "`" + strings.ReplaceAll(kindsWith(key), ", ", "`, `") + "`"
		}
		mark := "*"
		if flags[key] {
			mark = ""
		}
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %s \| [^|]* \| %s \|$`, regexp.QuoteMeta("`"+key+"`"+mark), regexp.QuoteMeta(kinds)))
		if !row.MatchString(text) {
			t.Errorf("there is no row of `%s`%s with %s", key, mark, kinds)
		}
	}
	for _, name := range append(layerKindNames(), modelKinds()...) {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("it does not name %s", name)
		}
	}
}
