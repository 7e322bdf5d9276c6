// Package emulatorabi is the emulated GPU behind the C interface of the CUDA
// driver. In a build with the tags cuda and emulatorabi, the calls of
// gorgonia.org/cu end here instead of in libcuda.so.1, so that cu's own code is
// run on a machine without a GPU.
//
// It has the functions that package cudriver reaches, directly or through cu;
// any other returns CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND.
package emulatorabi
