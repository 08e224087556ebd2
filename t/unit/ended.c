/* SPDX-License-Identifier: MIT */
#include "look/ended.h"

#include "threads.h"

static struct cgc_range_set dead;

static void look(void) {
  cgc_range_set_clear(&dead);
  threads_stop();
  bool ok = cgc_ended_stacks(&dead, 0);
  threads_start();
  ck_assert(ok);
}

static bool is_dead(uintptr_t addr) {
  for (size_t i = 0; i < dead.n; i++)
    if (addr - dead.all[i].lo < dead.all[i].hi - dead.all[i].lo)
      return true;
  return false;
}

static uintptr_t stack_of_thread;

static void *show_stack(void *arg) {
  int here;
  (void)arg;
  cgc_mutator_register();
  stack_of_thread = (uintptr_t)&here;
  threads_ready();
  while (!threads_are_done())
    sched_yield();
  return NULL;
}

START_TEST(a_stack_is_dead_when_its_thread_has_finished) {
  threads_setup();
  pthread_t t = threads_create(show_stack, NULL);
  threads_wait_ready(1);
  look();
  ck_assert(!is_dead(stack_of_thread));
  atomic_store(&threads_done, true);
  pthread_join(t, NULL);
  look();
  ck_assert(is_dead(stack_of_thread)); /* glibc keeps it for the next one */
}
END_TEST

START_TEST(a_stack_used_again_is_alive) {
  threads_setup();
  atomic_store(&threads_done, true);
  pthread_join(threads_create(show_stack, NULL), NULL);
  uintptr_t first = stack_of_thread;
  atomic_store(&threads_done, false);
  atomic_store(&threads_nready, 0);
  pthread_t t = threads_create(show_stack, NULL);
  threads_wait_ready(1);
  look();
  ck_assert(stack_of_thread != first || !is_dead(first));
  atomic_store(&threads_done, true);
  pthread_join(t, NULL);
}
END_TEST

START_TEST(the_callers_stack_is_alive) {
  int here;
  threads_setup();
  look();
  ck_assert(!is_dead((uintptr_t)&here));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("ended");
  TCase *core = tcase_create("core");
  tcase_add_test(core, a_stack_is_dead_when_its_thread_has_finished);
  tcase_add_test(core, a_stack_used_again_is_alive);
  tcase_add_test(core, the_callers_stack_is_alive);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
