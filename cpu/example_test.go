package cpu_test

import (
	"fmt"
	"log"

	"gputrain/backend"
	"gputrain/cpu"
)

// A matrix times its transpose.
func Example() {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()

	x, err := b.New(2, 3)
	if err != nil {
		log.Fatal(err)
	}
	product, err := b.New(2, 2)
	if err != nil {
		log.Fatal(err)
	}
	b.Upload(x, []float32{1, 2, 3, 4, 5, 6})
	b.Gemm(product, backend.NoTrans, backend.Trans, 1, x, x, 0)

	result := make([]float32, product.Size())
	if err := b.Download(result, product); err != nil {
		log.Fatal(err)
	}
	fmt.Println(result)
	// Output: [14 32 32 77]
}
