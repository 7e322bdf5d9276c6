// What go-gl needs of the system's header of this name, so that it builds without it.
// Functions are found through EGL, so this one is never called.
typedef unsigned char GLubyte;
static inline void *glXGetProcAddress(const GLubyte *name) { (void)name; return 0; }
