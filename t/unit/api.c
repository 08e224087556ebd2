/* SPDX-License-Identifier: MIT */
/* front/api: each group of cgc.h does what its contracts say. */
#include "cgc.h"

#include "../scrub.h"
#include "unit.h"
#include "world/mutator.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { N = 2000 };

/* Only the heap knows them: not kept in a register or on the stack. */
CGC_NOINLINE static void lose(void *(*alloc)(size_t), void (*with)(void *)) {
  for (int i = 0; i < N; i++) {
    void *obj = alloc(100);
    if (with)
      with(obj);
  }
}

static void collect(void) {
  scrub(8192);
  ck_assert_int_eq(GC_collect(), 0);
}

static unsigned long live(void) {
  struct GC_stats stats = {.size = sizeof stats};
  ck_assert_int_eq(GC_get_stats(&stats), 0);
  return stats.live_bytes;
}

START_TEST(api_leaks_are_looked_for_only_where_asked) {
  errno = 0;
  ck_assert_int_eq(GC_leak_check(), -1);
  ck_assert_int_eq(errno, ENOTSUP);
}
END_TEST

START_TEST(api_version_is_known_before_init) {
  ck_assert_uint_gt(GC_get_version(), 0);
}
END_TEST

START_TEST(api_memory_is_zeroed_aligned_and_sized) {
  void *(*const allocs[])(size_t) = {GC_malloc, GC_malloc_noscan,
                                     GC_malloc_uncollectable,
                                     GC_malloc_noscan_uncollectable};
  for (size_t i = 0; i < 4; i++)
    for (size_t size = 0; size < 70000; size = size * 3 / 2 + 1) {
      char *obj = allocs[i](size);
      ck_assert_ptr_nonnull(obj);
      ck_assert_uint_eq((uintptr_t)obj % 16, 0);
      ck_assert_uint_ge(GC_size(obj), size);
      ck_assert(size == 0 || (obj[0] == 0 && !memcmp(obj, obj + 1, size - 1)));
      memset(obj, 0xff, size);
      GC_free(obj);
    }
}
END_TEST

START_TEST(api_overflow_and_absurd_sizes_give_enomem) {
  volatile size_t huge = SIZE_MAX; /* the compiler would warn */
  errno = 0;
  ck_assert_ptr_null(GC_calloc(huge, 2));
  ck_assert_int_eq(errno, ENOMEM);
  errno = 0;
  ck_assert_ptr_null(GC_malloc(huge / 2 + 1));
  ck_assert_int_eq(errno, ENOMEM);
  errno = 0;
  ck_assert_ptr_null(GC_memalign(24, 8));
  ck_assert_int_eq(errno, EINVAL);
  void *obj = NULL;
  ck_assert_int_eq(GC_posix_memalign(&obj, 4, 8), EINVAL);
  ck_assert_int_eq(GC_posix_memalign(&obj, 64, SIZE_MAX), ENOMEM);
  ck_assert_int_eq(GC_posix_memalign(&obj, 4096, 8), 0);
  ck_assert_uint_eq((uintptr_t)obj % 4096, 0);
}
END_TEST

START_TEST(api_realloc_keeps_contents) {
  char *obj = GC_realloc(NULL, 10);
  strcpy(obj, "contents");
  for (size_t size = 20; size < 1 << 20; size *= 3) {
    obj = GC_realloc(obj, size);
    ck_assert_str_eq(obj, "contents");
    ck_assert_int_eq(obj[size - 1], 0);
  }
  ck_assert_ptr_null(GC_realloc(obj, 0));
}
END_TEST

START_TEST(api_text_is_copied) {
  ck_assert_str_eq(GC_strdup("text"), "text");
  ck_assert_str_eq(GC_strndup("text", 2), "te");
  ck_assert_str_eq(GC_strndup("text", 20), "text");
  ck_assert_ptr_null(GC_strdup(NULL));
}
END_TEST

START_TEST(api_collection_reclaims_what_is_lost) {
  GC_init();
  lose(GC_malloc, NULL);
  collect();
  ck_assert_uint_lt(live(), N * 100 / 20);
  lose(GC_malloc_uncollectable, NULL);
  collect();
  ck_assert_uint_ge(live(), N * 100);
}
END_TEST

START_TEST(api_disabled_collection_says_so) {
  GC_disable();
  GC_disable();
  GC_enable();
  ck_assert_int_eq(GC_is_disabled(), 1);
  ck_assert_int_eq(GC_collect(), -1);
  ck_assert_int_eq(errno, EAGAIN);
  GC_enable();
  ck_assert_int_eq(GC_is_disabled(), 0);
  ck_assert_int_eq(GC_collect(), 0);
}
END_TEST

START_TEST(api_collect_inside_the_collector_is_refused) {
  GC_init();
  ck_assert(cgc_mutator_enter(cgc_self));
  ck_assert_int_eq(GC_collect(), -1);
  ck_assert_int_eq(errno, EBUSY);
  ck_assert_ptr_nonnull(GC_malloc(10));
  cgc_mutator_leave(cgc_self);
}
END_TEST

static int nfinal;
static void on_final(void *obj, void *data) {
  (void)obj;
  nfinal += *(int *)data;
}
static int one = 1;
static void with_finalizer(void *obj) {
  GC_register_finalizer(obj, on_final, &one, NULL, NULL);
}

START_TEST(api_finalizers_run_on_demand_or_not) {
  GC_set_finalize_on_demand(1);
  ck_assert_int_eq(GC_get_finalize_on_demand(), 1);
  lose(GC_malloc, with_finalizer);
  collect();
  ck_assert_int_eq(nfinal, 0);
  ck_assert_int_eq(GC_should_invoke_finalizers(), 1);
  int ran = GC_invoke_finalizers();
  ck_assert_int_eq(ran, nfinal);
  ck_assert_int_ge(ran, N * 95 / 100);
  GC_set_finalize_on_demand(0);
  lose(GC_malloc, with_finalizer);
  collect();
  ck_assert_int_ge(nfinal, 2 * N * 95 / 100);
}
END_TEST

static void *give(size_t size) {
  (void)size;
  return &one;
}

START_TEST(api_out_of_memory_function_has_the_last_word) {
  /* The compiler believes that a malloc never returns &one. */
  void *(*volatile alloc)(size_t) = GC_malloc;
  GC_set_oom_fn(give);
  ck_assert_ptr_eq(alloc(PTRDIFF_MAX), &one);
  void *(*volatile resize)(void *, size_t) = GC_realloc;
  char *obj = strcpy(GC_malloc(4), "abc");
  ck_assert_ptr_eq(resize(obj, PTRDIFF_MAX), &one);
  ck_assert_str_eq(obj, "abc");
  ck_assert(GC_get_oom_fn() == give);
  GC_set_oom_fn(NULL);
  ck_assert_ptr_null(GC_malloc(PTRDIFF_MAX));
}
END_TEST

START_TEST(api_options_are_set_and_read) {
  long value = 0;
  ck_assert_int_eq(GC_set_option("CGC_PERCENT", "250"), 0);
  ck_assert_int_eq(GC_get_option("CGC_PERCENT", &value), 0);
  ck_assert_int_eq(value, 250);
  ck_assert_int_eq(GC_set_option("CGC_PERCENT", "much"), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(GC_get_option("CGC_NO_SUCH", &value), -1);
  ck_assert_int_eq(errno, ENOENT);
}
END_TEST

static size_t nwalked;
static int count(void *obj, size_t size, void *data) {
  (void)obj;
  (void)size;
  nwalked++;
  return data ? 7 : 0;
}

START_TEST(api_walk_sees_each_object_until_told_to_stop) {
  GC_init();
  lose(GC_malloc_uncollectable, NULL);
  ck_assert_int_eq(GC_walk_heap(count, NULL), 0);
  ck_assert_uint_ge(nwalked, N);
  nwalked = 0;
  ck_assert_int_eq(GC_walk_heap(count, &one), 7);
  ck_assert_uint_eq(nwalked, 1);
}
END_TEST

START_TEST(api_stats_fit_an_older_program) {
  struct {
    size_t size;
    unsigned long heap_bytes, canary;
  } old = {2 * sizeof(long), 0, 7};
  GC_malloc(10);
  ck_assert_int_eq(GC_get_stats((void *)&old), 0);
  ck_assert_uint_gt(old.heap_bytes, 0);
  ck_assert_uint_eq(old.canary, 7);
  old.size = 0;
  ck_assert_int_eq(GC_get_stats((void *)&old), -1);
  ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static void *register_twice(void *arg) {
  struct GC_stack_base base;
  (void)arg;
  return (void *)(uintptr_t)(GC_unregister_my_thread() == GC_NOT_FOUND &&
                             GC_get_stack_base(&base) == GC_SUCCESS &&
                             GC_register_my_thread(&base) == GC_SUCCESS &&
                             GC_register_my_thread(&base) == GC_DUPLICATE &&
                             GC_malloc(10) &&
                             GC_unregister_my_thread() == GC_SUCCESS &&
                             GC_malloc(10));
}

START_TEST(api_threads_come_and_go) {
  pthread_t thread;
  void *result;
  GC_init();
  pthread_create(&thread, NULL, register_twice, NULL);
  pthread_join(thread, &result);
  ck_assert_ptr_nonnull(result);
  ck_assert_int_eq(GC_collect(), 0);
}
END_TEST

START_TEST(api_memory_is_released) {
  GC_free(GC_malloc(6 << 20));
  void *obj = memset(GC_malloc(6 << 20), 1, 6 << 20);
  GC_free(obj);
  ck_assert_uint_ge(GC_release_memory(), 6 << 20);
}
END_TEST

int main(void) {
  Suite *s = suite_create("api");
  TCase *core = tcase_create("core"), *errors = tcase_create("errors");
  tcase_add_test(core, api_leaks_are_looked_for_only_where_asked);
  tcase_add_test(core, api_version_is_known_before_init);
  tcase_add_test(core, api_memory_is_zeroed_aligned_and_sized);
  tcase_add_test(core, api_realloc_keeps_contents);
  tcase_add_test(core, api_text_is_copied);
  tcase_add_test(core, api_collection_reclaims_what_is_lost);
  tcase_add_test(core, api_finalizers_run_on_demand_or_not);
  tcase_add_test(core, api_walk_sees_each_object_until_told_to_stop);
  tcase_add_test(core, api_threads_come_and_go);
  tcase_add_test(core, api_memory_is_released);
  tcase_add_test(errors, api_overflow_and_absurd_sizes_give_enomem);
  tcase_add_test(errors, api_disabled_collection_says_so);
  tcase_add_test(errors, api_collect_inside_the_collector_is_refused);
  tcase_add_test(errors, api_out_of_memory_function_has_the_last_word);
  tcase_add_test(errors, api_options_are_set_and_read);
  tcase_add_test(errors, api_stats_fit_an_older_program);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  return unit_run(s);
}
