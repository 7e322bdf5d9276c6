package cuda_test

import (
	"fmt"
	"log"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// A kernel runs on an emulated GPU. For a real one, take the driver of package
// cudriver.
func Example() {
	driver, err := emulator.New(emulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	b, err := cuda.Open(driver, 0, cuda.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()

	x, err := b.New(2, 3)
	if err != nil {
		log.Fatal(err)
	}
	sums, err := b.New(1, 3)
	if err != nil {
		log.Fatal(err)
	}
	b.Upload(x, []float32{1, 2, 3, 4, 5, 6})
	b.SumRows(sums, x, 0) // queued

	result := make([]float32, sums.Size())
	if err := b.Download(result, sums); err != nil { // waits
		log.Fatal(err)
	}
	fmt.Println(result)
	// Output: [5 7 9]
}
