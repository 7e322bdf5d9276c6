// Package cudriver drives the machine's NVIDIA GPUs through gorgonia.org/cu.
//
// It needs a build with the tag cuda (make build). In any other build New returns a
// driver whose methods say so.
package cudriver
