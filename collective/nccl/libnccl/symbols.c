//go:build cuda

#include "_cgo_export.h"

#define FUNCTION(result, name, parameters, arguments) \
	result nccl##name parameters { return emulate##name arguments; }
#include "../include/functions.h"
