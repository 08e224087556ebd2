/* SPDX-License-Identifier: MIT */
/*
 * How the declarations of gc.h are decorated, and what threads a program asks
 * for.  Included by gc.h; a program defines GC_THREADS, GC_DEBUG and the like
 * before it.
 */
#ifndef GC_CONFIG_MACROS_H
#define GC_CONFIG_MACROS_H

#include <stddef.h>

#define GC_GNUC_PREREQ(major, minor)                                           \
  (__GNUC__ > (major) || (__GNUC__ == (major) && __GNUC_MINOR__ >= (minor)))

/* Older names of the one switch for threads. */
#if defined(GC_LINUX_THREADS) || defined(LINUX_THREADS) || defined(GC_PTHREADS)
#ifndef GC_THREADS
#define GC_THREADS
#endif
#endif
#ifdef GC_THREADS
#ifndef GC_LINUX_THREADS
#define GC_LINUX_THREADS
#endif
#ifndef GC_PTHREADS
#define GC_PTHREADS
#endif
#ifndef _REENTRANT
#define _REENTRANT 1
#endif
#endif

#ifndef GC_API
#define GC_API extern __attribute__((__visibility__("default")))
#endif
#ifndef GC_CALL
#define GC_CALL
#endif
#ifndef GC_CALLBACK
#define GC_CALLBACK GC_CALL
#endif

#ifdef GC_OOM_FUNC_RETURNS_ALIAS
#define GC_ATTR_MALLOC
#else
#define GC_ATTR_MALLOC __attribute__((__malloc__))
#endif
#define GC_ATTR_ALLOC_SIZE(n) __attribute__((__alloc_size__(n)))
#define GC_ATTR_CALLOC_SIZE(n, m) __attribute__((__alloc_size__(n, m)))
#ifndef GC_ATTR_NONNULL
#define GC_ATTR_NONNULL(n) __attribute__((__nonnull__(n)))
#endif
#define GC_ATTR_CONST __attribute__((__const__))
#define GC_ATTR_DEPRECATED

#define GC_HAVE_BUILTIN_BACKTRACE
#define GC_RETURN_ADDR (GC_word) __builtin_return_address(0)

#ifdef __cplusplus
#if __cplusplus >= 201103L
#define GC_ATTR_EXPLICIT explicit
#define GC_NOEXCEPT noexcept
#else
#define GC_ATTR_EXPLICIT
#define GC_NOEXCEPT throw()
#endif
#endif

#endif
