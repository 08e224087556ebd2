/* SPDX-License-Identifier: MIT */
/* How far the heap grows. */
#include "contract.h"

CONTRACT_FN void churn(size_t bytes) {
  for (size_t n = 0; n < bytes; n += 1000)
    GC_malloc_atomic(1000);
}

START_TEST(growth_by_wish_puts_off_collections) {
  GC_INIT();
  size_t before = GC_get_heap_size();
  ck_assert_int_ne(GC_expand_hp((size_t)256 << 20), 0);
  ck_assert_uint_ge(GC_get_heap_size(), before + ((size_t)256 << 20));
  GC_word collections = GC_get_gc_no();
  churn((size_t)100 << 20);
  ck_assert_uint_le(GC_get_gc_no(), collections + 1);
  ck_assert_int_eq(GC_expand_hp((size_t)1 << 62), 0);
}
END_TEST

static void *out_of_memory(size_t bytes) {
  (void)bytes;
  return NULL;
}

/* A list as long as there is memory; returns its bytes. */
CONTRACT_FN size_t fill(void) {
  void **list = NULL, **cell;
  size_t n = 0;
  while (n < (size_t)200 << 20 && (cell = GC_malloc(1000))) {
    *cell = list;
    list = cell;
    n += 1000;
  }
  return n;
}

START_TEST(growth_ends_at_the_limit) {
  GC_INIT();
  GC_set_warn_proc(GC_ignore_warn_proc);
  GC_set_oom_fn(out_of_memory);
  GC_set_max_heap_size((size_t)64 << 20);
  size_t n = fill();
  ck_assert_uint_gt(n, (size_t)20 << 20);
  ck_assert_uint_lt(n, (size_t)70 << 20);
  ck_assert_uint_le(GC_get_heap_size(), (size_t)65 << 20);
  contract_collect();
  ck_assert_ptr_nonnull(GC_malloc(1000));
}
END_TEST

START_TEST(growth_settings_are_kept) {
  ck_assert_uint_ge(GC_get_min_bytes_allocd(), 1);
  GC_set_min_bytes_allocd(5000);
  ck_assert_uint_eq(GC_get_min_bytes_allocd(), 5000);
  GC_set_free_space_divisor(7);
  GC_INIT();
  ck_assert_uint_eq(GC_get_free_space_divisor(), 7);
  GC_set_dont_expand(1);
  ck_assert_int_eq(GC_get_dont_expand(), 1);
  churn((size_t)10 << 20);
}
END_TEST

/* Collections while 10 times as much is made as is alive. */
static GC_word collections_by(GC_word divisor) {
  enum { CELLS = 20000 };
  static void **list;
  GC_set_free_space_divisor(divisor);
  list = NULL;
  for (int i = 0; i < CELLS; i++) {
    void **cell = GC_malloc(1000);
    *cell = list;
    list = cell;
  }
  GC_gcollect();
  GC_word before = GC_get_gc_no();
  churn((size_t)CELLS * 1000 * 10);
  return GC_get_gc_no() - before;
}

START_TEST(growth_follows_the_divisor) {
  GC_INIT();
  GC_word many = collections_by(20), few = collections_by(1);
  ck_assert_uint_gt(few, 0);
  ck_assert_uint_gt(many, 2 * few);
}
END_TEST

static GC_word resized;
static void on_resize(GC_word bytes) { resized = bytes; }

START_TEST(growth_is_told) {
  void **list = NULL;
  GC_INIT();
  GC_set_on_heap_resize(on_resize);
  for (size_t n = 0; n < (size_t)50 << 20; n += 1000) {
    void **cell = GC_malloc(1000);
    *cell = list;
    list = cell;
  }
  ck_assert_uint_gt(resized, (size_t)20 << 20);
  GC_reachable_here(list);
}
END_TEST

int main(void) {
  Suite *s = suite_create("growth");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, growth_settings_are_kept);
  if (!contract_is_stressed()) {
    tcase_add_test(core, growth_by_wish_puts_off_collections);
    tcase_add_test(core, growth_ends_at_the_limit);
    tcase_add_test(core, growth_follows_the_divisor);
    tcase_add_test(core, growth_is_told);
  }
  suite_add_tcase(s, core);
  return contract_run(s);
}
