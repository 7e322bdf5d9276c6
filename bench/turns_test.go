package bench

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"gputrain/backend"
)

func TestSidesTakeTurnsAndAnotherBeginsEachRound(t *testing.T) {
	order := ""
	side := func(name string, figure float64) Turn {
		return func() (float64, error) {
			order += name
			figure++
			return figure, nil
		}
	}
	got, err := InTurn(t.Context(), Rounds{Least: 3, Most: 4}, side("a", 0), side("b", 10), side("c", 20))
	if err != nil {
		t.Fatal(err)
	}
	if want := "abc" + "bca" + "cab"; order != want {
		t.Errorf("the order is %s, want %s", order, want)
	}
	for i, want := range [][]float64{{1, 2, 3}, {11, 12, 13}, {21, 22, 23}} {
		if !slices.Equal(got[i], want) {
			t.Errorf("side %d has %v, want %v", i, got[i], want)
		}
	}
}

func TestRoundsEndInTime(t *testing.T) {
	turn := func() (float64, error) { return 1, nil }
	for _, c := range []struct {
		rounds Rounds
		want   int
	}{
		{Rounds{Least: 3, Most: 5, Within: time.Nanosecond}, 3},
		{Rounds{Least: 3, Most: 5, Within: time.Hour}, 5},
		{Rounds{Least: 2, Most: 2}, 2},
	} {
		got, err := InTurn(t.Context(), c.rounds, turn)
		if err != nil || len(got[0]) != c.want {
			t.Errorf("%+v: %d rounds, error %v; want %d", c.rounds, len(got[0]), err, c.want)
		}
	}
}

func TestRoundsEndWithTheirContextAndWithAnError(t *testing.T) {
	stop, broken := errors.New("stop"), errors.New("broken")
	ctx, cancel := context.WithCancelCause(t.Context())
	turns := 0
	_, err := InTurn(ctx, Rounds{Least: 9, Most: 9}, func() (float64, error) {
		if turns++; turns == 2 {
			cancel(stop)
		}
		return 1, nil
	})
	if err != stop || turns != 2 {
		t.Errorf("error %v after %d turns, want %v after 2", err, turns, stop)
	}
	if _, err := InTurn(t.Context(), Rounds{Least: 9, Most: 9}, func() (float64, error) { return 0, broken }); err != broken {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestATurnIsAsManyCallsAsTakeTheTime(t *testing.T) {
	for _, c := range []struct {
		call time.Duration
		want []int
	}{
		{time.Millisecond, []int{1, 3, 40}},
		{3 * time.Millisecond, []int{1, 3, 14}},
		{39 * time.Millisecond, []int{1, 3, 2}},
		{time.Second, []int{1, 1}}, // the first call is warm enough
		{0, []int{1, 3, 100_000}},
	} {
		var calls []int
		turn, err := Calls(func(n int) (time.Duration, error) {
			calls = append(calls, n)
			return time.Duration(n) * c.call, nil
		}, 40*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := turn(); got != c.call.Seconds() || err != nil {
			t.Errorf("%v: the turn's figure is %v, error %v", c.call, got, err)
		}
		if !slices.Equal(calls, c.want) {
			t.Errorf("%v: calls %v, want %v", c.call, calls, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := Calls(func(int) (time.Duration, error) { return 0, broken }, time.Second); err != broken {
		t.Errorf("error %v, want %v", err, broken)
	}
}

// clock is a device that knows whether it measures.
type clock struct {
	backend.Backend
	running bool
}

func (c *clock) Time(ops func()) (time.Duration, error) {
	c.running = true
	ops()
	c.running = false
	return time.Second, nil
}

// The call that warms the caches is not timed.
func TestSeveralCallsHaveOneBeforeThem(t *testing.T) {
	for calls, want := range map[int]int{1: 1, 2: 3, 5: 6} {
		made, timed := 0, 0
		device := &clock{Backend: openCPU(t)}
		if _, err := On(device, func() {
			if made++; device.running {
				timed++
			}
		})(calls); err != nil {
			t.Fatal(err)
		}
		if made != want || timed != calls {
			t.Errorf("%d calls: %d made, %d timed; want %d made", calls, made, timed, want)
		}
	}
}

func TestQuantilesInterpolate(t *testing.T) {
	for _, c := range []struct {
		q    float64
		x    []float64
		want float64
	}{
		{0.5, []float64{7}, 7},
		{0.5, []float64{3, 1, 2}, 2},
		{0.5, []float64{4, 1, 2, 3}, 2.5},
		{0.25, []float64{5, 4, 3, 2, 1}, 2},
		{0.75, []float64{1, 2, 3, 4}, 3.25},
		{0, []float64{2, 1}, 1},
		{1, []float64{2, 1}, 2},
	} {
		if got := Quantile(c.q, c.x); got != c.want {
			t.Errorf("quantile %v of %v is %v, want %v", c.q, c.x, got, c.want)
		}
	}
}
