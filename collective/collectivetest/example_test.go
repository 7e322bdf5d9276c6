package collectivetest_test

import (
	"fmt"
	"sync"

	"gputrain/collective"
	"gputrain/collective/collectivetest"
)

// The test of a Group of one's own: Check runs on all of its ranks at once, here with those
// of this process.
func ExampleCheck() {
	var all sync.WaitGroup
	for _, g := range collective.Local(3) {
		all.Go(func() {
			if err := collectivetest.Check(g); err != nil {
				g.Abort(err) // the others may wait for this rank
				fmt.Println(err)
				return
			}
			fmt.Println("conforms")
		})
	}
	all.Wait()
	// Output:
	// conforms
	// conforms
	// conforms
}
