/* SPDX-License-Identifier: MIT */
/*
 * t/compat/contract.h - what the tests of <gc.h> share.
 *
 * Each test program is run on this library and, where it is installed, on
 * bdwgc's own libgc.so.1: what holds for both is the contract, and the peer
 * proves that the test is right.  Both collectors are conservative, so what is
 * reclaimed is asserted as a share of many objects.
 *
 * Where libcgc promises more than bdwgc, or otherwise, a test asks
 * contract_is_ours().
 */
#ifndef T_COMPAT_CONTRACT_H
#define T_COMPAT_CONTRACT_H

#include <gc.h>

#include "../scrub.h"

#include <check.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CONTRACT_FN static __attribute__((noinline, unused))

enum { MANY = 2000 };

/* Whether the program runs on libcgc; the maker's library has no such file. */
static inline bool contract_is_ours(void) {
  Dl_info info;
  return dladdr(dlsym(RTLD_DEFAULT, "GC_malloc"), &info) &&
         !strstr(info.dli_fname, "/usr/lib/x86_64-linux-gnu/libgc.so.1");
}

/* A collection at every slow path: nothing is said of when there is one. */
static inline bool contract_is_stressed(void) { return getenv("CGC_STRESS"); }

CONTRACT_FN void contract_scrub(void) { scrub(32768); }

CONTRACT_FN void contract_collect(void) {
  contract_scrub();
  GC_gcollect();
}

/* A thread that pthread_create made: only bdwgc has to be told. */
static inline void contract_allow_threads(void) {
  void (*allow)(void) =
      (void (*)(void))dlsym(RTLD_DEFAULT, "GC_allow_register_threads");
  if (allow)
    allow();
}

static inline void contract_begin_thread(void) {
  struct GC_stack_base base;
  int (*add)(const struct GC_stack_base *) =
      (int (*)(const struct GC_stack_base *))dlsym(RTLD_DEFAULT,
                                                   "GC_register_my_thread");
  GC_get_stack_base(&base);
  if (add)
    add(&base);
}

static inline void contract_end_thread(void) {
  int (*end)(void) =
      (int (*)(void))dlsym(RTLD_DEFAULT, "GC_unregister_my_thread");
  if (end)
    end();
}

/* Whether at least 90 percent of N were COUNT. */
#define contract_most(count, n)                                                \
  ck_assert_msg((count)*100 >= (n)*90, "%d of %d", (int)(count), (int)(n))

/* Whether at most 10 percent were. */
#define contract_few(count, n)                                                 \
  ck_assert_msg((count)*100 <= (n)*10, "%d of %d", (int)(count), (int)(n))

/*
 * Objects whose addresses are hidden here: how many are still alive is told by
 * their weak links.
 */
struct contract_flock {
  void **link; /* hidden from the collector: memory of malloc */
  size_t n;
};

static inline struct contract_flock contract_flock(size_t n) {
  return (struct contract_flock){calloc(n, sizeof(void *)), n};
}

/* OBJ, the start of an object, is the flock's member I. */
static inline void contract_join(struct contract_flock *flock, size_t i,
                                 void *obj) {
  flock->link[i] = obj;
  ck_assert_int_eq(GC_general_register_disappearing_link(&flock->link[i], obj),
                   GC_SUCCESS);
}

CONTRACT_FN size_t contract_alive(const struct contract_flock *flock) {
  size_t alive = 0;
  for (size_t i = 0; i < flock->n; i++)
    alive += flock->link[i] != NULL;
  return alive;
}

static inline int contract_run(Suite *suite) {
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, srunner_has_tap(runner) ? CK_SILENT : CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}

#endif
