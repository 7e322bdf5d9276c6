// Package cudriver drives the machine's NVIDIA GPUs through gorgonia.org/cu.
//
// It is complete only in a build with the tag cuda (make build); otherwise New
// returns a driver that says so.
package cudriver
