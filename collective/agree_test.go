package collective_test

import (
	"testing"

	"gputrain/collective"
)

func TestSameNamesTheRanksThatDiffer(t *testing.T) {
	for _, test := range []struct{ data, seeds, want string }{
		{"aaaa", "1111", ""},
		{"aaaa", "1121", "rank 2 has another seed than rank 0"},
		{"aaaa", "2111", "ranks 1, 2, 3 have another seed than rank 0"},
		{"abab", "1121", "ranks 1, 3 have another data set than rank 0"},
	} {
		for rank, err := range together(collective.Local(4), func(g collective.Group) error {
			return collective.Same(g,
				collective.Fact{Name: "data set", Content: []byte(test.data[g.Rank():][:1])},
				collective.Fact{Name: "seed", Content: []byte(test.seeds[g.Rank():][:1])})
		}) {
			if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
				t.Errorf("rank %d: got %v, want %q", rank, err, test.want)
			}
		}
	}
}

// What ranks agree on fails if the group is lost.
func TestAgreementOfALostGroup(t *testing.T) {
	for _, agree := range []func(g collective.Group) error{
		func(g collective.Group) error { _, err := collective.Any(g, true); return err },
		func(g collective.Group) error { _, err := collective.Decide(g, true); return err },
		func(g collective.Group) error { return collective.Same(g) },
	} {
		groups := collective.Local(2)
		groups[1].Abort(errFull)
		mustEnd(t, agree(groups[0]), 1, errFull)
	}
}
