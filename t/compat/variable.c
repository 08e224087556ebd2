/* SPDX-License-Identifier: MIT */
/* bdwgc's variables: where they begin, and that setters reach them. */
#include "contract.h"

START_TEST(variable_values_at_the_start) {
  ck_assert_int_eq(GC_all_interior_pointers, 1);
  ck_assert_int_eq(GC_java_finalization, 1);
  ck_assert_int_eq(GC_finalize_on_demand, 0);
  ck_assert_int_eq(GC_find_leak, 0);
  ck_assert_int_eq(GC_dont_gc, 0);
  ck_assert_int_eq(GC_dont_expand, 0);
  ck_assert_int_eq(GC_no_dls, 0);
  ck_assert_int_eq(GC_full_freq, 19);
  ck_assert_uint_eq(GC_free_space_divisor, 3);
  ck_assert_uint_eq(GC_non_gc_bytes, 0);
  ck_assert_uint_eq(GC_gc_no, 0);
}
END_TEST

#define CHECK_PAIR(variable, setter, getter, value)                            \
  do {                                                                         \
    setter(value);                                                             \
    ck_assert(variable == (value));                                            \
    ck_assert(getter() == (value));                                            \
  } while (0)

static void notify(void) {}
static void resized(GC_word bytes) { (void)bytes; }

START_TEST(variable_is_what_its_setter_set) {
  GC_INIT();
  CHECK_PAIR(GC_find_leak, GC_set_find_leak, GC_get_find_leak, 0);
  CHECK_PAIR(GC_finalize_on_demand, GC_set_finalize_on_demand,
             GC_get_finalize_on_demand, 1);
  CHECK_PAIR(GC_java_finalization, GC_set_java_finalization,
             GC_get_java_finalization, 0);
  CHECK_PAIR(GC_dont_expand, GC_set_dont_expand, GC_get_dont_expand, 1);
  CHECK_PAIR(GC_full_freq, GC_set_full_freq, GC_get_full_freq, 7);
  CHECK_PAIR(GC_non_gc_bytes, GC_set_non_gc_bytes, GC_get_non_gc_bytes, 99);
  CHECK_PAIR(GC_no_dls, GC_set_no_dls, GC_get_no_dls, 1);
  CHECK_PAIR(GC_free_space_divisor, GC_set_free_space_divisor,
             GC_get_free_space_divisor, 5);
  CHECK_PAIR(GC_max_retries, GC_set_max_retries, GC_get_max_retries, 4);
  CHECK_PAIR(GC_dont_precollect, GC_set_dont_precollect, GC_get_dont_precollect,
             1);
  CHECK_PAIR(GC_time_limit, GC_set_time_limit, GC_get_time_limit, 50);
  CHECK_PAIR(GC_finalizer_notifier, GC_set_finalizer_notifier,
             GC_get_finalizer_notifier, notify);
  CHECK_PAIR(GC_on_heap_resize, GC_set_on_heap_resize, GC_get_on_heap_resize,
             resized);
}
END_TEST

static void *nothing(size_t bytes) {
  (void)bytes;
  return &GC_dont_gc;
}

START_TEST(variable_that_a_program_writes_is_looked_at) {
  GC_INIT();
  GC_word before = GC_get_gc_no();
  GC_dont_gc = 1;
  GC_gcollect();
  ck_assert_int_ne(GC_is_disabled(), 0);
  ck_assert_uint_eq(GC_gc_no, before);
  GC_dont_gc = 0;
  GC_gcollect();
  ck_assert_uint_gt(GC_gc_no, before);
  GC_oom_fn = nothing;
  ck_assert(GC_get_oom_fn() == nothing);
  ck_assert_ptr_eq(GC_malloc((size_t)1 << 60), &GC_dont_gc);
  GC_free_space_divisor = 11;
  ck_assert_uint_eq(GC_get_free_space_divisor(), 11);
  GC_java_finalization = 0;
  ck_assert_int_eq(GC_get_java_finalization(), 0);
  GC_finalizer_notifier = notify;
  ck_assert(GC_get_finalizer_notifier() == notify);
  ck_assert_int_eq(GC_parallel, GC_get_parallel());
}
END_TEST

int main(void) {
  Suite *s = suite_create("variable");
  TCase *core = tcase_create("core");
  tcase_add_test(core, variable_values_at_the_start);
  tcase_add_test(core, variable_is_what_its_setter_set);
  tcase_add_test(core, variable_that_a_program_writes_is_looked_at);
  suite_add_tcase(s, core);
  return contract_run(s);
}
