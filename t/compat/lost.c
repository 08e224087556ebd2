/* SPDX-License-Identifier: MIT */
/* GC_find_leak: what was lost and never freed is told. */
#include "capture.h"

enum { LOST = 20 };

/* Half of them are freed, one is KEPT. */
CONTRACT_FN void lose(void **kept) {
  for (int i = 0; i < 2 * LOST; i++) {
    void *p = i % 4 < 2 ? GC_malloc(100) : GC_malloc_atomic(100);
    if (i % 2)
      GC_free(p);
  }
  *kept = GC_malloc(5000);
}

CONTRACT_FN void lose_debugging(void) {
  for (int i = 0; i < LOST; i++)
    GC_debug_malloc(100, "lost.c", 4711);
}

static size_t times(const char *text) {
  size_t n = 0;
  for (const char *p = printed; (p = strstr(p, text)); p++)
    n++;
  return n;
}

static void collect(void) {
  contract_scrub();
  begin_capture();
  GC_gcollect();
  end_capture();
}

START_TEST(lost_objects_are_told_once_and_no_others) {
  void *kept;
  GC_set_find_leak(1);
  GC_INIT();
  lose(&kept);
  collect();
  ck_assert_uint_eq(times("Found "), 1);
  ck_assert_uint_ge(times("object at 0x"), LOST - 4);
  ck_assert_uint_le(times("object at 0x"), LOST);
  ck_assert_uint_ge(times("(atomic)"), LOST / 2 - 4);
  ck_assert_uint_ge(times("(composite)"), LOST / 2 - 4);
  collect();
  ck_assert_uint_le(times("object at 0x"), 4);
  GC_reachable_here(kept);
}
END_TEST

START_TEST(lost_objects_of_the_debugging_allocator_have_a_place) {
  GC_set_find_leak(1);
  GC_INIT();
  lose_debugging();
  collect();
  ck_assert_uint_ge(times("(lost.c:4711, sz= 100"), LOST - 4);
}
END_TEST

START_TEST(lost_objects_are_no_news_unless_asked_for) {
  void *kept;
  GC_INIT();
  lose(&kept);
  collect();
  ck_assert_str_eq(printed, "");
  GC_reachable_here(kept);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lost");
  TCase *core = tcase_create("core");
  if (!contract_is_stressed()) { /* told by an earlier collection */
    tcase_add_test(core, lost_objects_are_told_once_and_no_others);
    tcase_add_test(core, lost_objects_of_the_debugging_allocator_have_a_place);
  }
  tcase_add_test(core, lost_objects_are_no_news_unless_asked_for);
  suite_add_tcase(s, core);
  return contract_run(s);
}
