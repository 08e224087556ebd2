/* SPDX-License-Identifier: MIT */
#include "os/page.h"

#include "base/lock.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* In <linux/prctl.h> and <sys/mman.h> of newer systems. */
enum { SET_VMA = 0x53564d41, SET_VMA_ANON_NAME = 0 };

struct range {
  uintptr_t lo;
  uintptr_t hi;
};

/* A change of the table adds at most this many ranges to it. */
enum { SPARE = 2, FIRST_CAPACITY = CGC_OS_PAGE / sizeof(struct range) };

static struct {
  struct cgc_lock lock;
  struct range *all; /* guard: lock */
  size_t n;          /* guard: lock */
  size_t capacity;   /* guard: lock */
} own = {.lock = CGC_LOCK_INIT(CGC_RANK_PAGE)};

const void *const cgc_page_view[2] = {&own.all, &own.n};

void cgc_page_init(void) { cgc_lock_register(&own.lock); }

/* ---- the system ---------------------------------------------------------- */

/* AT: the address wished for, or NULL; out: the mapping's, NULL on failure. */
static int sys_map(void **at, size_t bytes, int prot, int flags) {
  int saved = errno;
  void *p = mmap(*at, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  int err = p == MAP_FAILED ? -errno : 0;
  *at = err ? NULL : p;
  errno = saved;
  return err;
}

static bool sys_unmap(void *addr, size_t bytes) {
  int saved = errno;
  bool done = munmap(addr, bytes) == 0;
  errno = saved;
  return done;
}

static void sys_advise(void *addr, size_t bytes, int advice) {
  int saved = errno;
  madvise(addr, bytes, advice);
  errno = saved;
}

/* ---- the table ----------------------------------------------------------- */

/* Index of the first range that ends behind ADDR. */
static size_t first_ending_after(uintptr_t addr) {
  size_t lo = 0, hi = own.n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (own.all[mid].hi > addr)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

/* Put NWITH ranges in the place of N from index I on. */
static void replace_locked(size_t i, size_t n, const struct range *with,
                           size_t nwith) {
  memmove(own.all + i + nwith, own.all + i + n,
          (own.n - i - n) * sizeof *own.all);
  memcpy(own.all + i, with, nwith * sizeof *with);
  own.n += nwith - n;
}

static void note_locked(uintptr_t lo, uintptr_t hi) {
  struct range merged = {lo, hi};
  size_t i = first_ending_after(lo - 1); /* a range that ends at LO too */
  size_t n = 0;
  for (; i + n < own.n && own.all[i + n].lo <= hi; n++) {
    merged.lo = own.all[i + n].lo < merged.lo ? own.all[i + n].lo : merged.lo;
    merged.hi = own.all[i + n].hi > merged.hi ? own.all[i + n].hi : merged.hi;
  }
  replace_locked(i, n, &merged, 1);
}

static void forget_locked(uintptr_t lo, uintptr_t hi) {
  size_t i = first_ending_after(lo);
  struct range left[2];
  size_t n = 0, nleft = 0;
  for (; i + n < own.n && own.all[i + n].lo < hi; n++) {
    struct range r = own.all[i + n];
    if (r.lo < lo)
      left[nleft++] = (struct range){r.lo, lo};
    if (r.hi > hi)
      left[nleft++] = (struct range){hi, r.hi};
  }
  replace_locked(i, n, left, nleft);
}

static bool grow_locked(void) {
  size_t capacity = own.capacity ? own.capacity * 2 : FIRST_CAPACITY;
  size_t old_bytes = own.capacity * sizeof *own.all;
  size_t bytes = capacity * sizeof *own.all;
  void *at = NULL;
  if (sys_map(&at, bytes, PROT_READ | PROT_WRITE, 0) != 0)
    return false;
  struct range *fresh = at, *old = own.all;
  if (own.n)
    memcpy(fresh, old, own.n * sizeof *fresh);
  own.all = fresh;
  own.capacity = capacity;
  note_locked((uintptr_t)fresh, (uintptr_t)fresh + bytes);
  if (old_bytes) {
    forget_locked((uintptr_t)old, (uintptr_t)old + old_bytes);
    sys_unmap(old, old_bytes);
  }
  return true;
}

/* With room in the table, a mapping made can always be noted. */
static bool make_room_locked(void) {
  return own.n + 2 * SPARE <= own.capacity || grow_locked();
}

static int map_noted(void **at, size_t bytes, int prot, int flags) {
  int err = -ENOMEM;
  cgc_lock(&own.lock);
  if (make_room_locked())
    err = sys_map(at, bytes, prot, flags);
  if (!err)
    note_locked((uintptr_t)*at, (uintptr_t)*at + bytes);
  cgc_unlock(&own.lock);
  return err;
}

/*
 * What is unmapped may be the program's a moment later, so it must not stay in
 * the table: without room to split a range the addresses are kept.
 */
static bool unmap_noted(uintptr_t lo, uintptr_t hi) {
  if (lo >= hi)
    return true;
  cgc_lock(&own.lock);
  bool done = make_room_locked() && sys_unmap((void *)lo, hi - lo);
  if (done)
    forget_locked(lo, hi);
  else
    sys_advise((void *)lo, hi - lo, MADV_DONTNEED);
  cgc_unlock(&own.lock);
  return done;
}

/* ---- the contract -------------------------------------------------------- */

static void *reserve(size_t bytes, size_t align) {
  const int flags = MAP_NORESERVE;
  void *p = NULL;
  if (map_noted(&p, bytes, PROT_NONE, flags) != 0)
    return NULL;
  if ((uintptr_t)p % align == 0)
    return p;
  cgc_page_unmap(p, bytes);
  size_t padded;
  p = NULL;
  if (__builtin_add_overflow(bytes, align, &padded) ||
      map_noted(&p, padded, PROT_NONE, flags) != 0)
    return NULL;
  uintptr_t lo = cgc_round_up((uintptr_t)p, align);
  unmap_noted((uintptr_t)p, lo);
  unmap_noted(lo + bytes, (uintptr_t)p + padded);
  return (void *)lo;
}

/* gcore writes what no access may touch as zeroes: a terabyte of them. */
void *cgc_page_reserve(size_t bytes, size_t align) {
  cgc_assert(bytes % CGC_OS_PAGE == 0 && align % CGC_OS_PAGE == 0);
  void *p = reserve(bytes, align);
  if (p)
    sys_advise(p, bytes, MADV_DONTDUMP);
  return p;
}

bool cgc_page_commit(void *addr, size_t bytes) {
  int saved = errno;
  bool ok = mprotect(addr, bytes, PROT_READ | PROT_WRITE) == 0;
  errno = saved;
  sys_advise(addr, bytes, MADV_DODUMP);
  return ok;
}

int cgc_page_claim(void *addr, size_t bytes) {
  void *p = addr;
  int err = map_noted(&p, bytes, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
  if (err || p == addr)
    return err;
  cgc_page_unmap(p, bytes); /* before Linux 4.17 the address is a wish */
  return -EEXIST;
}

/* Locked pages (mlockall) stay where they are.  A bare thread may call it. */
void cgc_page_discard(void *addr, size_t bytes) {
  if (cgc_syscall(SYS_madvise, (long)addr, (long)bytes, MADV_DONTNEED, 0, 0,
                  0) == -EINVAL)
    memset(addr, 0, bytes);
}

void *cgc_page_map(size_t bytes) {
  bytes = cgc_round_up(bytes, CGC_OS_PAGE);
  void *p = NULL;
  if (bytes)
    map_noted(&p, bytes, PROT_READ | PROT_WRITE, 0);
  return p;
}

bool cgc_page_unmap(void *addr, size_t bytes) {
  return unmap_noted((uintptr_t)addr,
                     (uintptr_t)addr + cgc_round_up(bytes, CGC_OS_PAGE));
}

void *cgc_page_grow(void *array, size_t *capacity, size_t size, size_t first) {
  size_t more = *capacity ? *capacity * 2 : first;
  void *fresh = cgc_page_map(more * size);
  if (!fresh)
    return NULL;
  if (array) {
    memcpy(fresh, array, *capacity * size);
    cgc_page_unmap(array, *capacity * size);
  }
  *capacity = more;
  return fresh;
}

bool cgc_page_adopt(void *addr, size_t bytes) {
  uintptr_t lo = cgc_round_up((uintptr_t)addr, CGC_OS_PAGE);
  uintptr_t hi = cgc_round_down((uintptr_t)addr + bytes, CGC_OS_PAGE);
  cgc_lock(&own.lock);
  bool ok = make_room_locked();
  if (ok && lo < hi)
    note_locked(lo, hi);
  cgc_unlock(&own.lock);
  return ok;
}

void cgc_page_hugepages(void *addr, size_t bytes, bool on) {
  sys_advise(addr, bytes, on ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

void cgc_page_name(void *addr, size_t bytes, const char *name) {
  int saved = errno;
  prctl(SET_VMA, SET_VMA_ANON_NAME, addr, bytes, name);
  errno = saved;
}

bool cgc_page_is_own(uintptr_t lo, uintptr_t hi, uintptr_t *own_lo,
                     uintptr_t *own_hi) {
  cgc_lock(&own.lock);
  size_t i = first_ending_after(lo);
  bool found = i < own.n && own.all[i].lo < hi;
  if (found) {
    *own_lo = own.all[i].lo;
    *own_hi = own.all[i].hi;
  }
  cgc_unlock(&own.lock);
  return found;
}

void cgc_page_check(void) {
  cgc_lock(&own.lock);
  for (size_t i = 0; i < own.n; i++) {
    cgc_check(own.all[i].lo < own.all[i].hi);               /* I1 */
    cgc_check(i == 0 || own.all[i - 1].hi < own.all[i].lo); /* I1 */
  }
  size_t i = first_ending_after((uintptr_t)own.all);
  cgc_check(own.n == 0 || own.all[i].lo <= (uintptr_t)own.all); /* I2 */
  cgc_unlock(&own.lock);
}
