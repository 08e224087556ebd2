/* SPDX-License-Identifier: MIT */
#include "cycle/background.h"

#include "os/thread.h"
#include "unit.h"

static struct cgc_background background;
static _Atomic int done;

static void work(void *arg) { atomic_fetch_add(&done, *(int *)arg); }

static void work_for_ever(void *arg) {
  (void)arg;
  while (cgc_background_is_wanted(&background))
    atomic_fetch_add(&done, 1);
}

START_TEST(work_is_done_beside_the_program) {
  int three = 3;
  for (int i = 1; i <= 100; i++) {
    ck_assert(cgc_background_start(&background, work, &three));
    while (cgc_background_runs(&background))
      cgc_thread_yield();
    ck_assert_int_eq(done, 3 * i);
  }
}
END_TEST

START_TEST(it_ends_when_asked) {
  for (int i = 0; i < 100; i++) {
    done = 0;
    ck_assert(cgc_background_start(&background, work_for_ever, NULL));
    while (atomic_load(&done) == 0)
      cgc_thread_yield();
    ck_assert(cgc_background_runs(&background));
    cgc_background_end(&background);
    ck_assert(!cgc_background_runs(&background));
    ck_assert_uint_gt(background.cpu_ns, 0);
  }
}
END_TEST

START_TEST(ending_what_does_not_run_is_harmless) {
  cgc_background_end(&background);
  cgc_background_end(&background);
  ck_assert(!cgc_background_runs(&background));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("background");
  TCase *core = tcase_create("core");
  tcase_add_test(core, work_is_done_beside_the_program);
  tcase_add_test(core, it_ends_when_asked);
  tcase_add_test(core, ending_what_does_not_run_is_harmless);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
