/* SPDX-License-Identifier: MIT */
#include "world/mailbox.h"

#include "unit.h"

/* As a debugger writes: N words of registers. */
static void put(pid_t tid, uint64_t n, uint64_t sp) {
  struct cgc_mailbox *box = &cgc_debug_mailbox;
  uint64_t *w = box->word + box->used;
  w[0] = (uint64_t)tid;
  w[1] = n;
  w[2] = sp;
  w[3] = sp + 1;
  for (uint64_t i = 0; i < n; i++)
    w[4 + i] = sp + i;
  box->used += 4 + n;
}

START_TEST(a_thread_is_found_with_its_registers) {
  struct cgc_mailbox_thread t;
  put(10, 17, 1000);
  put(11, 81, 2000);
  ck_assert(cgc_mailbox_find(11, &t));
  ck_assert_uint_eq(t.sp, 2000);
  ck_assert_uint_eq(t.fs_base, 2001);
  ck_assert_uint_eq((t.hi - t.lo) / 8, 81);
  ck_assert_uint_eq(((uint64_t *)t.lo)[80], 2080);
  ck_assert(cgc_mailbox_find(10, &t) && t.sp == 1000);
  ck_assert(!cgc_mailbox_find(12, &t));
}
END_TEST

START_TEST(a_cleared_box_knows_nobody) {
  struct cgc_mailbox_thread t;
  put(10, 17, 1000);
  cgc_mailbox_clear();
  ck_assert(!cgc_mailbox_find(10, &t));
  ck_assert_uint_eq(cgc_debug_mailbox.word[4], 0);
}
END_TEST

START_TEST(a_wrong_length_leads_nowhere) {
  struct cgc_mailbox_thread t;
  put(10, 17, 1000);
  cgc_debug_mailbox.word[1] = UINT64_MAX;
  ck_assert(!cgc_mailbox_find(10, &t));
  cgc_debug_mailbox.word[1] = 18;
  ck_assert(!cgc_mailbox_find(10, &t));
  cgc_debug_mailbox.used = UINT64_MAX;
  cgc_debug_mailbox.word[1] = CGC_MAILBOX_WORDS;
  ck_assert(!cgc_mailbox_find(11, &t));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("mailbox");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, cgc_mailbox_clear, NULL);
  tcase_add_test(core, a_thread_is_found_with_its_registers);
  tcase_add_test(core, a_cleared_box_knows_nobody);
  suite_add_tcase(suite, core);
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(errors, cgc_mailbox_clear, NULL);
  tcase_add_test(errors, a_wrong_length_leads_nowhere);
  suite_add_tcase(suite, errors);
  return unit_run(suite);
}
