/* SPDX-License-Identifier: MIT */
/* One thread held up, until it is let go. */
#define GC_THREADS
#include "contract.h"

#include <gc/javaxfc.h>
#include <unistd.h>

static volatile long beats;
static volatile int stop;

static void *beat(void *arg) {
  while (!stop) {
    GC_malloc(100);
    beats++;
    if (contract_is_stressed())
      usleep(100); /* to be outside the collector now and then */
  }
  return arg;
}

START_TEST(suspend_holds_a_thread_until_it_is_resumed) {
  pthread_t thread;
  GC_INIT();
  ck_assert_int_eq(pthread_create(&thread, NULL, beat, NULL), 0);
  while (beats == 0)
    ;
  for (int i = 0; i < 20; i++) {
    ck_assert_int_eq(GC_is_thread_suspended(thread), 0);
    GC_suspend_thread(thread);
    GC_suspend_thread(thread);
    ck_assert_int_ne(GC_is_thread_suspended(thread), 0);
    long then = beats;
    GC_gcollect();
    for (int k = 0; k < 1000; k++)
      GC_malloc(1000);
    ck_assert_int_eq(beats, then);
    GC_resume_thread(thread);
    for (int k = 0; k < 10000 && beats == then; k++)
      usleep(1000);
    ck_assert_int_gt(beats, then);
  }
  stop = 1;
  pthread_join(thread, NULL);
}
END_TEST

int main(void) {
  Suite *s = suite_create("suspend");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, suspend_holds_a_thread_until_it_is_resumed);
  suite_add_tcase(s, core);
  return contract_run(s);
}
