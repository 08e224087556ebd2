/* SPDX-License-Identifier: MIT */
/* front/init: the first call makes the heap, each thread's first its record. */
#include "front/init.h"

#include "../scrub.h"
#include "base/log.h"
#include "base/option.h"
#include "front/alloc.h"
#include "cgc.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

enum { THREADS = 8 };

START_TEST(init_makes_heap_and_record_once) {
  ck_assert_ptr_null(cgc_self);
  errno = 7;
  struct cgc_mutator *self = cgc_init_thread();
  ck_assert_ptr_nonnull(self);
  ck_assert_ptr_eq(cgc_self, self);
  uintptr_t base = cgc_heap.arena.base;
  ck_assert_uint_ne(base, 0);
  ck_assert_ptr_eq(cgc_init_thread(), self);
  ck_assert_uint_eq(cgc_heap.arena.base, base);
  ck_assert_uint_eq(self->busy, 0);
  ck_assert_int_eq(errno, 7);
}
END_TEST

static void **links;

CGC_NOINLINE static void link_first_block(void) {
  void *obj = GC_malloc(48);
  ck_assert_uint_eq((uintptr_t)obj, cgc_heap.arena.base);
  links = GC_malloc_noscan_uncollectable(sizeof *links);
  *links = obj;
  ck_assert_int_eq(GC_general_register_disappearing_link(links, obj), 0);
}

START_TEST(init_keeps_no_object_alive_by_the_heaps_own_address) {
  link_first_block();
  scrub(32768);
  ck_assert_int_eq(GC_collect(), 0);
  ck_assert_ptr_null(*links);
}
END_TEST

START_TEST(init_reads_options_from_the_environment) {
  setenv("CGC_TRIGGER", "5M", 1);
  setenv("CGC_FREE", "ignore", 1);
  setenv("CGC_RESERVE", "1G", 1);
  ck_assert_ptr_nonnull(cgc_init_thread());
  ck_assert_int_eq(cgc_options.trigger, 5 << 20);
  ck_assert_int_eq(cgc_options.free, CGC_FREE_IGNORE);
  ck_assert_int_eq(cgc_options.reserve, 1 << 30);
}
END_TEST

START_TEST(init_leaves_packed_words_to_the_malloc_library) {
  ck_assert(!cgc_role.serves_malloc);
  ck_assert_ptr_nonnull(cgc_init_thread());
  ck_assert_int_eq(cgc_options.packed, 0);
  ck_assert_int_eq(cgc_options.relative, 0);
}
END_TEST

static int nwarnings;
static struct cgc_mutator *inner = (void *)-1;
static void *inner_block;

/* Called in the middle of the making, as a signal handler's malloc would be. */
static void come_in_again(const char *text) {
  (void)text;
  nwarnings++;
  inner = cgc_init_thread();
  inner_block = cgc_alloc(100, CGC_KIND_SCAN, true);
}

START_TEST(init_has_no_record_for_a_call_that_interrupted_the_making) {
  setenv("CGC_TRIGGER", "nonsense", 1);
  cgc_warning_hook = come_in_again;
  ck_assert_ptr_nonnull(cgc_init_thread());
  ck_assert_int_eq(nwarnings, 1);
  ck_assert_ptr_null(inner);
  ck_assert_ptr_nonnull(inner_block);
}
END_TEST

static void limit_address_space(rlim_t bytes) {
  struct rlimit limit;
  ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = bytes;
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

START_TEST(init_is_tried_again_when_there_is_memory) {
  if (CGC_SANITIZED)
    return; /* no room for the sanitizer's shadow */
  limit_address_space(4096);
  errno = 7;
  ck_assert_ptr_null(cgc_init_thread());
  ck_assert_int_eq(errno, 7);
  ck_assert_ptr_null(cgc_alloc(100, CGC_KIND_SCAN, true));
  ck_assert_int_eq(errno, ENOMEM);
  limit_address_space(RLIM_INFINITY);
  ck_assert_ptr_nonnull(cgc_init_thread());
  ck_assert_ptr_nonnull(cgc_alloc(100, CGC_KIND_SCAN, true));
}
END_TEST

static pthread_barrier_t start, end;
static struct cgc_mutator *records[THREADS];

static void *come_in(void *record) {
  pthread_barrier_wait(&start);
  *(struct cgc_mutator **)record = cgc_init_thread();
  pthread_barrier_wait(&end);
  return cgc_self;
}

START_TEST(init_gives_each_of_the_first_threads_its_record) {
  pthread_t threads[THREADS];
  void *self;
  pthread_barrier_init(&start, NULL, THREADS);
  pthread_barrier_init(&end, NULL, THREADS);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, come_in, &records[i]);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &self);
    ck_assert_ptr_nonnull(self);
    ck_assert_ptr_eq(self, records[i]);
    for (int k = 0; k < i; k++)
      ck_assert_ptr_ne(records[i], records[k]);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("init");
  TCase *core = tcase_create("core");
  tcase_add_test(core, init_makes_heap_and_record_once);
  tcase_add_test(core, init_keeps_no_object_alive_by_the_heaps_own_address);
  tcase_add_test(core, init_reads_options_from_the_environment);
  tcase_add_test(core, init_leaves_packed_words_to_the_malloc_library);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors,
                 init_has_no_record_for_a_call_that_interrupted_the_making);
  tcase_add_test(errors, init_is_tried_again_when_there_is_memory);
  suite_add_tcase(s, errors);
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_loop_test(concurrent,
                      init_gives_each_of_the_first_threads_its_record, 0, 10);
  suite_add_tcase(s, concurrent);
  return unit_run(s);
}
