package main

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintableShowsWhatATerminalWouldObey(t *testing.T) {
	for s, want := range map[string]string{
		"setosa":                "setosa",
		`a "b" c:\d`:            `a "b" c:\d`,
		"größe 日本 e\u0301":      "größe 日本 e\u0301",
		"می\u200cروم":           "می\u200cروم",
		"a\x1b[2Jb":             `a\x1b[2Jb`,
		"a\r\nb\tc\x00\x7f":     `a\r\nb\tc\x00\x7f`,
		"\u009b31m":             `\u009b31m`,
		"\xff\xc3":              `\xff\xc3`,
		"\ufffd":                "\ufffd", // the character itself is no damage
		"gpj.\u202eexe":         `gpj.\u202eexe`,
		"\u2066a\u2069":         `\u2066a\u2069`,
		"one\u2028two\u2029end": `one\u2028two\u2029end`,
	} {
		if got := printable(s); got != want {
			t.Errorf("printable(%q) is %q, want %q", s, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b]0;title\x07b")
	f.Fuzz(func(t *testing.T, s string) {
		shown := printable(s)
		if !utf8.ValidString(shown) || strings.ContainsAny(shown, "\x00\x07\b\t\n\v\f\r\x1b\x7f\u0085\u009b\u2028\u2029\u202e") {
			t.Errorf("printable(%q) is %q", s, shown)
		}
		if again := printable(shown); again != shown {
			t.Errorf("printable(%q) is %q, and of that %q", s, shown, again)
		}
	})
}

func TestCommandLineQuotesOnlyWhatNeedsIt(t *testing.T) {
	for _, c := range []struct{ word, posix, windows string }{
		{"runs/20261123-104657-lstm-digits", "runs/20261123-104657-lstm-digits", "runs/20261123-104657-lstm-digits"},
		{"", "''", `""`},
		{"my run", "'my run'", `"my run"`},
		{"it's", `'it'\''s'`, `"it's"`},
		{`a\b`, `'a\b'`, `a\b`},
		{`C:\my runs\`, `'C:\my runs\'`, `"C:\my runs\\"`},
		{"~x", "'~x'", `"~x"`},
		{"$(id)", "'$(id)'", `"$(id)"`},
		{"日本", "'日本'", `"日本"`},
		{"a\nb'", `"$(printf -- 'a\012b\047')"`, "\"a\nb'\""},
	} {
		if got := quotePOSIX(c.word); got != c.posix {
			t.Errorf("%q for sh is %s, want %s", c.word, got, c.posix)
		}
		if got := quoteWindows(c.word); got != c.windows {
			t.Errorf("%q for Windows is %s, want %s", c.word, got, c.windows)
		}
	}
}

// The shell itself says what a pasted command means.
func FuzzCommandLine(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		f.Skip("commands are not pasted into sh here")
	}
	for _, word := range []string{
		"", "plain", "two words", "it's", `"$HOME"`, "`id`", `back\slash\`, "#", "!x", "*", "~", "-n", "--", "a=b", "{a,b}", "=ls",
		"a\nb", "\n\nx", "tab\there", "\x1b[31m", "%s%%\\n", "\xff\xfe'", "\u202eabc", "日本 e\u0301", "\t%d'\\",
	} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.Contains(word, "\x00") {
			t.Skip("no argument holds a zero")
		}
		line := commandLine(word)
		if printable(line) != line {
			t.Errorf("%q is shown as %q", word, line)
		}
		got, err := exec.Command(sh, "-c", `printf '%s\0' `+line).Output()
		if want := strings.TrimRight(word, "\n") + "\x00"; err != nil || string(got) != want {
			t.Errorf("%q becomes %s, of which sh makes %q, %v", word, line, got, err)
		}
	})
}

func TestShortNameFitsALine(t *testing.T) {
	for class, want := range map[string]string{
		"iris":                      "iris",
		"grün und gelb, rot, blau":  "grün und gelb, rot, blau",
		"grün und gelb, rot, blau.": "grün und gelb, rot, blau…",
		strings.Repeat("ä", 1<<20):  strings.Repeat("ä", 24) + "…",
		"a\nb":                      `a\nb`,
		"\x1b[31mred":               `\x1b[31mred`,
		"\xff":                      `\xff`,
		"":                          `""`,
		"👩\u200d🚀":                  "👩\u200d🚀",
		"abc\u202e":                 `abc\u202e`,
	} {
		if got := shortName(class); got != want {
			t.Errorf("%.40q: got %q, want %q", class, got, want)
		}
	}
}
