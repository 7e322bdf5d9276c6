package gl_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/gl"
)

// Without a barrier a GPU may read what was there before the shader. Software does not
// show that, so it is looked for here: the fake driver finds every command that
// follows a shader at once.
func TestABarrierFollowsEachShader(t *testing.T) {
	b := newBench(t, newFake())
	x, y := b.Uniform(3, 4), b.Uniform(3, 4)
	b.Add(x, x, y)
	b.Copy(y, x)
	b.Softmax(x, y)
	b.Upload(y, make([]float32, 12))
	b.ClipNorm(x, b.Zeros(1, 1), 1)
	if err := b.Download(make([]float32, 12), x); err != nil {
		t.Error(err)
	}
}

// The control: a device whose barriers do nothing.
func TestAMissingBarrierIsFound(t *testing.T) {
	driver := newFake()
	b, err := gl.Open(lazy{driver}, 0, gl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := b.New(3, 4)
	if err != nil {
		t.Fatal(err)
	}
	driver.reset()
	for _, step := range []struct {
		queue func()
		want  string
	}{
		{func() { b.Add(x, x, x); b.Tanh(x, x) }, "tanh_forward without a barrier after add"},
		{func() { b.Add(x, x, x); b.Upload(x, make([]float32, 12)) }, "Upload without a barrier after add"},
		{func() { b.Add(x, x, x); b.Copy(x.Slice(0, 1), x.Slice(1, 2)) }, "Copy without a barrier after add"},
		{func() { b.Add(x, x, x); b.Download(make([]float32, 12), x) }, "Download without a barrier after add"},
	} {
		driver.reset()
		step.queue()
		b.Sync()
		if !slices.Contains(driver.faults, step.want) {
			t.Errorf("found %q, want %q among them", driver.faults, step.want)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// lazy is a driver whose device leaves out its barriers.
type lazy struct{ *fake }

func (l lazy) Open(ordinal int) (gl.Device, error) {
	device, err := l.fake.Open(ordinal)
	return lazyDevice{device.(*fakeDevice)}, err
}

type lazyDevice struct{ *fakeDevice }

func (lazyDevice) Barrier() error { return nil }

// One place is enough, and is the only one that can be seen to be right.
func TestTheBarrierIsIssuedInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Barrier" {
					places = append(places, set.Position(call.Pos()).String())
				}
			}
			return true
		})
	}
	if len(places) != 1 {
		t.Errorf("Barrier is called at %q, want one place", places)
	}
}
