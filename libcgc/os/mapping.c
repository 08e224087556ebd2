/* SPDX-License-Identifier: MIT */
#include "os/mapping.h"

#include "os/page.h"
#include "os/pagemap.h"
#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>

enum { TEXT_SIZE = 32 << 10, FIRST_CAPACITY = 256 };

/* No errno, no cancellation point. */
static long raw(long n, long a, long b, long c, long d) {
  return cgc_thread_syscall(n, a, b, c, d, 0, 0);
}

/* ---- one line ------------------------------------------------------------ */

static bool parse_hex(const char **p, const char *end, uintptr_t *n) {
  const char *start = *p;
  for (*n = 0; *p < end; ++*p) {
    char c = **p;
    if (c >= '0' && c <= '9')
      *n = *n << 4 | (uintptr_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
      *n = *n << 4 | (uintptr_t)(c - 'a' + 10);
    else
      break;
  }
  return *p > start;
}

static bool skip_field(const char **p, const char *end) {
  while (*p < end && **p != ' ')
    ++*p;
  while (*p < end && **p == ' ')
    ++*p;
  return true;
}

struct name_kind {
  const char *prefix;
  enum cgc_mapping_kind kind;
};

/* The first prefix that fits decides. */
static const struct name_kind kinds[] = {
    {"[heap]", CGC_MAPPING_HEAP},
    {"[stack]", CGC_MAPPING_STACK},
    {"[stack:", CGC_MAPPING_ANON}, /* a thread's, before Linux 4.5 */
    {"[anon:", CGC_MAPPING_ANON},
    {"[anon_shmem:", CGC_MAPPING_SHM},
    {"[", CGC_MAPPING_SPECIAL},
    {"/memfd:", CGC_MAPPING_SHM},
    {"/SYSV", CGC_MAPPING_SHM},
    {"/anon_hugepage", CGC_MAPPING_SHM},
    {"/dev/shm/", CGC_MAPPING_SHM},
    {"/dev/zero", CGC_MAPPING_SHM},
    {"/dev/hugepages/", CGC_MAPPING_SHM},
    /* The rings are plain memory and hold user_data, which may be the only
       copy of a pointer. */
    {"anon_inode:[io_uring]", CGC_MAPPING_SHM},
    {"/dev/", CGC_MAPPING_DEVICE},
    {"/proc/", CGC_MAPPING_DEVICE},
    {"/sys/", CGC_MAPPING_DEVICE},
    {"/", CGC_MAPPING_FILE},
    {"", CGC_MAPPING_DEVICE}, /* anon_inode:, socket: and the like */
};

static enum cgc_mapping_kind kind_of(const char *name, size_t len) {
  if (len == 0)
    return CGC_MAPPING_ANON;
  const struct name_kind *k = kinds;
  for (;; k++) {
    size_t n = strlen(k->prefix);
    if (n <= len && memcmp(k->prefix, name, n) == 0)
      return k->kind;
  }
}

static uint8_t prot_of(const char *flags) {
  return (uint8_t)((flags[0] == 'r' ? CGC_MAPPING_READ : 0) |
                   (flags[1] == 'w' ? CGC_MAPPING_WRITE : 0) |
                   (flags[2] == 'x' ? CGC_MAPPING_EXEC : 0));
}

/* lo-hi rwxp offset major:minor inode   name */
bool cgc_mapping_parse(const char *line, size_t len, struct cgc_mapping *m) {
  const char *p = line, *end = line + len;
  if (!parse_hex(&p, end, &m->lo) || p == end || *p++ != '-' ||
      !parse_hex(&p, end, &m->hi) || end - p < 6 || *p++ != ' ')
    return false;
  m->prot = prot_of(p);
  m->shared = p[3] == 's';
  for (int field = 0; field < 4; field++)
    skip_field(&p, end);
  m->kind = (uint8_t)kind_of(p, (size_t)(end - p));
  return m->lo < m->hi;
}

/* ---- the file ------------------------------------------------------------ */

static bool grow(struct cgc_mappings *ms) {
  struct cgc_mapping *fresh =
      cgc_page_grow(ms->all, &ms->capacity, sizeof *fresh, FIRST_CAPACITY);
  if (fresh)
    ms->all = fresh;
  return fresh;
}

static bool add_line(struct cgc_mappings *ms, const char *line, size_t len) {
  if (ms->n == ms->capacity && !grow(ms))
    return false;
  if (cgc_mapping_parse(line, len, &ms->all[ms->n]))
    ms->n++;
  return true;
}

/*
 * Take the whole lines of LEN bytes; the rest of the last one stays at the
 * beginning of the text.  A line that fills it all is taken cut short: what
 * counts stands in front.
 */
static bool take_lines(struct cgc_mappings *ms, size_t *len) {
  const char *at = ms->text, *end = ms->text + *len, *eol;
  for (; (eol = memchr(at, '\n', (size_t)(end - at))); at = eol + 1)
    if (!add_line(ms, at, (size_t)(eol - at)))
      return false;
  if (at == ms->text && *len == TEXT_SIZE) {
    *len = 0;
    return add_line(ms, at, TEXT_SIZE);
  }
  *len = (size_t)(end - at);
  memmove(ms->text, at, *len);
  return true;
}

/* All of the file is in text: mostly it is what it was the last time. */
static bool take_whole(struct cgc_mappings *ms, size_t len) {
  if (len == ms->last_len && memcmp(ms->text, ms->last, len) == 0)
    return true;
  size_t rest = len;
  ms->last_len = 0;
  ms->n = 0;
  memcpy(ms->last, ms->text, len);
  if (!take_lines(ms, &rest))
    return false;
  ms->last_len = len;
  return true;
}

/* The text is full, and there is more. */
static bool take_part(struct cgc_mappings *ms, size_t *len, bool first) {
  ms->last_len = 0;
  if (first)
    ms->n = 0;
  return take_lines(ms, len);
}

static int read_lines(struct cgc_mappings *ms, int fd) {
  size_t len = 0;
  bool whole = true, ok = true;
  long n = 0;
  while (ok && (n = raw(SYS_read, fd, (long)ms->text + (long)len,
                        TEXT_SIZE - (long)len, 0)) != 0) {
    if (n > 0)
      len += (size_t)n;
    else if (n != -EINTR)
      return (int)n;
    if (len == TEXT_SIZE) {
      ok = take_part(ms, &len, whole);
      whole = false;
    }
  }
  if (ok)
    ok = whole ? take_whole(ms, len) : take_lines(ms, &len);
  return ok ? 0 : -ENOMEM;
}

static int open_proc(const char *of_thread, const char *of_process) {
  const int flags = O_RDONLY | O_CLOEXEC;
  long fd = raw(SYS_openat, AT_FDCWD, (long)of_thread, flags, 0);
  if (fd < 0)
    fd = raw(SYS_openat, AT_FDCWD, (long)of_process, flags, 0);
  return (int)fd;
}

static void close_proc(int fd) { raw(SYS_close, fd, 0, 0, 0); }

static int read_all(struct cgc_mappings *ms) {
  int fd = open_proc("/proc/thread-self/maps", "/proc/self/maps");
  if (fd < 0)
    return fd;
  int err = read_lines(ms, fd);
  close_proc(fd);
  return err == 0 && ms->n == 0 ? -ENODATA : err;
}

int cgc_mapping_read(struct cgc_mappings *ms) {
  if (!ms->text && !(ms->text = cgc_page_map(2 * TEXT_SIZE)))
    return -ENOMEM;
  ms->last = ms->text + TEXT_SIZE;
  return read_all(ms);
}

const struct cgc_mapping *cgc_mapping_find(const struct cgc_mappings *ms,
                                           uintptr_t addr) {
  size_t lo = 0, hi = ms->n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (ms->all[mid].hi > addr)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo < ms->n && ms->all[lo].lo <= addr ? &ms->all[lo] : NULL;
}

const struct cgc_mapping *cgc_mapping_below(const struct cgc_mappings *ms,
                                            const struct cgc_mapping *m) {
  return m > ms->all && m[-1].hi == m->lo ? m - 1 : NULL;
}

/* ---- pages: PAGEMAP_SCAN ------------------------------------------------- */

enum { NENTRIES = 512, NCORE = 4096 };

static int scan(const struct cgc_residency *r, uintptr_t lo, uintptr_t hi,
                enum cgc_mapping_pages which, cgc_mapping_fn fn, void *ctx) {
  const struct cgc_pagemap_query query = {
      .none = CGC_PAGEMAP_ZERO_PAGE | (r->has_guards ? CGC_PAGEMAP_GUARD : 0) |
              (which == CGC_MAPPING_COPIED ? CGC_PAGEMAP_FILE : 0),
      .any = CGC_PAGEMAP_PRESENT | CGC_PAGEMAP_SWAPPED};
  uintptr_t at;
  return cgc_pagemap_scan(r->fd, lo, hi, &query, fn, ctx, &at);
}

/* ---- pages: the entries of pagemap --------------------------------------- */

static bool entry_wanted(uint64_t entry, enum cgc_mapping_pages which) {
  bool there = (entry & 3ull << 62) != 0;
  bool guard = (entry & 1ull << 58) != 0;
  bool of_file = (entry & 1ull << 61) != 0;
  return there && !guard && !(which == CGC_MAPPING_COPIED && of_file);
}

static bool by_entries(struct cgc_residency *r, uintptr_t lo, uintptr_t hi,
                       enum cgc_mapping_pages which,
                       struct cgc_pagemap_run *run) {
  uint64_t entry[NENTRIES];
  while (lo < hi) {
    size_t want = cgc_min(NENTRIES, (hi - lo) / CGC_OS_PAGE);
    long got = raw(SYS_pread64, r->fd, (long)entry, (long)want * 8,
                   (long)(lo / CGC_OS_PAGE * 8));
    if (got == -EINTR)
      continue;
    if (got < 8)
      return false;
    for (size_t i = 0; i < (size_t)got / 8; i++, lo += CGC_OS_PAGE)
      if (entry_wanted(entry[i], which))
        cgc_pagemap_run_add(run, lo, lo + CGC_OS_PAGE);
  }
  return true;
}

/* ---- pages: mincore, and the last resort --------------------------------- */

/* Reads as the kernel does, so that a bad page is an error and no signal. */
static bool can_read(uintptr_t addr) {
  char byte;
  struct iovec to = {&byte, 1}, from = {(void *)addr, 1};
  long got = cgc_thread_syscall(SYS_process_vm_readv, cgc_thread_pid(),
                                (long)&to, 1, (long)&from, 1, 0);
  return got != -EFAULT;
}

/* mincore says nothing of pages in swap. */
static bool swap_is_used(void) {
  struct sysinfo info;
  return raw(SYS_sysinfo, (long)&info, 0, 0, 0) != 0 ||
         info.freeswap != info.totalswap;
}

static bool by_core(uintptr_t lo, uintptr_t hi, struct cgc_pagemap_run *run) {
  unsigned char in_core[NCORE];
  while (lo < hi) {
    size_t n = cgc_min(NCORE, (hi - lo) / CGC_OS_PAGE);
    if (raw(SYS_mincore, (long)lo, (long)n * CGC_OS_PAGE, (long)in_core, 0))
      return false;
    for (size_t i = 0; i < n; i++, lo += CGC_OS_PAGE)
      if (in_core[i] & 1)
        cgc_pagemap_run_add(run, lo, lo + CGC_OS_PAGE);
  }
  return true;
}

static void by_reading(uintptr_t lo, uintptr_t hi,
                       struct cgc_pagemap_run *run) {
  for (; lo < hi; lo += CGC_OS_PAGE)
    if (can_read(lo))
      cgc_pagemap_run_add(run, lo, lo + CGC_OS_PAGE);
}

static void without_pagemap(uintptr_t lo, uintptr_t hi,
                            struct cgc_pagemap_run *run) {
  /* Of a file that is not ours mincore calls every page resident, those
     behind its end too. */
  if (swap_is_used() || !can_read(hi - CGC_OS_PAGE) || !by_core(lo, hi, run))
    by_reading(lo, hi, run);
}

/* ---- the contract -------------------------------------------------------- */

static void found_it(uintptr_t lo, uintptr_t hi, void *ctx) {
  (void)lo;
  (void)hi;
  *(bool *)ctx = true;
}

/* What the kernel knows: 0 not asked yet, else one of these. */
enum { NO_SCAN = 1, SCAN_WITH_GUARDS, SCAN_WITHOUT };
static _Atomic int scan_known;

/* Ask for one page of our own, with each form that kernels know. */
static bool try_scan(struct cgc_residency *r) {
  bool found = false;
  uintptr_t page = cgc_round_down((uintptr_t)&found, CGC_OS_PAGE);
  for (int guards = 1; guards >= 0 && !found; guards--) {
    r->has_guards = guards != 0;
    scan(r, page, page + CGC_OS_PAGE, CGC_MAPPING_PRESENT, found_it, &found);
  }
  return found;
}

/* Asked once; a call that is refused later (seccomp) fails where it is made. */
static bool scan_works(struct cgc_residency *r) {
  int known = atomic_load_explicit(&scan_known, memory_order_relaxed);
  if (known == 0) {
    known = !try_scan(r)    ? NO_SCAN
            : r->has_guards ? SCAN_WITH_GUARDS
                            : SCAN_WITHOUT;
    atomic_store_explicit(&scan_known, known, memory_order_relaxed);
  }
  r->has_guards = known == SCAN_WITH_GUARDS;
  return known != NO_SCAN;
}

void cgc_mapping_resident_begin(struct cgc_residency *r,
                                enum cgc_mapping_way at_best) {
  *r = (struct cgc_residency){-1, CGC_MAPPING_WAY_WHOLE, false};
  if (at_best != CGC_MAPPING_WAY_WHOLE)
    r->fd = cgc_pagemap_open();
  if (r->fd >= 0)
    r->way = at_best == CGC_MAPPING_WAY_SCAN && scan_works(r)
                 ? CGC_MAPPING_WAY_SCAN
                 : CGC_MAPPING_WAY_ENTRIES;
}

void cgc_mapping_resident_end(struct cgc_residency *r) {
  if (r->fd >= 0)
    close_proc(r->fd);
  r->fd = -1;
}

static bool look_up(struct cgc_residency *r, uintptr_t lo, uintptr_t hi,
                    enum cgc_mapping_pages which, struct cgc_pagemap_run *run) {
  switch (r->way) {
  case CGC_MAPPING_WAY_SCAN:
    return scan(r, lo, hi, which, run->fn, run->ctx) == 0 ||
           by_entries(r, lo, hi, which, run);
  case CGC_MAPPING_WAY_ENTRIES:
    return by_entries(r, lo, hi, which, run);
  case CGC_MAPPING_WAY_WHOLE:
    break;
  }
  return false;
}

/*
 * Shared memory may hold what another process wrote and this one never mapped
 * in, so there pagemap does not tell.  A look-up that fails half-way starts
 * again at the beginning: visiting a page twice is harmless.
 */
void cgc_mapping_resident(struct cgc_residency *r, uintptr_t lo, uintptr_t hi,
                          enum cgc_mapping_pages which, cgc_mapping_fn fn,
                          void *ctx) {
  struct cgc_pagemap_run run = {.fn = fn, .ctx = ctx};
  if (lo < hi &&
      (which == CGC_MAPPING_SHARED || !look_up(r, lo, hi, which, &run))) {
    cgc_pagemap_run_flush(&run);
    without_pagemap(lo, hi, &run);
  }
  cgc_pagemap_run_flush(&run);
}
