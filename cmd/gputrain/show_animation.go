package main

import (
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"time"

	"gputrain/internal/atomicfile"
)

// animation is a GIF of pictures that are drawn in a few inks.
type animation struct {
	gif     gif.GIF
	palette color.Palette        // first the transparent colour, which keeps a pixel, then the inks and their blends at edges
	index   map[color.RGBA]uint8 // of the nearest colour in palette, for the colours met so far
	last    []uint8              // the last picture, in indices
}

// newAnimation returns an animation without pictures. It takes two inks or
// more, all opaque.
func newAnimation(inks ...color.RGBA) *animation {
	return &animation{palette: append(color.Palette{color.RGBA{}}, blends(inks, 255)...), index: map[color.RGBA]uint8{}}
}

// blends returns the inks and as many steps between each two as there is room
// for.
func blends(inks []color.RGBA, room int) color.Palette {
	var palette color.Palette
	for _, ink := range inks {
		palette = append(palette, ink)
	}
	pairs := len(inks) * (len(inks) - 1) / 2
	steps := (room - len(inks)) / pairs
	for i, a := range inks {
		for _, b := range inks[:i] {
			for step := 1; step <= steps; step++ {
				mix := func(a, b uint8) uint8 {
					return uint8((int(a)*step + int(b)*(steps+1-step)) / (steps + 1))
				}
				palette = append(palette, color.RGBA{R: mix(a.R, b.R), G: mix(a.G, b.G), B: mix(a.B, b.B), A: 255})
			}
		}
	}
	return palette
}

// add appends a picture and how long it is shown. All pictures have the same
// size.
func (a *animation) add(picture image.Image, shown time.Duration) {
	bounds := picture.Bounds()
	source, frame := image.NewRGBA(bounds), image.NewPaletted(bounds, a.palette)
	draw.Draw(source, bounds, picture, bounds.Min, draw.Src)
	if a.last == nil {
		a.last = make([]uint8, len(frame.Pix))
	}
	for i := range frame.Pix {
		if index := a.indexOf(colorAt(source, i)); index != a.last[i] {
			frame.Pix[i], a.last[i] = index, index
		}
	}
	a.gif.Image = append(a.gif.Image, frame)
	a.gif.Delay = append(a.gif.Delay, int(shown/(10*time.Millisecond)))
}

// colorAt returns the colour of pixel i, row by row.
func colorAt(picture *image.RGBA, i int) color.RGBA {
	p := picture.Pix[4*i:]
	return color.RGBA{p[0], p[1], p[2], p[3]}
}

// indexOf returns the index of the colour nearest to c.
func (a *animation) indexOf(c color.RGBA) uint8 {
	index, known := a.index[c]
	if !known {
		index = uint8(1 + a.palette[1:].Index(c))
		a.index[c] = index
	}
	return index
}

// write writes the animation, which repeats for ever.
func (a *animation) write(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error { return gif.EncodeAll(w, &a.gif) })
}
