package virt

/*
#include <malloc.h>

static void trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
*/
import "C"

// TrimMemory gives memory back that libvirt's library has freed. glibc keeps it
// otherwise, except at the end of its heap.
func TrimMemory() { C.trim() }
