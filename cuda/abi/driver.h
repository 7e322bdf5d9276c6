#ifndef GPUTRAIN_DRIVER_H
#define GPUTRAIN_DRIVER_H

#include <cuda.h>

/* driver_failure loads the driver if that has not been done yet. It returns NULL, or
 * why the driver cannot be used. */
const char *driver_failure(void);

/* dynamic.c or package emulatorabi defines these two.
 *
 * driver_open returns whether there is a driver. If there is none, it writes why into
 * reason. driver_symbol returns a function of the driver, or NULL. */
int driver_open(char *reason, size_t size);
void *driver_symbol(const char *name);

#endif
