/* SPDX-License-Identifier: MIT */
#include "os/pagemap.h"

#include "os/page.h"
#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

enum { NREGIONS = 128 };

/* The kernel's interface; headers before Linux 6.7 lack it. */
struct region {
  uint64_t start, end, categories;
};
struct scan_arg {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

static long raw(long n, long a, long b, long c, long d) {
  return cgc_thread_syscall(n, a, b, c, d, 0, 0);
}

/* /proc/self shows nothing once the main thread has finished. */
int cgc_pagemap_open(void) {
  const int flags = O_RDONLY | O_CLOEXEC;
  long fd =
      raw(SYS_openat, AT_FDCWD, (long)"/proc/thread-self/pagemap", flags, 0);
  if (fd < 0)
    fd = raw(SYS_openat, AT_FDCWD, (long)"/proc/self/pagemap", flags, 0);
  return (int)fd;
}

void cgc_pagemap_close(int fd) { raw(SYS_close, fd, 0, 0, 0); }

void cgc_pagemap_run_flush(struct cgc_pagemap_run *run) {
  if (run->lo < run->hi)
    run->fn(run->lo, run->hi, run->ctx);
  run->lo = run->hi = 0;
}

void cgc_pagemap_run_add(struct cgc_pagemap_run *run, uintptr_t lo,
                         uintptr_t hi) {
  if (lo != run->hi) {
    cgc_pagemap_run_flush(run);
    run->lo = lo;
  }
  run->hi = hi;
}

static struct scan_arg argument(uintptr_t lo, uintptr_t hi,
                                const struct cgc_pagemap_query *q) {
  return (struct scan_arg){.size = sizeof(struct scan_arg),
                           .flags = q->flags,
                           .start = lo,
                           .end = hi,
                           .max_pages = q->max,
                           .category_inverted = q->none,
                           .category_mask = q->all | q->none,
                           .category_anyof_mask = q->any,
                           .return_mask = q->all};
}

/* returns  pages in REGIONS, of which there are N */
static uint64_t give(struct cgc_pagemap_run *run, const struct region *regions,
                     long n) {
  uint64_t npages = 0;
  for (long i = 0; i < n; i++) {
    cgc_pagemap_run_add(run, regions[i].start, regions[i].end);
    npages += (regions[i].end - regions[i].start) / CGC_OS_PAGE;
  }
  return npages;
}

int cgc_pagemap_scan(int fd, uintptr_t lo, uintptr_t hi,
                     const struct cgc_pagemap_query *query, cgc_pagemap_fn fn,
                     void *ctx, uintptr_t *at) {
  struct region regions[NREGIONS];
  struct cgc_pagemap_run run = {.fn = fn, .ctx = ctx};
  struct scan_arg arg = argument(lo, hi, query);
  long n = 0;
  bool enough = false;
  arg.vec = fn ? (uint64_t)(uintptr_t)regions : 0;
  arg.vec_len = fn ? NREGIONS : 0;
  while (arg.start < hi && !enough) {
    n = raw(SYS_ioctl, fd, (long)SCAN_IOCTL, (long)&arg, 0);
    if (n == -EINTR)
      continue;
    uint64_t npages = fn ? give(&run, regions, n) : 0;
    if (n < 0 || arg.walk_end <= arg.start)
      break;
    arg.start = arg.walk_end;
    enough = query->max && npages == arg.max_pages;
    arg.max_pages -= query->max ? npages : 0;
  }
  if (fn)
    cgc_pagemap_run_flush(&run);
  *at = arg.start;
  return n < 0 ? (int)n : 0;
}
