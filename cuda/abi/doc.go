// Package abi holds the binary interface of the CUDA driver and loads the
// driver when it is first used.
//
// It is what lets gorgonia.org/cu be compiled on a machine without NVIDIA's
// toolkit and the binary start on one without NVIDIA's driver:
//   - include/cuda.h declares what cu and this project use. A build with the tag
//     cuda finds it through CGO_CFLAGS, before a toolkit that may be installed.
//   - lib/libcuda.so satisfies cu's -lcuda; it is a linker script that stands
//     for the C library, which is linked anyhow.
//   - driver.c defines every function of the header as a call through
//     libcuda.so.1, opened at the first one. Where the library is missing, they
//     all return CUDA_ERROR_NO_DEVICE, and Load says why.
//
// With the tag emulatorabi besides, the functions come from package emulatorabi
// instead of libcuda.so.1.
//
// The Makefile sets the flags: see make build.
package abi
