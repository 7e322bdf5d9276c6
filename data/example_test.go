package data_test

import (
	"fmt"
	"strings"

	"gputrain/data"
)

func ExampleDigits() {
	digits := data.Digits()
	fmt.Println(digits.Len(), "digits of", digits.Steps, "rows of", digits.Width, "pixels")
	for step := range digits.Steps {
		for _, pixel := range digits.X[step*digits.Width : (step+1)*digits.Width] {
			fmt.Printf("%3.0f", pixel)
		}
		fmt.Println()
	}
	fmt.Println("class", digits.Classes[digits.Labels[0]])
	// Output:
	// 1797 digits of 8 rows of 8 pixels
	//   0  0  5 13  9  1  0  0
	//   0  0 13 15 10 15  5  0
	//   0  3 15  2  0 11  8  0
	//   0  4 12  0  0  8  8  0
	//   0  5  8  0  0  9  8  0
	//   0  4 11  0  1 12  7  0
	//   0  2 14  5 10 12  0  0
	//   0  0  6 13 10  0  0  0
	// class 0
}

func ExampleDataset_Split() {
	parts := data.Digits().Split(1, 0.8, 0.2)
	fmt.Println(parts[0].Len(), parts[1].Len())
	// Output: 1438 359
}

func ExampleReadCSV() {
	text := "length,width,species\n1.4,0.2,setosa\n4.7,1.4,versicolor\n"
	flowers, err := data.ReadCSV(strings.NewReader(text), "flowers.csv", data.CSVOptions{Target: "species"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(flowers.Features, flowers.X, flowers.Labels, flowers.Classes)
	set, err := flowers.Dataset(flowers.Standardize())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.X)

	_, err = data.ReadCSV(strings.NewReader(text), "flowers.csv", data.CSVOptions{Target: "specis"})
	fmt.Println(err)
	// Output:
	// [length width] [1.4 0.2 4.7 1.4] [0 1] [setosa versicolor]
	// [-1 -1 1 1]
	// flowers.csv:1: the first line names no column "specis", the nearest is "species"; give one of its names or a number from 1 to 3
}

func ExampleScaling_Apply() {
	train := &data.Dataset{Steps: 1, Width: 2, X: []float32{1, 10, 3, 30}}
	test := &data.Dataset{Steps: 1, Width: 2, X: []float32{2, 40}}
	scaled, err := data.Standardize(train).Apply(test)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(scaled.X)
	// Output: [0 2]
}

func ExampleBatches() {
	set := &data.Dataset{
		Steps: 2, Width: 1,
		X:       []float32{1, 2, 10, 20, 100, 200},
		Labels:  []int32{0, 1, 1},
		Classes: []string{"small", "large"},
	}
	batches := data.NewBatches(set, 2)
	for i := range batches.Count() {
		batch := batches.Batch(i)
		fmt.Println(batch.Size, batch.X, batch.Labels)
	}
	// Output:
	// 2 [1 10 2 20] [0 1]
	// 1 [100 200] [1]
}
