/* SPDX-License-Identifier: MIT */
#include "os/dirty.h"

#include "os/page.h"
#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Headers before Linux 6.7 lack it. */
#define FEATURE_WP_ASYNC (1ull << 15)

enum {
  CANDIDATES = 128,       /* pages asked about again at once */
  GAP = 32 << 10,         /* bytes between two that are asked about together */
  GAP_ARMING = 1024 << 10 /* the same where they are armed */
};

/* Where programs do not look for descriptors: none counts on such a number. */
static const int high[] = {1000, 200, 20};

static long raw(long n, long a, long b, long c) {
  return cgc_thread_syscall(n, a, b, c, 0, 0, 0);
}

/* ---- Descriptors ------------------------------------------------------ */

static bool identify(int fd, uint64_t *device, uint64_t *inode) {
  struct stat st;
  if (raw(SYS_fstat, fd, (long)&st, 0) < 0)
    return false;
  *device = st.st_dev;
  *inode = st.st_ino;
  return true;
}

static int keep(struct cgc_dirty_fd *kept, int fd) {
  long up = -EINVAL;
  for (size_t i = 0; i < sizeof high / sizeof *high && up < 0; i++)
    up = raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, high[i]);
  if (up >= 0)
    raw(SYS_close, fd, 0, 0);
  kept->fd = up >= 0 ? (int)up : fd;
  return identify(kept->fd, &kept->device, &kept->inode) ? 0 : -EBADF;
}

static bool is_ours(const struct cgc_dirty_fd *kept) {
  uint64_t device, inode;
  return identify(kept->fd, &device, &inode) && device == kept->device &&
         inode == kept->inode;
}

static void let_go(struct cgc_dirty_fd *kept) {
  if (is_ours(kept))
    raw(SYS_close, kept->fd, 0, 0);
  *kept = (struct cgc_dirty_fd){.fd = -1};
}

/* ---- The calls -------------------------------------------------------- */

/* Without privilege the kernel allows it for faults of user mode alone. */
static int open_uffd(void) {
  long fd = raw(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY, 0, 0);
  if (fd == -EINVAL)
    fd = raw(SYS_userfaultfd, O_CLOEXEC, 0, 0);
  return (int)fd;
}

static int ask_for_async(int fd) {
  struct uffdio_api api = {.api = UFFD_API, .features = FEATURE_WP_ASYNC};
  return (int)raw(SYS_ioctl, fd, (long)UFFDIO_API, (long)&api);
}

static int open_all(struct cgc_dirty *dirty) {
  int fd = open_uffd();
  if (fd < 0)
    return fd;
  int err = keep(&dirty->uffd, fd);
  if (!err)
    err = ask_for_async(dirty->uffd.fd);
  if (err)
    return err;
  fd = cgc_pagemap_open();
  return fd < 0 ? fd : keep(&dirty->pagemap, fd);
}

/* ---- The search ------------------------------------------------------- */

struct search {
  struct cgc_dirty *dirty;
  uint64_t flags;
  size_t max; /* pages still wanted; SIZE_MAX: all */
  cgc_pagemap_fn fn;
  void *ctx;
};

static void pass_on(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct search *s = ctx;
  size_t npages = (hi - lo) / CGC_OS_PAGE;
  s->max -= s->max == SIZE_MAX ? 0 : cgc_min(s->max, npages);
  if (s->fn)
    s->fn(lo, hi, s->ctx);
}

/*
 * Never without MUST_TRACK: a page of a range that is not tracked would be
 * passed over as if it were clean.  Pages that are not there are not asked
 * for, or the kernel would make page tables for them; one that comes later
 * counts as written.
 */
static int find(struct search *s, uintptr_t lo, uintptr_t hi, uintptr_t *at) {
  const struct cgc_pagemap_query query = {
      .all = CGC_PAGEMAP_WRITTEN,
      .any = CGC_PAGEMAP_PRESENT | CGC_PAGEMAP_SWAPPED,
      .flags = s->flags | CGC_PAGEMAP_MUST_TRACK,
      .max = s->max == SIZE_MAX ? 0 : s->max};
  return cgc_pagemap_scan(s->dirty->pagemap.fd, lo, hi, &query,
                          s->fn ? pass_on : NULL, s, at);
}

/* Runs of pages that may have been written, with what stands in small gaps. */
struct candidates {
  size_t gap, n;
  struct {
    uintptr_t lo, hi;
  } run[CANDIDATES];
};

static void note_candidate(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct candidates *c = ctx;
  if (c->n == 0 || lo - c->run[c->n - 1].hi > c->gap)
    c->run[c->n++].lo = lo;
  c->run[c->n - 1].hi = hi;
}

/*
 * Most pages are clean, and for just this question, of pages that are there or
 * not, the kernel has a loop of its own: 1 ns a page in place of 2.6.  What
 * stands between two candidates is asked for with them if that takes less than
 * a call, which where it arms a page interrupts the processors that the program
 * runs on, for 3 us and more.
 */
static int find_candidates(const struct search *s, struct candidates *c,
                           uintptr_t lo, uintptr_t hi, uintptr_t *at) {
  const struct cgc_pagemap_query query = {.all = CGC_PAGEMAP_WRITTEN,
                                          .flags = CGC_PAGEMAP_MUST_TRACK,
                                          .max = CANDIDATES};
  c->gap = s->flags & CGC_PAGEMAP_PROTECT ? GAP_ARMING : GAP;
  c->n = 0;
  return cgc_pagemap_scan(s->dirty->pagemap.fd, lo, hi, &query, note_candidate,
                          c, at);
}

/* at  out: all below was searched */
static int search(struct search *s, uintptr_t lo, uintptr_t hi, uintptr_t *at) {
  struct candidates c;
  uintptr_t next = lo;
  for (*at = lo; *at < hi; *at = next) {
    int err = find_candidates(s, &c, *at, hi, &next);
    for (size_t i = 0; i < c.n && !err && s->max > 0; i++)
      err = find(s, c.run[i].lo, c.run[i].hi, at);
    if (err || s->max == 0)
      return err;
  }
  return 0;
}

/* ---- Does it work? ---------------------------------------------------- */

static void count_pages(uintptr_t lo, uintptr_t hi, void *ctx) {
  *(size_t *)ctx += (hi - lo) / CGC_OS_PAGE;
}

static size_t take_all(struct cgc_dirty *dirty, uintptr_t lo, size_t pages) {
  size_t n = 0;
  cgc_dirty_take(dirty, lo, lo + pages * CGC_OS_PAGE, 0, count_pages, &n);
  return n;
}

/* Two pages: both written, then none, then the second. */
static bool try_out(struct cgc_dirty *dirty, volatile char *page) {
  uintptr_t lo = (uintptr_t)page;
  page[0] = page[CGC_OS_PAGE] = 1;
  if (cgc_dirty_track(dirty, lo, lo + 2 * CGC_OS_PAGE) != 0)
    return false;
  bool both = take_all(dirty, lo, 2) == 2;
  bool none = take_all(dirty, lo, 2) == 0;
  page[CGC_OS_PAGE] = 2;
  return both && none && take_all(dirty, lo, 2) == 1 && dirty->nlost == 0;
}

static int self_test(struct cgc_dirty *dirty) {
  char *page = cgc_page_map(2 * CGC_OS_PAGE);
  if (!page)
    return -ENOMEM;
  bool works = try_out(dirty, page);
  cgc_page_unmap(page, 2 * CGC_OS_PAGE);
  return works ? 0 : -ENOSYS;
}

/* ---- The contract ----------------------------------------------------- */

int cgc_dirty_open(struct cgc_dirty *dirty) {
  *dirty = (struct cgc_dirty){
      .provider = CGC_DIRTY_UFFD, .uffd = {.fd = -1}, .pagemap = {.fd = -1}};
  int err = open_all(dirty);
  if (!err)
    err = self_test(dirty);
  if (err)
    cgc_dirty_close(dirty);
  return err;
}

void cgc_dirty_close(struct cgc_dirty *dirty) {
  if (dirty->provider == CGC_DIRTY_NONE)
    return;
  let_go(&dirty->uffd);
  let_go(&dirty->pagemap);
  dirty->provider = CGC_DIRTY_NONE;
}

int cgc_dirty_track(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi) {
  struct uffdio_register range = {.range = {.start = lo, .len = hi - lo},
                                  .mode = UFFDIO_REGISTER_MODE_WP};
  if (dirty->provider == CGC_DIRTY_NONE)
    return -ENOSYS;
  return (int)raw(SYS_ioctl, dirty->uffd.fd, (long)UFFDIO_REGISTER,
                  (long)&range);
}

/* What is not known counts as written; from now on it is tracked again. */
static void give_all(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                     cgc_pagemap_fn fn, void *ctx) {
  dirty->nlost++;
  cgc_dirty_track(dirty, lo, hi);
  if (fn)
    fn(lo, hi, ctx);
}

static uintptr_t ask(struct search *s, uintptr_t lo, uintptr_t hi) {
  uintptr_t at = lo;
  if (lo >= hi)
    return lo;
  if (s->dirty->provider != CGC_DIRTY_NONE &&
      (s->fn ? search : find)(s, lo, hi, &at) == 0)
    return at;
  give_all(s->dirty, at, hi, s->fn, s->ctx);
  return hi;
}

uintptr_t cgc_dirty_take(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                         size_t max, cgc_pagemap_fn fn, void *ctx) {
  struct search s = {dirty, CGC_PAGEMAP_PROTECT, max ? max : SIZE_MAX, fn, ctx};
  return ask(&s, lo, hi);
}

void cgc_dirty_forget(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi) {
  struct uffdio_writeprotect range = {.range = {.start = lo, .len = hi - lo}};
  if (lo < hi && dirty->provider != CGC_DIRTY_NONE)
    raw(SYS_ioctl, dirty->uffd.fd, (long)UFFDIO_WRITEPROTECT, (long)&range);
}

uintptr_t cgc_dirty_look(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                         size_t max, cgc_pagemap_fn fn, void *ctx) {
  struct search s = {dirty, 0, max ? max : SIZE_MAX, fn, ctx};
  return ask(&s, lo, hi);
}
