package emulator

// A flow is the control flow of a function. Position len(body) is its end, where
// every return goes.
type flow struct {
	next        [][]int // successors of each position
	reconverge  []int   // where the paths of a branch meet again, or absent
	joins       map[int]bool
	targets     map[int]bool // of branches
	immediate   []int        // immediate post-dominator of each position, or absent
	order       []int        // positions in reverse post-order of the reversed graph
	orderNumber []int
}

func newFlow(f *function) *flow {
	n := len(f.body)
	fl := &flow{next: make([][]int, n+1), joins: map[int]bool{}, targets: map[int]bool{}}
	for i := range f.body {
		fl.next[i] = successors(&f.body[i], i, n)
		for _, arg := range f.body[i].args {
			for _, at := range arg.targets {
				fl.targets[at] = true
			}
		}
	}
	fl.postDominators()
	fl.reconverge = make([]int, n+1)
	for i := range f.body {
		fl.reconverge[i] = absent
		if f.body[i].name == "ret" && !f.entry {
			fl.joins[n] = true
		}
		if f.body[i].name == "call" && siteOf(&f.body[i]).target.kind == operandRegister {
			fl.joins[i+1] = true
		}
		if name := f.body[i].name; name == "bra" || name == "brx" {
			fl.reconverge[i] = fl.immediate[i]
			if fl.immediate[i] != absent {
				fl.joins[fl.immediate[i]] = true
			}
		}
	}
	return fl
}

// successors lists the positions where a thread may go after position i.
func successors(raw *rawInstruction, i, end int) []int {
	var next []int
	switch raw.name {
	case "bra", "brx":
		for _, arg := range raw.args {
			next = append(next, arg.targets...)
		}
		if raw.name == "bra" && raw.guard == absent {
			return next
		}
	case "ret", "exit", "trap":
		next = append(next, end)
	}
	if len(next) == 0 || raw.guard != absent {
		next = append(next, i+1)
	}
	return next
}

// postDominators finds the immediate post-dominators. It is the algorithm of Cooper,
// Harvey and Kennedy, "A simple, fast dominance algorithm" (2001), on the reversed
// graph.
func (fl *flow) postDominators() {
	n := len(fl.next)
	end := n - 1
	previous := make([][]int32, n)
	for i, next := range fl.next {
		for _, to := range next {
			previous[to] = append(previous[to], int32(i))
		}
	}
	fl.numberFrom(end, previous)
	fl.immediate = make([]int, n)
	for i := range fl.immediate {
		fl.immediate[i] = absent
	}
	fl.immediate[end] = end
	for changed := true; changed; {
		changed = false
		for _, i := range fl.order[1:] {
			meet := absent
			for _, to := range fl.next[i] {
				switch {
				case fl.immediate[to] == absent:
				case meet == absent:
					meet = to
				default:
					meet = fl.meet(meet, to)
				}
			}
			if meet != fl.immediate[i] {
				fl.immediate[i] = meet
				changed = true
			}
		}
	}
}

// numberFrom numbers the reversed graph from its end, without recursion.
func (fl *flow) numberFrom(end int, previous [][]int32) {
	n := len(previous)
	fl.orderNumber = make([]int, n)
	seen := make([]bool, n)
	type visit struct{ at, child int }
	stack := []visit{{end, 0}}
	seen[end] = true
	var post []int
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.child == len(previous[top.at]) {
			post = append(post, top.at)
			stack = stack[:len(stack)-1]
			continue
		}
		to := int(previous[top.at][top.child])
		top.child++
		if !seen[to] {
			seen[to] = true
			stack = append(stack, visit{to, 0})
		}
	}
	for i := len(post) - 1; i >= 0; i-- {
		fl.orderNumber[post[i]] = len(fl.order)
		fl.order = append(fl.order, post[i])
	}
}

func (fl *flow) meet(a, b int) int {
	for a != b {
		for fl.orderNumber[a] > fl.orderNumber[b] {
			a = fl.immediate[a]
		}
		for fl.orderNumber[b] > fl.orderNumber[a] {
			b = fl.immediate[b]
		}
	}
	return a
}
