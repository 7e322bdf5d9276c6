// Package abi holds the binary interface of the CUDA driver and loads the driver at its
// first use.
//
// With it, gorgonia.org/cu compiles on a machine without NVIDIA's toolkit, and the
// binary starts on a machine without NVIDIA's driver:
//   - include/cuda.h declares what cu and this project use. A build with the tag
//     cuda finds it through CGO_CFLAGS, before any installed toolkit.
//   - lib/libcuda.so satisfies cu's -lcuda. It is a linker script that refers to the
//     C library, which is linked anyway.
//   - driver.c defines every function of the header as a call into libcuda.so.1, which
//     the first call opens. If the library is missing, all functions return
//     CUDA_ERROR_NO_DEVICE, and Load says why.
//
// With the additional tag emulatorabi, the functions come from package emulatorabi
// instead of libcuda.so.1.
//
// The Makefile sets the flags: see make build.
package abi
