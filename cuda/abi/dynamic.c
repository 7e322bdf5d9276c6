//go:build cuda && !emulatorabi

#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>

static void *library;

int driver_open(char *reason, size_t size)
{
	library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		snprintf(reason, size, "no NVIDIA driver: %s", dlerror());
	return library != NULL;
}

void *driver_symbol(const char *name)
{
	return dlsym(library, name);
}
