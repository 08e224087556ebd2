/* SPDX-License-Identifier: MIT */
#include "os/pagemap.h"

#include "os/page.h"
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

enum { PAGE = CGC_OS_PAGE, MANY = 1000 };

struct found {
  uintptr_t base;
  size_t nruns;
  size_t npages;
  uintptr_t last_hi;
};

static void note(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct found *f = ctx;
  ck_assert_uint_gt(lo, f->last_hi); /* in order, and not touching */
  f->nruns++;
  f->npages += (hi - lo) / PAGE;
  f->last_hi = hi;
}

static const struct cgc_pagemap_query there = {.none = CGC_PAGEMAP_ZERO_PAGE,
                                               .any = CGC_PAGEMAP_PRESENT |
                                                      CGC_PAGEMAP_SWAPPED};

static char *map(size_t pages) {
  char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ck_assert_ptr_ne(p, MAP_FAILED);
  madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
  return p;
}

static struct found scan(int fd, const char *p, size_t pages) {
  struct found f = {.base = (uintptr_t)p};
  uintptr_t at = 0, hi = (uintptr_t)p + pages * PAGE;
  int err = cgc_pagemap_scan(fd, (uintptr_t)p, hi, &there, note, &f, &at);
  if (err == -ENOTTY)
    exit(EXIT_SUCCESS); /* a kernel without the call */
  ck_assert_int_eq(err, 0);
  ck_assert_uint_eq(at, hi);
  return f;
}

START_TEST(touched_pages_are_found) {
  int fd = cgc_pagemap_open();
  char *p = map(100);
  ck_assert_int_ge(fd, 0);
  ck_assert_uint_eq(scan(fd, p, 100).npages, 0);
  p[3 * PAGE] = p[4 * PAGE] = p[90 * PAGE] = 1;
  struct found f = scan(fd, p, 100);
  ck_assert_uint_eq(f.npages, 3);
  ck_assert_uint_eq(f.nruns, 2);
  cgc_pagemap_close(fd);
}
END_TEST

START_TEST(more_runs_than_one_call_returns_are_found) {
  int fd = cgc_pagemap_open();
  char *p = map(2 * MANY);
  for (size_t i = 0; i < MANY; i++)
    p[2 * i * PAGE] = 1;
  struct found f = scan(fd, p, 2 * MANY);
  ck_assert_uint_eq(f.nruns, MANY);
  ck_assert_uint_eq(f.npages, MANY);
  cgc_pagemap_close(fd);
}
END_TEST

START_TEST(a_wrong_descriptor_is_an_error) {
  struct found f = {0};
  char *p = map(2);
  uintptr_t at = 0;
  int err = cgc_pagemap_scan(-1, (uintptr_t)p, (uintptr_t)p + 2 * PAGE, &there,
                             note, &f, &at);
  ck_assert_int_eq(err, -EBADF);
  ck_assert_uint_eq(at, (uintptr_t)p);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("pagemap");
  TCase *core = tcase_create("core");
  tcase_add_test(core, touched_pages_are_found);
  tcase_add_test(core, more_runs_than_one_call_returns_are_found);
  suite_add_tcase(suite, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, a_wrong_descriptor_is_an_error);
  suite_add_tcase(suite, errors);
  return unit_run(suite);
}
