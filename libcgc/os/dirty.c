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

/*
 * Never without MUST_TRACK: a page of a range that is not tracked would be
 * passed over as if it were clean.  Pages that are not there are not asked
 * for, or the kernel would make page tables for them; one that comes later
 * counts as written.
 */
static int scan(const struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                bool protect, cgc_pagemap_fn fn, void *ctx, uintptr_t *at) {
  const struct cgc_pagemap_query query = {
      .all = CGC_PAGEMAP_WRITTEN,
      .any = CGC_PAGEMAP_PRESENT | CGC_PAGEMAP_SWAPPED,
      .flags = CGC_PAGEMAP_MUST_TRACK | (protect ? CGC_PAGEMAP_PROTECT : 0)};
  return cgc_pagemap_scan(dirty->pagemap.fd, lo, hi, &query, fn, ctx, at);
}

/* ---- Does it work? ---------------------------------------------------- */

static void count_pages(uintptr_t lo, uintptr_t hi, void *ctx) {
  *(size_t *)ctx += (hi - lo) / CGC_OS_PAGE;
}

static size_t take_all(struct cgc_dirty *dirty, uintptr_t lo, size_t pages) {
  size_t n = 0;
  cgc_dirty_take(dirty, lo, lo + pages * CGC_OS_PAGE, count_pages, &n);
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

static void ask(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                bool protect, cgc_pagemap_fn fn, void *ctx) {
  uintptr_t at = lo;
  if (lo >= hi)
    return;
  if (dirty->provider == CGC_DIRTY_NONE ||
      scan(dirty, lo, hi, protect, fn, ctx, &at) != 0)
    give_all(dirty, at, hi, fn, ctx);
}

void cgc_dirty_take(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                    cgc_pagemap_fn fn, void *ctx) {
  ask(dirty, lo, hi, true, fn, ctx);
}

void cgc_dirty_look(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                    cgc_pagemap_fn fn, void *ctx) {
  ask(dirty, lo, hi, false, fn, ctx);
}
