/* SPDX-License-Identifier: MIT */
/*
 * t/unit/unit.h - what a module's test program needs besides libcheck.
 *
 * Each test is forked, so globals are its own; with CK_FORK=no (gdb) tests
 * run one after the other and must not mind what the others left.
 *
 * Random numbers are seeded from CGC_SEED, else from the clock; the seed of
 * a failed run stands on stderr.
 */
#ifndef T_UNIT_UNIT_H
#define T_UNIT_UNIT_H

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/base.h"

/* Run all tests of SUITE; what main returns. */
static inline int unit_run(Suite *suite) {
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, srunner_has_tap(runner) ? CK_SILENT : CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

struct unit_random {
  uint64_t state;
};

static inline struct unit_random unit_random(void) {
  const char *text = getenv("CGC_SEED");
  uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
  fprintf(stderr, "# CGC_SEED=%llu\n", (unsigned long long)seed);
  return (struct unit_random){seed * 2 + 1};
}

/* xorshift64*: any number below LIMIT. */
static inline uint64_t unit_below(struct unit_random *r, uint64_t limit) {
  r->state ^= r->state >> 12;
  r->state ^= r->state << 25;
  r->state ^= r->state >> 27;
  return (r->state * 0x2545f4914f6cdd1dULL >> 16) % limit;
}

#endif
