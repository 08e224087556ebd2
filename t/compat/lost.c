/* SPDX-License-Identifier: MIT */
/* GC_find_leak: what was lost and never freed is told. */
#include "capture.h"

#include <signal.h>
#include <sys/wait.h>

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

static int nfinalized;

static void on_final(void *obj, void *data) {
  (void)obj;
  (void)data;
  nfinalized++;
}

CONTRACT_FN void lose_finalizable(void) {
  for (int i = 0; i < LOST; i++)
    GC_register_finalizer(GC_malloc(100), on_final, NULL, NULL, NULL);
}

/* Until then somebody may still free them. */
START_TEST(lost_objects_with_finalizers_are_told_when_these_have_run) {
  GC_set_find_leak(1);
  GC_set_finalize_on_demand(1);
  GC_INIT();
  lose_finalizable();
  collect();
  if (!contract_is_ours()) { /* tells them, and frees them, at once */
    ck_assert_uint_ge(times("object at 0x"), LOST - 4);
    return;
  }
  ck_assert_uint_le(times("object at 0x"), 2);
  GC_invoke_finalizers();
  ck_assert_int_ge(nfinalized, LOST - 2);
  collect();
  ck_assert_uint_ge(times("object at 0x"), LOST - 4);
}
END_TEST

START_TEST(lost_objects_with_finalizers_are_told_at_the_end) {
  GC_set_find_leak(1);
  GC_INIT();
  begin_capture();
  pid_t child = fork();
  if (child == 0) {
    lose_finalizable();
    contract_scrub();
    exit(0);
  }
  waitpid(child, NULL, 0);
  end_capture();
  ck_assert_uint_ge(times("object at 0x"), LOST - 4);
}
END_TEST

START_TEST(lost_objects_abort_if_asked_for) {
  void *kept;
  setenv("GC_ABORT_ON_LEAK", "", 1);
  GC_set_find_leak(1);
  GC_INIT();
  lose(&kept);
  collect();
  GC_reachable_here(kept);
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
    tcase_add_test(core,
                   lost_objects_with_finalizers_are_told_when_these_have_run);
    tcase_add_test(core, lost_objects_with_finalizers_are_told_at_the_end);
    tcase_add_test_raise_signal(core, lost_objects_abort_if_asked_for, SIGABRT);
  }
  tcase_add_test(core, lost_objects_are_no_news_unless_asked_for);
  suite_add_tcase(s, core);
  return contract_run(s);
}
