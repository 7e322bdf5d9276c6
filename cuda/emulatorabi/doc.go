// Package emulatorabi puts the emulated GPU behind the C interface of the CUDA driver.
// In a build with the tags cuda and emulatorabi, the calls of gorgonia.org/cu end here
// instead of in libcuda.so.1. So cu's own code runs on a machine without a GPU.
//
// It has the functions that package cudriver calls, directly or through cu. All others
// return CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND.
package emulatorabi
