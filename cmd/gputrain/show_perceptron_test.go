package main

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"math"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/plotter"

	"gputrain/backend/reference"
	"gputrain/data/tasks"
)

func TestShowPerceptronDrawsAnAnimation(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, and without goroutines")
	}
	t.Chdir(t.TempDir())
	o := gputrain("show", "perceptron", "--gate", "or").want(t, 0)
	for _, want := range []string{"OR   learned: no mistake in epoch 5", "animation in perceptron-or.gif, its last picture in perceptron-or.png"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("stdout is %q, want it to contain %q", o.out, want)
		}
	}
	movie, err := gif.DecodeAll(strings.NewReader(readFile(t, "perceptron-or.gif")))
	if err != nil {
		t.Fatal(err)
	}
	last, err := png.Decode(strings.NewReader(readFile(t, "perceptron-or.png")))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(movie.Image), 1+4*5; got != want || movie.LoopCount != 0 {
		t.Errorf("%d pictures, loop count %d; want one at first and one for each sample, %d, and 0", got, movie.LoopCount, want)
	}
	if first, end := movie.Delay[0], movie.Delay[len(movie.Delay)-1]; first != 25 || end != 400 {
		t.Errorf("the first picture is shown for %d/100 s, the last for %d/100 s; want 25 and 400", first, end)
	}
	screen := image.NewRGBA(last.Bounds())
	for i, frame := range movie.Image {
		before := string(screen.Pix)
		draw.Draw(screen, frame.Bounds(), frame, frame.Bounds().Min, draw.Over)
		if string(screen.Pix) == before {
			t.Errorf("picture %d is the one before it", i)
		}
	}
	const tolerance = 40 // of a colour's channels, at edges where three inks meet
	for y := range screen.Rect.Dy() {
		for x := range screen.Rect.Dx() {
			got, want := screen.RGBAAt(x, y), color.RGBAModel.Convert(last.At(x, y)).(color.RGBA)
			if far(got.R, want.R, tolerance) || far(got.G, want.G, tolerance) || far(got.B, want.B, tolerance) {
				t.Fatalf("pixel %d, %d at the end of the animation is %v, of the PNG %v, tolerance %d", x, y, got, want, tolerance)
			}
		}
	}
}

func far(a, b uint8, tolerance int) bool {
	return max(int(a), int(b))-min(int(a), int(b)) > tolerance
}

// The line puts each sample on the side that the perceptron says.
func TestLessonNotesEachMoment(t *testing.T) {
	b := reference.New()
	defer b.Close()
	for _, gate := range []tasks.Gate{tasks.AND, tasks.NOR, tasks.XOR} {
		l, err := newLesson(t.Context(), b, gate, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(l.moments), 1+4*len(l.result.Mistakes); got != want {
			t.Errorf("%v: %d moments, want %d", gate, got, want)
		}
		for i, m := range l.moments {
			for sample, target := range l.table.Targets {
				s := m.line.sum(plotter.XY{X: float64(l.table.X[2*sample]), Y: float64(l.table.X[2*sample+1])})
				if (s > 0) == (target == 1) == m.wrong[sample] {
					t.Errorf("%v, moment %d, sample %d: wrong is %v, but s is %v for the target %v", gate, i, sample, m.wrong[sample], s, target)
				}
			}
		}
		first, last := l.moments[0], l.moments[len(l.moments)-1]
		want := map[tasks.Gate]string{
			tasks.AND: "AND   learned in epoch 7   errors 0\n",
			tasks.NOR: "NOR   learned in epoch 3   errors 0\n",
			tasks.XOR: "XOR   not learned in 16 epochs   errors 2\n",
		}[gate]
		if got := l.title(last); !strings.HasPrefix(got, want) {
			t.Errorf("the last title is %q, want %q", got, want)
		}
		if got, want := l.title(first), gate.String()+"   before learning   errors "; !strings.HasPrefix(got, want) {
			t.Errorf("the first title is %q, want %q", got, want)
		}
	}
}

func TestLessonStopsWithItsContext(t *testing.T) {
	b := reference.New()
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newLesson(ctx, b, tasks.AND, 1); err == nil || !strings.Contains(err.Error(), "stopped after 0 epochs") {
		t.Errorf("error %v, want one that says where it stopped", err)
	}
}

func TestLineCutsASquare(t *testing.T) {
	square := plotter.XYs{{X: 0, Y: 0}, {X: 2, Y: 0}, {X: 2, Y: 2}, {X: 0, Y: 2}}
	for _, c := range []struct {
		name      string
		line      separatingLine
		area      float64
		crossings int
		text      string
	}{
		{"right half", separatingLine{1, 0, -1}, 2, 2, "1.00·x1 +0.00·x2 −1.00"},
		{"left half", separatingLine{-1, 0, 1}, 2, 2, "−1.00·x1 +0.00·x2 +1.00"},
		{"corner", separatingLine{1, 1, -1}, 3.5, 2, "1.00·x1 +1.00·x2 −1.00"},
		{"diagonal", separatingLine{1, -1, 0}, 2, 2, "1.00·x1 −1.00·x2 +0.00"},
		{"quarter of the height", separatingLine{0, -4, 2}, 1, 2, "0.00·x1 −4.00·x2 +2.00"},
		{"all above", separatingLine{1, 1, 1}, 4, 0, "1.00·x1 +1.00·x2 +1.00"},
		{"none above", separatingLine{1, 1, -9}, 0, 0, "1.00·x1 +1.00·x2 −9.00"},
		{"no line, above", separatingLine{0, 0, 1}, 4, 0, "0.00·x1 +0.00·x2 +1.00"},
		{"no line, not above", separatingLine{0, 0, 0}, 0, 0, "0.00·x1 +0.00·x2 +0.00"},
	} {
		above, border := c.line.cut(square)
		area := 0.0
		for i, p := range above {
			q := above[(i+1)%len(above)]
			area += (p.X*q.Y - q.X*p.Y) / 2
		}
		if math.Abs(area-c.area) > 1e-12 || len(border) != c.crossings || c.line.String() != c.text {
			t.Errorf("%s: area %v, %d crossings, %q; want %v, %d, %q", c.name, area, len(border), c.line, c.area, c.crossings, c.text)
		}
		for _, p := range border {
			if math.Abs(c.line.sum(p)) > 1e-12 {
				t.Errorf("%s: the crossing %v is not on the line", c.name, p)
			}
		}
	}
}

func TestAnimationKeepsTheInksExactly(t *testing.T) {
	inks := []color.RGBA{paperColor, lineColor, onColor, offColor, onGround, offGround}
	a := newAnimation(inks...)
	if n := len(a.palette); n > 256 || n < 200 {
		t.Errorf("the palette has %d colours, want up to 256", n)
	}
	for shift := range 2 {
		picture := image.NewRGBA(image.Rect(0, 0, len(inks), 1))
		for x := range inks {
			picture.SetRGBA(x, 0, inks[(x+shift)%len(inks)])
		}
		a.add(picture, time.Second)
		for x := range inks {
			if got, want := a.gif.Image[shift].At(x, 0), inks[(x+shift)%len(inks)]; got != want {
				t.Errorf("picture %d, pixel %d: got %v, want %v", shift, x, got, want)
			}
		}
	}
	// A picture like the one before it leaves all pixels as they are.
	a.add(image.NewRGBA(image.Rect(0, 0, len(inks), 1)), time.Second)
	a.add(image.NewRGBA(image.Rect(0, 0, len(inks), 1)), time.Second)
	for x, index := range a.gif.Image[3].Pix {
		if index != 0 {
			t.Errorf("pixel %d of the same picture again has colour %v", x, a.palette[index])
		}
	}
}
