package simd

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestMicro(t *testing.T) {
	if os.Getenv("B") == "" {
		t.Skip()
	}
	for _, l := range Levels()[2:] {
		ks := kernelsOf[l]
		for _, k := range []int{128, 256, 512} {
			for w, ts := range [][]tile{ks.tiles, ks.wideTiles} {
				for r := 1; r < len(ts); r++ {
					if r < len(ts)-2 && r != 1 && r != 7 {
						continue
					}
					a := make([]float32, 16*k+64)
					b := make([]float32, 128*k+64)
					c := make([]float32, 14*128)
					cols := ks.width * (w + 1)
					best, peak := 0., 0.
					for range 3000 {
						s := time.Now()
						f := l.MultiplyAdds(1000)
						peak = max(peak, float64(f)/time.Since(s).Seconds())
						s = time.Now()
						for range 4 {
							ts[r](k, a, ks.lanes, b, ks.width, ks.width*k, c, cols, cols, 1, 1, 0)
						}
						best = max(best, 4*2*float64(r*cols*k)/time.Since(s).Seconds())
					}
					fmt.Printf("%v %dx%d k=%d %.2f of %.0f\n", l, r, cols, k, best/peak, peak*1e-9)
				}
			}
		}
	}
}
