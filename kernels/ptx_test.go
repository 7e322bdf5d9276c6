package kernels

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestTableMatchesPTX(t *testing.T) {
	for _, err := range checkTable(table, PTX) {
		t.Error(err)
	}
	embedded, err := ptx.ReadDir("ptx")
	if err != nil {
		t.Fatal(err)
	}
	if len(embedded) != len(Modules()) {
		t.Errorf("ptx holds %d modules, the table names %d", len(embedded), len(Modules()))
	}
}

func TestTableMatchesPTXFinds(t *testing.T) {
	edit := func(old, new string) func(string) string {
		return func(module string) string { return strings.ReplaceAll(PTX(module), old, new) }
	}
	without := slices.DeleteFunc(All(), func(k Kernel) bool { return k.Name == "fill" })
	for _, c := range []struct {
		name   string
		module string // to which the table is cut down
		table  []Kernel
		ptx    func(string) string
		want   string
	}{
		{"a kernel that the table lacks", "elementwise", without, PTX, "fill is in elementwise.ptx, not in the table"},
		{"a kernel that the PTX lacks", "elementwise", table, edit("entry add_row(", "entry add_rows("), "add_row is not in elementwise.ptx"},
		{"a parameter less", "lstm", table, edit(".param .u32 lstm_cell_param_5,\n", ""), "lstm_cell has 6 parameters, the table has 7"},
		{"another width", "activation", table, edit(".param .u32 softmax_param_2", ".param .u64 softmax_param_2"), "softmax: rows is .u64, want .u32"},
		{"a float for an integer", "elementwise", table, edit(".param .f32 fill_param_2", ".param .u32 fill_param_2"), "fill: value is .u32, want .f32"},
		{"another block", "activation", table, edit(".maxntid 256, 1, 1", ".maxntid 128, 1, 1"), "relu has blocks of 128, the table has 256"},
		{"other shared memory", "activation", table, edit("_ZZ7softmaxE7scratch[32]", "_ZZ7softmaxE7scratch[64]"), "softmax has 64 bytes of shared memory, the table has 32"},
		{"an approximate instruction", "update", table, edit("div.rn.f32", "div.full.f32"), "update.ptx has div.full.f32, whose result is not fixed"},
		{"a sum that may be fused", "elementwise", table, edit("add.rn.f32", "add.f32"), "elementwise.ptx has add.f32, whose result is not fixed"},
		{"a path", "elementwise", table, edit(".address_size 64", ".address_size 64\n\t.file 1 \"/home/x.cu\""), "elementwise.ptx names a folder: /home/x.cu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := slices.DeleteFunc(slices.Clone(c.table), func(k Kernel) bool { return k.Module != c.module })
			got := checkTable(table, c.ptx)
			if !slices.ContainsFunc(got, func(err error) bool { return err.Error() == c.want }) {
				t.Errorf("got %v, want among them %q", got, c.want)
			}
		})
	}
}

var (
	folder    = regexp.MustCompile(`\.file\s+\d+\s+"(.*[/\\].*)"`)
	entry     = regexp.MustCompile(`(?s)\.visible \.entry (\w+)\((.*?)\)\s*\.maxntid (\d+), 1, 1\n(.*?)\n}`)
	parameter = regexp.MustCompile(`\.param (\.\w+) \w+`)
	// Instructions whose result PTX leaves to the GPU or to its compiler.
	unfixed  = regexp.MustCompile(`\s((?:\w+\.(?:approx|full)[.\w]*)|(?:(?:add|sub|mul)\.f(?:32|64)))\s`)
	variable = regexp.MustCompile(`\.shared \.align \d+ \.b8 \w+\[(\d+)\]`)
)

// checkTable compares the table with the PTX of the modules, which ptx returns.
func checkTable(table []Kernel, ptx func(module string) string) []error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	kernels := map[string]Kernel{}
	modules := map[string]bool{}
	for _, k := range table {
		if _, twice := kernels[k.Name]; twice {
			fail("%s is in the table twice", k.Name)
		}
		kernels[k.Name] = k
		modules[k.Module] = true
	}
	found := map[string]string{}
	for module := range modules {
		text := ptx(module)
		for _, m := range folder.FindAllStringSubmatch(text, -1) {
			fail("%s.ptx names a folder: %s", module, m[1])
		}
		for _, m := range unfixed.FindAllStringSubmatch(text, -1) {
			fail("%s.ptx has %s, whose result is not fixed", module, m[1])
		}
		for _, m := range entry.FindAllStringSubmatch(text, -1) {
			name, list, body := m[1], parameter.FindAllStringSubmatch(m[2], -1), m[4]
			found[name] = module
			k, ok := kernels[name]
			if !ok {
				fail("%s is in %s.ptx, not in the table", name, module)
				continue
			}
			if m[3] != strconv.Itoa(k.Block) {
				fail("%s has blocks of %s, the table has %d", name, m[3], k.Block)
			}
			shared := 0
			for _, v := range variable.FindAllStringSubmatch(body, -1) {
				size, _ := strconv.Atoi(v[1])
				shared += size
			}
			if shared != k.Shared {
				fail("%s has %d bytes of shared memory, the table has %d", name, shared, k.Shared)
			}
			if len(list) != len(k.Params) {
				fail("%s has %d parameters, the table has %d", name, len(list), len(k.Params))
				continue
			}
			for i, p := range k.Params {
				want := map[Kind]string{Pointer: ".u64", Int32: ".u32", Int64: ".u64", Uint64: ".u64", Float32: ".f32"}[p.Kind]
				if list[i][1] != want {
					fail("%s: %s is %s, want %s", name, p.Name, list[i][1], want)
				}
			}
		}
	}
	for _, k := range table {
		if found[k.Name] != k.Module {
			fail("%s is not in %s.ptx", k.Name, k.Module)
		}
	}
	return errs
}

// The PTX has no parameter names and does not tell pointers from integers. The
// sources do.
func TestTableMatchesSources(t *testing.T) {
	for _, err := range checkSources(t, table) {
		t.Error(err)
	}
}

func TestTableMatchesSourcesFinds(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(add []Param) // of the kernel add(dst, a, b, n)
		want string
	}{
		{"swapped names", func(p []Param) { p[1], p[2] = p[2], p[1] }, "add(* dst, * a, * b, long long n) in elementwise.cu, the table has (* dst, * b, * a, long long n)"},
		{"an integer for a pointer", func(p []Param) { p[0].Kind = Int64 }, "add(* dst, * a, * b, long long n) in elementwise.cu, the table has (long long dst, * a, * b, long long n)"},
		{"unsigned for signed", func(p []Param) { p[3].Kind = Uint64 }, "add(* dst, * a, * b, long long n) in elementwise.cu, the table has (* dst, * a, * b, unsigned long long n)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doctored := All()
			i := slices.IndexFunc(doctored, func(k Kernel) bool { return k.Name == "add" })
			doctored[i].Params = slices.Clone(doctored[i].Params)
			c.edit(doctored[i].Params)
			if errs := checkSources(t, doctored); len(errs) != 1 || errs[0].Error() != c.want {
				t.Errorf("got %v, want %q", errs, c.want)
			}
		})
	}
}

// checkSources compares the table with the declarations in the sources.
func checkSources(t *testing.T, table []Kernel) []error {
	var errs []error
	for _, module := range Modules() {
		text, err := os.ReadFile(module + ".cu")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range include.FindAllStringSubmatch(string(text), -1) { // which may have the macro
			header, err := os.ReadFile(m[1])
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, header...)
		}
		declared := declarations(string(text))
		for _, k := range table {
			if k.Module != module {
				continue
			}
			var want []string
			for _, p := range k.Params {
				ctype := map[Kind]string{Pointer: "*", Int32: "int", Int64: "long long", Uint64: "unsigned long long", Float32: "float"}[p.Kind]
				want = append(want, ctype+" "+p.Name)
			}
			if got := declared[k.Name]; !slices.Equal(got, want) {
				errs = append(errs, fmt.Errorf("%s(%s) in %s.cu, the table has (%s)", k.Name, strings.Join(got, ", "), module, strings.Join(want, ", ")))
			}
		}
	}
	return errs
}

func TestDeclarationsAreRead(t *testing.T) {
	got := declarations(`
extern "C" __global__ void __launch_bounds__(8) one(
    float *__restrict__ dst,  // [n, m] out
    const int *a, const Some *s,
    long long n, unsigned long long seed,
    int rows, float alpha) {
#define TWO(name, tile) \
  extern "C" __global__ void name(float *x, /* in (or out), too */ int n) {
#define THREE(name) \
  extern "C" __global__ void __launch_bounds__(8) name(float y) {
TWO(two_a, 1)
THREE(three_a, 1)
#define OPERANDS(n)   \
  float *y##n,        /* out */ \
  const float *x##n   /* in */
extern "C" __global__ void both(OPERANDS(_1), OPERANDS(_2), int n) {
`)
	want := map[string][]string{
		"one":     {"* dst", "* a", "* s", "long long n", "unsigned long long seed", "int rows", "float alpha"},
		"TWO":     {"* x", "int n"},
		"two_a":   {"* x", "int n"},
		"THREE":   {"float y"},
		"three_a": {"float y"},
		"both":    {"* y_1", "* x_1", "* y_2", "* x_2", "int n"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

var (
	comment   = regexp.MustCompile(`//.*|/\*.*?\*/|\\\n`)
	prototype = regexp.MustCompile(`(?:#define (\w+)\(.*\)\s+)?extern "C" __global__ void (?:__launch_bounds__\([^)]*\) )?(\w+)\(([^)]*)\)`)
	include   = regexp.MustCompile(`(?m)^#include "(.*)"$`)
	list      = regexp.MustCompile(`(?m)^#define OPERANDS\(n\)(.*)$`)
	use       = regexp.MustCompile(`(?m)^([A-Z_]+)\((\w+), .*\)$`)
)

// declarations returns the parameters of the kernels in a source, by kernel. A macro that
// declares kernels is there too, and so are the kernels of all of its uses.
// OPERANDS(n) stands for parameters whose names end with n.
func declarations(source string) map[string][]string {
	source = comment.ReplaceAllString(source, "")
	if m := list.FindStringSubmatch(source); m != nil {
		for _, n := range []string{"_1", "_2"} {
			source = strings.ReplaceAll(source, "OPERANDS("+n+")", strings.ReplaceAll(m[1], "##n", n))
		}
	}
	found := map[string][]string{}
	for _, m := range prototype.FindAllStringSubmatch(source, -1) {
		declared := cmp.Or(m[1], m[2])
		for _, p := range strings.Split(m[3], ",") {
			words := strings.Fields(strings.ReplaceAll(p, "__restrict__", ""))
			last := len(words) - 1
			ctype := strings.Join(words[:last], " ")
			name := strings.TrimPrefix(words[last], "*")
			if strings.Contains(p, "*") {
				ctype = "*"
			}
			found[declared] = append(found[declared], ctype+" "+name)
		}
	}
	for _, m := range use.FindAllStringSubmatch(source, -1) {
		found[m[2]] = found[m[1]]
	}
	return found
}
