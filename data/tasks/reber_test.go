package tasks

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"gputrain/data"
)

// The grammar as a regular expression, written without the arcs: a string
// through T loops on S and reaches X, one through P loops on T and reaches V,
// and from there X T* V P leads back.
const (
	innerReber    = `B(TS*X|PT*VP)(XT*VP)*(S|XT*VV)E|BPT*VVE`
	embeddedReber = `BT(` + innerReber + `)TE|BP(` + innerReber + `)PE`
)

var (
	reberPattern    = regexp.MustCompile(`^(` + innerReber + `)$`)
	embeddedPattern = regexp.MustCompile(`^(` + embeddedReber + `)$`)
	streamPattern   = regexp.MustCompile(`^(` + embeddedReber + `)*$`)
)

func reberPatternOf(r Reber) *regexp.Regexp {
	if r.Embedded {
		return embeddedPattern
	}
	return reberPattern
}

func TestReberStringsAreOfTheGrammar(t *testing.T) {
	for _, r := range []Reber{{}, {Embedded: true}} {
		pattern, rng := reberPatternOf(r), rand.New(rand.NewPCG(1, 1))
		rejected := 0
		for i, s := range data.Draw(r, rng, 2000) {
			text := ReberText(&s)
			if len(text) != s.Steps+1 || !pattern.MatchString(text) {
				t.Fatalf("%+v, string %d: %s of %d steps is not of the grammar", r, i, text, s.Steps)
			}
			// One symbol replaced by another, anywhere: the control.
			at, other := rng.IntN(len(text)), ReberSymbols[rng.IntN(7)]
			if changed := text[:at] + string(other) + text[at+1:]; !pattern.MatchString(changed) {
				rejected++
			}
		}
		if rejected < 1500 {
			t.Errorf("%+v: only %d of 2000 strings with a random symbol were rejected", r, rejected)
		}
	}
	for _, wrong := range []string{
		"BTBTXSEPE", "BPBTXSETE", "BTBTXSE", "BTXSEE", "BTBTXPETE", "BTBPVPSTE", "BTTXSETE", "",
	} {
		if embeddedPattern.MatchString(wrong) {
			t.Errorf("the check accepts %q", wrong)
		}
	}
}

func TestReberTargetsAreTheSymbolsThatMayCome(t *testing.T) {
	// Whatever follows a prefix in many strings is what may follow it: strings of
	// 12 symbols or fewer are frequent enough for all to be seen.
	for _, r := range []Reber{{}, {Embedded: true}} {
		drawn := data.Draw(r, rand.New(rand.NewPCG(1, 1)), 20000)
		follow := map[string]string{}
		for _, s := range drawn {
			text := ReberText(&s)
			for k := 1; k < min(len(text), 10); k++ {
				if !strings.Contains(follow[text[:k]], text[k:k+1]) {
					follow[text[:k]] += text[k : k+1]
				}
			}
		}
		for _, s := range drawn {
			text := ReberText(&s)
			for k := 1; k < min(len(text), 10); k++ {
				for i, target := range s.Target(k - 1) {
					may := strings.Contains(follow[text[:k]], ReberSymbols[i:i+1])
					if may != (target == 1) || target != 0 && target != 1 {
						t.Fatalf("%+v: after %s the target of %c is %v, but %q were seen", r, text[:k], ReberSymbols[i], target, follow[text[:k]])
					}
				}
			}
		}
	}
}

func TestReberBranchesAreFair(t *testing.T) {
	// Each step with two successors is a fair choice between them.
	for _, task := range []data.Task{Reber{}, Reber{Embedded: true}, NewContinualReber(40)} {
		choices := map[string]map[int]int{}
		for _, s := range data.Draw(task, rand.New(rand.NewPCG(1, 1)), 3000) {
			for step := range s.Steps {
				first, second := -1, -1
				for i, target := range s.Target(step) {
					if target == 1 && first < 0 {
						first = i
					} else if target == 1 {
						second = i
					}
				}
				if second < 0 {
					continue
				}
				pair := ReberSymbols[first:first+1] + ReberSymbols[second:second+1]
				if choices[pair] == nil {
					choices[pair] = map[int]int{}
				}
				if int(s.Labels[step]) == first {
					choices[pair][0]++
				} else {
					choices[pair][1]++
				}
			}
		}
		if len(choices) != 4 {
			t.Errorf("%T: choices between %d pairs of symbols, want TP, SX, TV, PV", task, len(choices))
		}
		for pair, counts := range choices {
			wantUniform(t, pair, counts, 0, 1)
		}
	}
}

func TestOnlyTheSecondOuterSymbolIsDistant(t *testing.T) {
	for _, s := range data.Draw(Reber{Embedded: true}, rand.New(rand.NewPCG(1, 1)), 500) {
		text := ReberText(&s)
		for step, distant := range s.Distant {
			if distant != (step == len(text)-3) {
				t.Fatalf("%s: step %d of %d is distant: %v", text, step, s.Steps, distant)
			}
		}
		if text[1] != text[len(text)-2] {
			t.Fatalf("%s: the outer symbols differ", text)
		}
	}
	for _, s := range data.Draw(Reber{}, rand.New(rand.NewPCG(1, 1)), 100) {
		for step, distant := range s.Distant {
			if distant {
				t.Fatalf("%s: step %d is distant, but the grammar has no outer symbols", ReberText(&s), step)
			}
		}
	}
}

func TestReberStringsAreShortest5Or9(t *testing.T) {
	for _, test := range []struct {
		task Reber
		want int
	}{{Reber{}, 5}, {Reber{Embedded: true}, 9}} {
		shortest := 1000
		for _, s := range data.Draw(test.task, rand.New(rand.NewPCG(1, 1)), 1000) {
			shortest = min(shortest, len(ReberText(&s)))
		}
		if shortest != test.want {
			t.Errorf("%+v: the shortest string has %d symbols, want %d", test.task, shortest, test.want)
		}
	}
}

func TestDisjointSetsShareNoString(t *testing.T) {
	train, test := Reber{Embedded: true}.Disjoint(rand.New(rand.NewPCG(1, 1)), 256, 256)
	if len(train) != 256 || len(test) != 256 {
		t.Fatalf("%d and %d strings, want 256 and 256", len(train), len(test))
	}
	seen := map[string]bool{}
	mean := [2]float64{}
	for i, set := range [][]data.Sequence{train, test} {
		for _, s := range set {
			text := ReberText(&s)
			if seen[text] {
				t.Errorf("%s was drawn twice", text)
			}
			if !embeddedPattern.MatchString(text) {
				t.Errorf("%s is not of the grammar", text)
			}
			seen[text] = true
			mean[i] += float64(len(text)) / 256
		}
	}
	// Dealt out at random, the sets have strings of the same length. 512 strings
	// have a standard deviation of about 4 symbols: 5·4·√(2/256).
	if difference := mean[0] - mean[1]; difference > 1.8 || difference < -1.8 {
		t.Errorf("strings of %.1f and %.1f symbols on average", mean[0], mean[1])
	}
}

func TestContinualReberIsOneStream(t *testing.T) {
	const steps = 37
	stream := NewContinualReber(steps)
	var text strings.Builder
	last := int32(0) // B, with which the stream begins
	for i, s := range data.Draw(stream, rand.New(rand.NewPCG(1, 1)), 300) {
		if s.Steps != steps {
			t.Fatalf("sequence %d has %d steps, want %d", i, s.Steps, steps)
		}
		for step := range s.Steps {
			if got := symbol(&s, step); got != int(last) {
				t.Fatalf("sequence %d, step %d: input %d, but %d was announced", i, step, got, last)
			}
			last = s.Labels[step]
			text.WriteByte(ReberSymbols[symbol(&s, step)])
		}
	}
	whole := text.String()
	whole = whole[:strings.LastIndex(whole, "EB")+1]
	if !streamPattern.MatchString(whole) {
		t.Errorf("the stream is not one string after the other: %.80s...", whole)
	}
	broken := strings.Replace(whole, "TEBP", "PEBP", 1)
	if broken == whole || streamPattern.MatchString(broken) {
		t.Error("the check accepts a stream with a wrong outer symbol")
	}
}

func TestOneWrongSuccessorIsNotASolution(t *testing.T) {
	s := data.Draw(Reber{Embedded: true}, rand.New(rand.NewPCG(1, 1)), 1)[0]
	y := make([]float32, len(s.Targets))
	for i, target := range s.Targets {
		y[i] = 0.1 + 0.3*target // weak, but in order
	}
	f := Reber{}.Format()
	if score := s.Judge(y); !f.Solves(score) || score.DistantRight != 1 {
		t.Fatalf("outputs in order score %+v", score)
	}
	outer := s.Steps - 2 // it asks for the second outer symbol
	y[outer*7+reberT], y[outer*7+reberP] = y[outer*7+reberP], y[outer*7+reberT]
	if score := s.Judge(y); f.Solves(score) || score.DistantRight != 0 || score.Right != s.Steps-1 {
		t.Errorf("with the other outer symbol: %+v of %d steps", score, s.Steps)
	}
}
