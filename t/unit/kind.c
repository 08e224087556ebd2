/* SPDX-License-Identifier: MIT */
/* That the marker calls the functions is t/unit/marker's. */
#include "mark/kind.h"
#include "unit.h"

static void scan(struct cgc_marker *marker, uintptr_t lo, uintptr_t hi) {
  (void)marker, (void)lo, (void)hi;
}

static const struct cgc_kind_ops ops = {.scan = scan};

START_TEST(a_kind_has_the_function_that_was_set) {
  enum cgc_kind last = (enum cgc_kind)(CGC_KIND_LIMIT - 1);
  cgc_kind_set(CGC_KIND_DESCRIBED, &ops);
  cgc_kind_set(last, &ops);
  for (int kind = 0; kind < CGC_KIND_LIMIT; kind++) {
    bool is_set = kind == CGC_KIND_DESCRIBED || kind == (int)last;
    ck_assert(cgc_kind_scan_of((enum cgc_kind)kind) == (is_set ? scan : NULL));
  }
  cgc_kind_check();
}
END_TEST

START_TEST(no_described_kind_is_pinned) {
  for (int kind = CGC_KIND_DESCRIBED; kind < CGC_KIND_LIMIT; kind++) {
    ck_assert(cgc_kind_is_described((enum cgc_kind)kind));
    ck_assert(!cgc_kind_is_noscan((enum cgc_kind)kind));
    ck_assert(!cgc_kind_is_pinned((enum cgc_kind)kind));
  }
}
END_TEST

START_TEST(the_first_kinds_are_what_their_names_say) {
  ck_assert(!cgc_kind_is_pinned(CGC_KIND_NOSCAN));
  ck_assert(!cgc_kind_is_pinned(CGC_KIND_SCAN));
  ck_assert(cgc_kind_is_pinned(CGC_KIND_PINNED));
  ck_assert(cgc_kind_is_pinned(CGC_KIND_PINNED_NOSCAN));
  ck_assert(cgc_kind_is_noscan(CGC_KIND_NOSCAN));
  ck_assert(cgc_kind_is_noscan(CGC_KIND_PINNED_NOSCAN));
  ck_assert(!cgc_kind_is_described(CGC_KIND_PINNED_NOSCAN));
}
END_TEST

START_TEST(the_first_kinds_take_no_function) {
  cgc_kind_set(CGC_KIND_SCAN, &ops);
}
END_TEST

int main(void) {
  Suite *s = suite_create("kind");
  TCase *core = tcase_create("core");
  TCase *errors = tcase_create("errors");
  tcase_add_test(core, a_kind_has_the_function_that_was_set);
  tcase_add_test(core, no_described_kind_is_pinned);
  tcase_add_test(core, the_first_kinds_are_what_their_names_say);
  tcase_add_test_raise_signal(errors, the_first_kinds_take_no_function,
                              SIGABRT);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  return unit_run(s);
}
