/* SPDX-License-Identifier: MIT */
/* The allocation lock: alone, and no collection meanwhile. */
#define GC_THREADS
#include "contract.h"

#include <pthread.h>

static GC_word weak;

CONTRACT_FN void *reveal(void *data) {
  (void)data;
  return weak ? GC_REVEAL_POINTER(weak) : NULL;
}

CONTRACT_FN void make(void) {
  void *obj = GC_malloc_atomic(40);
  memset(obj, 7, 40);
  weak = GC_HIDE_POINTER(obj);
  GC_general_register_disappearing_link((void **)&weak, obj);
}

static volatile int stop;

static void *collect_for_ever(void *arg) {
  while (!stop)
    GC_gcollect();
  return arg;
}

START_TEST(guard_keeps_what_is_read_under_it) {
  pthread_t thread;
  int seen = 0;
  GC_INIT();
  GC_allow_register_threads();
  ck_assert_int_eq(pthread_create(&thread, NULL, collect_for_ever, NULL), 0);
  for (int i = 0; i < 2000; i++) {
    make();
    char *obj = GC_call_with_alloc_lock(reveal, NULL);
    for (int k = 0; obj && k < 40; k++)
      ck_assert_int_eq(obj[k], 7);
    seen += obj != NULL;
  }
  stop = 1;
  pthread_join(thread, NULL);
  ck_assert_int_gt(seen, 0);
}
END_TEST

static int depth, deepest;

static void *nest(void *data) {
  if (++depth > deepest)
    deepest = depth;
  for (volatile int i = 0; i < 1000; i++)
    ;
  depth--;
  return data;
}

static void *take_often(void *arg) {
  for (int i = 0; i < 2000; i++)
    ck_assert_ptr_eq(GC_call_with_alloc_lock(nest, arg), arg);
  return arg;
}

START_TEST(guard_has_one_holder) {
  pthread_t threads[4];
  GC_INIT();
  GC_allow_register_threads();
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, take_often, &depth);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  ck_assert_int_eq(deepest, 1);
  GC_alloc_lock();
  GC_alloc_unlock();
}
END_TEST

static volatile long beats;

static void *beat(void *arg) {
  while (!stop)
    beats++;
  return arg;
}

START_TEST(guard_stops_the_world) {
  pthread_t thread;
  GC_INIT();
  GC_allow_register_threads();
  pthread_create(&thread, NULL, beat, NULL);
  while (beats == 0)
    ;
  for (int i = 0; i < 20; i++) {
    GC_stop_world_external();
    long then = beats;
    for (volatile int k = 0; k < 1000000; k++)
      ;
    ck_assert_int_eq(beats, then);
    GC_start_world_external();
  }
  stop = 1;
  pthread_join(thread, NULL);
}
END_TEST

int main(void) {
  Suite *s = suite_create("guard");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, guard_keeps_what_is_read_under_it);
  tcase_add_test(core, guard_has_one_holder);
  tcase_add_test(core, guard_stops_the_world);
  suite_add_tcase(s, core);
  return contract_run(s);
}
