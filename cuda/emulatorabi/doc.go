// Package emulatorabi puts the emulated GPU behind the C interface of the CUDA driver.
// In a build with the tags cuda and emulatorabi, the calls of gorgonia.org/cu end here
// instead of in libcuda.so.1. So cu's own code runs on a machine without a GPU.
//
// symbols.c lists the functions that it has. Package cudriver calls some of them,
// directly or through cu; all others of cu return
// CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND. Package libcuda makes a library of them, for
// programs in C.
package emulatorabi
