/* SPDX-License-Identifier: MIT */
/*
 * front/real.h - the functions behind those that we interpose.
 *
 *   CGC_REAL(poll)                       at file scope: a place to keep it
 *   CGC_CALL_REAL(poll)(fds, n, ms)      glibc's poll, or that of the next
 *                                        library that interposes it
 *
 * Each is looked up at its first use: all of them at the start would cost
 * every program, and most use none.  One that this libc does not have fails
 * with ENOSYS.
 *
 * Who comes in: front/wait, front/watch.  Locks: none (ld.so's own).
 */
#ifndef CGC_FRONT_REAL_H
#define CGC_FRONT_REAL_H

#include "base/base.h"

struct cgc_real {
  const char *name;
  _Atomic(void *) fn;
};

/** Look the function up; errno is kept. */
CGC_COLD void *cgc_real_find(struct cgc_real *real);

CGC_INLINE void *cgc_real(struct cgc_real *real) {
  void *fn = atomic_load_explicit(&real->fn, memory_order_relaxed);
  return cgc_likely(fn != NULL) ? fn : cgc_real_find(real);
}

#define CGC_REAL(function)                                                     \
  static struct cgc_real real_##function = {.name = #function};
#define CGC_CALL_REAL(function)                                                \
  ((__typeof__(&function))cgc_real(&real_##function))

#endif
