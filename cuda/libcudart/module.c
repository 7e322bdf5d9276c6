#include "runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* nvcc registers what a program has before main begins. */

struct binary {
	void *image;
	CUmodule module; /* NULL until it is loaded */
};

struct symbol {
	struct symbol *next;
	struct binary *binary;
	const void *host; /* what the program has in place of it */
	const char *name;
	CUfunction function; /* of a kernel, NULL until its first launch */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct binary **binaries;
static int binary_count;
static struct symbol *functions, *variables;

void **__cudaRegisterFatBinary(void *image)
{
	struct binary *b = calloc(1, sizeof *b);
	b->image = image;
	pthread_mutex_lock(&lock);
	binaries = realloc(binaries, (binary_count + 1) * sizeof *binaries);
	binaries[binary_count++] = b;
	pthread_mutex_unlock(&lock);
	return (void **)b;
}

void __cudaRegisterFatBinaryEnd(void **binary) { (void)binary; }

/* The process ends, or a library is closed. */
void __cudaUnregisterFatBinary(void **binary)
{
	pthread_mutex_lock(&lock);
	for (struct symbol **list = &functions;; list = &variables) {
		for (struct symbol **at = list; *at != NULL;) {
			struct symbol *s = *at;
			if (s->binary != (struct binary *)binary) {
				at = &s->next;
				continue;
			}
			*at = s->next;
			free(s);
		}
		if (list == &variables)
			break;
	}
	pthread_mutex_unlock(&lock);
}

char __cudaInitModule(void **binary)
{
	(void)binary;
	return 1;
}

static void add(struct symbol **list, void **binary, const void *host, const char *name)
{
	struct symbol *s = calloc(1, sizeof *s);
	s->binary = (struct binary *)binary;
	s->host = host;
	s->name = name;
	pthread_mutex_lock(&lock);
	s->next = *list;
	*list = s;
	pthread_mutex_unlock(&lock);
}

void __cudaRegisterFunction(void **binary, const char *host, char *device, const char *name, int threads, void *thread,
	void *block, void *blocks, void *grid, int *warp)
{
	(void)device, (void)threads, (void)thread, (void)block, (void)blocks, (void)grid, (void)warp;
	add(&functions, binary, host, name);
}

void __cudaRegisterVar(void **binary, char *host, char *device, const char *name, int external, size_t bytes, int constant,
	int global)
{
	(void)device, (void)external, (void)bytes, (void)constant, (void)global;
	add(&variables, binary, host, name);
}

static void refuse(const char *what, const char *name)
{
	fprintf(stderr, "cuda emulator: %s %s: not supported\n", what, name);
}

void __cudaRegisterManagedVar(void **binary, void **host, char *device, const char *name, int external, size_t bytes,
	int constant, int global)
{
	(void)binary, (void)host, (void)device, (void)external, (void)bytes, (void)constant, (void)global;
	refuse("__managed__ variable", name);
}

void __cudaRegisterTexture(void **binary, const void *host, const void **device, const char *name, int dimensions,
	int normalized, int external)
{
	(void)binary, (void)host, (void)device, (void)dimensions, (void)normalized, (void)external;
	refuse("texture", name);
}

void __cudaRegisterSurface(void **binary, const void *host, const void **device, const char *name, int dimensions,
	int external)
{
	(void)binary, (void)host, (void)device, (void)dimensions, (void)external;
	refuse("surface", name);
}

/* The lock is held. */
static struct symbol *find(struct symbol *list, const void *host)
{
	while (list != NULL && list->host != host)
		list = list->next;
	return list;
}

/* The lock is held. */
static CUresult load(struct binary *b)
{
	return b->module != NULL ? CUDA_SUCCESS : cuModuleLoadFatBinary(&b->module, b->image);
}

CUresult find_function(CUfunction *function, const void *host)
{
	pthread_mutex_lock(&lock);
	struct symbol *s = find(functions, host);
	CUresult code = s == NULL ? (CUresult)cudaErrorInvalidDeviceFunction : load(s->binary);
	if (code == CUDA_SUCCESS && s->function == NULL)
		code = cuModuleGetFunction(&s->function, s->binary->module, s->name);
	if (code == CUDA_SUCCESS)
		*function = s->function;
	pthread_mutex_unlock(&lock);
	return code;
}

CUresult find_variable(CUdeviceptr *pointer, size_t *bytes, const void *host)
{
	pthread_mutex_lock(&lock);
	struct symbol *s = find(variables, host);
	CUresult code = s == NULL ? (CUresult)cudaErrorInvalidSymbol : load(s->binary);
	if (code == CUDA_SUCCESS)
		code = cuModuleGetGlobal(pointer, bytes, s->binary->module, s->name);
	pthread_mutex_unlock(&lock);
	return code;
}

void forget_modules(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < binary_count; i++)
		binaries[i]->module = NULL;
	for (struct symbol *s = functions; s != NULL; s = s->next)
		s->function = NULL;
	pthread_mutex_unlock(&lock);
}
