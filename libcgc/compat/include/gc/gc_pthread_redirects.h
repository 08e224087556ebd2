/* SPDX-License-Identifier: MIT */
/*
 * Functions that stand in for those of <pthread.h> and <dlfcn.h>; a source
 * that defines GC_THREADS before gc.h calls them by the usual names.  Threads
 * are found by themselves, so a program that calls the real ones loses nothing.
 *
 *   GC_NO_THREAD_REDIRECTS   keep the usual names as they are
 *   GC_NO_PTHREAD_SIGMASK, GC_NO_PTHREAD_CANCEL, GC_NO_DLOPEN   this one
 */
#ifndef GC_PTHREAD_REDIRECTS_H
#define GC_PTHREAD_REDIRECTS_H

#if defined(GC_H) && defined(GC_PTHREADS)

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As those without the prefix. */
GC_API void *GC_dlopen(const char *path, int mode);
GC_API int GC_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
GC_API int GC_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                             void *(*start)(void *), void *arg);
GC_API int GC_pthread_join(pthread_t thread, void **result);
GC_API int GC_pthread_detach(pthread_t thread);
GC_API int GC_pthread_cancel(pthread_t thread);
GC_API void GC_pthread_exit(void *result) __attribute__((__noreturn__));

#ifdef __cplusplus
}
#endif

#ifndef GC_NO_THREAD_REDIRECTS
#undef pthread_create
#undef pthread_join
#undef pthread_detach
#define pthread_create GC_pthread_create
#define pthread_join GC_pthread_join
#define pthread_detach GC_pthread_detach
#ifndef GC_NO_PTHREAD_SIGMASK
#undef pthread_sigmask
#define pthread_sigmask GC_pthread_sigmask
#endif
#ifndef GC_NO_DLOPEN
#undef dlopen
#define dlopen GC_dlopen
#endif
#ifndef GC_NO_PTHREAD_CANCEL
#undef pthread_cancel
#define pthread_cancel GC_pthread_cancel
#endif
#undef pthread_exit
#define pthread_exit GC_pthread_exit
#endif

#endif
#endif
