package tasks_test

import (
	"fmt"
	"math/rand/v2"

	"gputrain/data"
	"gputrain/data/tasks"
)

func ExampleReber() {
	rng := rand.New(rand.NewPCG(1, 20))
	var s data.Sequence
	tasks.Reber{Embedded: true}.Next(&s, rng)
	text := tasks.ReberText(&s)
	fmt.Println(text)
	for t := range s.Steps {
		may := ""
		for symbol, target := range s.Target(t) {
			if target == 1 {
				may += tasks.ReberSymbols[symbol : symbol+1]
			}
		}
		fmt.Printf("after %c may come %-2s and comes %c\n", text[t], may, tasks.ReberSymbols[s.Labels[t]])
	}
	// Output:
	// BPBTSXSEPE
	// after B may come TP and comes P
	// after P may come B  and comes B
	// after B may come TP and comes T
	// after T may come SX and comes S
	// after S may come SX and comes X
	// after X may come SX and comes S
	// after S may come E  and comes E
	// after E may come P  and comes P
	// after P may come E  and comes E
}

func ExampleGate_Table() {
	for _, gate := range []tasks.Gate{tasks.AND, tasks.XOR} {
		table := gate.Table(-1)
		fmt.Println(gate, table.X, table.Targets)
	}
	// Output:
	// AND [0 0 0 1 1 0 1 1] [-1 -1 -1 1]
	// XOR [0 0 0 1 1 0 1 1] [-1 1 1 -1]
}

// A task is drawn sequence after sequence, until the last 2,000 were answered
// right. The network here forgets the second symbol of every hundredth sequence.
func ExampleTask() {
	rng := rand.New(rand.NewPCG(1, 1))
	task := tasks.Distractors{Q: 100, P: 50}
	format := task.Format()
	recent := data.NewRecent(2000)

	var s data.Sequence
	y := make([]float32, 0, 1000)
	drawn := 0
	for drawn < 10000 && (!recent.Full() || recent.Wrong() > 0) {
		task.Next(&s, rng)
		drawn++
		y = append(y[:0], s.Targets...)
		if drawn < 5000 && drawn%100 == 0 {
			last := y[len(y)-2:]
			last[0], last[1] = 0.5, 0.5
		}
		recent.Add(format.Solves(s.Judge(y)))
	}
	fmt.Println("solved after", drawn, "sequences")
	// Output:
	// solved after 6900 sequences
}

func ExamplePack() {
	rng := rand.New(rand.NewPCG(1, 1))
	task := tasks.TemporalOrder{}
	set := data.Pack(task.Format(), data.Draw(task, rng, 3))
	fmt.Println(set.Len(), "samples of up to", set.Steps, "steps:", set.Lengths)
	for _, label := range set.Labels {
		fmt.Println(set.Classes[label])
	}
	// Output:
	// 3 samples of up to 110 steps: [110 110 106]
	// U
	// U
	// S
}

func ExampleMackeyGlass() {
	series := tasks.MackeyGlass(17, 1000, 3000)
	last := len(series) - 1
	fmt.Printf("persistence has NRMSE %.3f\n", data.NRMSE(series[:last], series[1:]))
	windows := data.Windows(series, 4, 6, 1)
	fmt.Println(windows.Len(), "windows of", windows.Width, "values")
	// Output:
	// persistence has NRMSE 0.146
	// 2981 windows of 4 values
}
