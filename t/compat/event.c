/* SPDX-License-Identifier: MIT */
/* A collection as the program sees it. */
#define GC_THREADS
#include "contract.h"

#include "compat/event.h"
#include <pthread.h>

static int nevents, events[64], nstarts, nthreads[2];

static void on_event(GC_EventType event) {
  if (nevents < 64)
    events[nevents++] = event;
}

static void on_thread(GC_EventType event, void *thread) {
  (void)thread;
  nthreads[event == GC_EVENT_THREAD_UNSUSPENDED]++;
}

static void on_start(void) { nstarts++; }

START_TEST(event_order_is_that_of_a_collection) {
  const int want[] = {GC_EVENT_START,
                      GC_EVENT_PRE_STOP_WORLD,
                      GC_EVENT_POST_STOP_WORLD,
                      GC_EVENT_MARK_START,
                      GC_EVENT_MARK_END,
                      GC_EVENT_PRE_START_WORLD,
                      GC_EVENT_POST_START_WORLD,
                      GC_EVENT_RECLAIM_START,
                      GC_EVENT_RECLAIM_END,
                      GC_EVENT_END};
  GC_INIT();
  GC_set_on_collection_event(on_event);
  ck_assert(GC_get_on_collection_event() == on_event);
  GC_set_start_callback(on_start);
  ck_assert(GC_get_start_callback() == on_start);
  GC_gcollect();
  ck_assert_int_eq(nstarts, 1);
  ck_assert_int_eq(nevents, 10);
  for (int i = 0; i < 10; i++)
    ck_assert_int_eq(events[i], want[i]);
}
END_TEST

static volatile int stop, started;
static void *wait(void *arg) {
  started = 1;
  while (!stop)
    ;
  return arg;
}

START_TEST(event_of_each_thread) {
  pthread_t thread;
  GC_INIT();
  GC_set_on_thread_event(on_thread);
  ck_assert(GC_get_on_thread_event() == on_thread);
  pthread_create(&thread, NULL, wait, NULL);
  while (!started)
    ;
  GC_gcollect();
  ck_assert_int_ge(nthreads[0], 1);
  ck_assert_int_eq(nthreads[0], nthreads[1]);
  stop = 1;
  pthread_join(thread, NULL);
}
END_TEST

static void **outside;
static GC_push_other_roots_proc other_roots;

static void push(void) {
  GC_push_all(outside, outside + 100);
  GC_push_all_eager(outside + 100, outside + 200);
  GC_push_conditional(outside + 200, outside + 300, 1);
  if (other_roots)
    other_roots();
}

CONTRACT_FN void fill(struct contract_flock *flock) {
  for (size_t i = 0; i < flock->n; i++) {
    outside[i] = GC_malloc(40);
    contract_join(flock, i, outside[i]);
  }
}

GC_API void (*GC_push_other_roots)(void);

START_TEST(event_lets_the_program_push_roots) {
  struct contract_flock flock = contract_flock(300);
  outside = malloc(300 * sizeof *outside);
  GC_INIT();
  other_roots = GC_get_push_other_roots();
  ck_assert(other_roots == GC_push_other_roots);
  GC_push_other_roots = push;
  ck_assert(GC_get_push_other_roots() == push);
  fill(&flock);
  contract_collect();
  ck_assert_uint_eq(contract_alive(&flock), 300);
  GC_set_push_other_roots(other_roots);
  contract_collect();
  contract_few(contract_alive(&flock), 300);
}
END_TEST

START_TEST(event_heap_addresses_are_plausible) {
  GC_INIT();
  char *obj = GC_malloc(100);
  GC_gcollect();
  ck_assert((char *)GC_least_plausible_heap_addr <= obj);
  ck_assert((char *)GC_greatest_plausible_heap_addr > obj);
}
END_TEST

int main(void) {
  Suite *s = suite_create("event");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, event_order_is_that_of_a_collection);
  tcase_add_test(core, event_of_each_thread);
  tcase_add_test(core, event_lets_the_program_push_roots);
  tcase_add_test(core, event_heap_addresses_are_plausible);
  suite_add_tcase(s, core);
  return contract_run(s);
}
