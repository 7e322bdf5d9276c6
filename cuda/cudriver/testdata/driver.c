/* A library that stands in for NVIDIA's. It has CUDA VERSION and COUNT devices, and
 * its cuInit returns INIT. */
int cuInit(unsigned flags) { return INIT; }
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "a text of the library"; return 0; }
int cuGetErrorName(int error, const char **text) { *text = "CUDA_ERROR_SOME"; return 0; }
