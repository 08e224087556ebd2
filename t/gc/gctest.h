/* SPDX-License-Identifier: MIT */
/*
 * t/gc/gctest.h - what the tests of the whole library share.
 *
 * They use <cgc.h> alone and are linked with the shared library.  A
 * conservative collector may keep a few objects for a word that looks like
 * their address, so what is reclaimed is asserted as a ratio over many, never
 * as a count.
 */
#ifndef GCTEST_H
#define GCTEST_H

#include <cgc.h>
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../scrub.h"

#define GCTEST_FN static __attribute__((noinline, unused))

enum { GCTEST_MANY = 2000 };

/* Addresses that keep nothing alive. */
static inline uintptr_t gctest_hide(const void *p) { return ~(uintptr_t)p; }
static inline void *gctest_reveal(uintptr_t h) { return (void *)~h; }

GCTEST_FN void gctest_scrub(void) { scrub(32768); }

GCTEST_FN void gctest_collect(void) {
  gctest_scrub();
  ck_assert_int_eq(GC_collect(), 0);
}

/* Whether at least 95 percent of N were COUNT. */
#define gctest_most(count, n)                                                  \
  ck_assert_msg((count)*100 >= (n)*95, "%d of %d", (int)(count), (int)(n))

static inline struct GC_stats gctest_stats(void) {
  struct GC_stats s;
  memset(&s, 0, sizeof s);
  s.size = sizeof s;
  ck_assert_int_eq(GC_get_stats(&s), 0);
  return s;
}

static inline int gctest_run(Suite *s) {
  SRunner *r = srunner_create(s);
  srunner_run_all(r, srunner_has_tap(r) ? CK_SILENT : CK_ENV);
  int nfailed = srunner_ntests_failed(r);
  srunner_free(r);
  return nfailed != 0;
}

#endif
