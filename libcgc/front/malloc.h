/* SPDX-License-Identifier: MIT */
/*
 * front/malloc.h - the malloc family, all of it.
 *
 * Each function does what glibc 2.36 does, errno and odd arguments included
 * (t/prog/malloc compares); memory comes from front/alloc, scanned and
 * collectable.  The names with __libc_ in front are replaced as well, so that
 * a program with a malloc of its own on top of them stays on the one heap.
 *
 *   malloc(0)            a distinct block         realloc(p, 0)  free, NULL
 *   above PTRDIFF_MAX    NULL, ENOMEM             n * size overflow  the same
 *   memalign(3, n)       the next power of two    posix_memalign(3)  EINVAL
 *   free                 keeps errno
 *
 * C++ operator new and delete are not here: libstdc++'s and libc++'s call
 * malloc, aligned_alloc and free through the symbol table, so they are served,
 * and new handlers, bad_alloc and a program's own operator stay as they are.
 *
 * The pages of a fresh block are not touched, so that memory which is
 * allocated and not used takes no memory.
 *
 * Who comes in: the program, its libraries, libc, ld.so; from the first
 * instruction after relocation, before any constructor; signal handlers.
 * Nothing has to be called first.  Locks: none here.
 */
#ifndef CGC_FRONT_MALLOC_H
#define CGC_FRONT_MALLOC_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* What no header of glibc's declares. */
void cfree(void *ptr);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);
void *__libc_memalign(size_t align, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);

#endif
