/* SPDX-License-Identifier: MIT */
#include "front/real.h"

#include <dlfcn.h>
#include <errno.h>

static int no_such_function(void) {
  errno = ENOSYS;
  return -1;
}

void *cgc_real_find(struct cgc_real *real) {
  int saved = errno;
  void *fn = dlsym(RTLD_NEXT, real->name);
  if (!fn)
    fn = (void *)no_such_function;
  atomic_store_explicit(&real->fn, fn, memory_order_relaxed);
  errno = saved;
  return fn;
}
