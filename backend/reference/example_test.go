package reference_test

import (
	"fmt"
	"log"

	"gputrain/backend/reference"
)

// The logistic function in float64.
func Example() {
	b := reference.New()
	defer b.Close()

	x, err := b.New(1, 3)
	if err != nil {
		log.Fatal(err)
	}
	b.UploadFloat64(x, []float64{-1, 0, 1})
	b.Sigmoid(x, x)

	result := make([]float64, x.Size())
	if err := b.DownloadFloat64(result, x); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.15f\n", result)
	// Output: [0.268941421369995 0.500000000000000 0.731058578630005]
}
