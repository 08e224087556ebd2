/* SPDX-License-Identifier: MIT */
#include "heap/span.h"

#include "base/log.h"
#include "unit.h"

static const uintptr_t base = (uintptr_t)1 << 40;
static const uint8_t states[] = {CGC_SLOT_FREE, CGC_SLOT_LIVE, CGC_SLOT_HELD,
                                 CGC_SLOT_LIVE | CGC_SLOT_SPECIAL};

static void set_up(void) {
  cgc_sizeclass_init();
  cgc_log_set_fd(-1);
}

static struct cgc_span *new_span(unsigned class) {
  size_t npages = class == CGC_CLASS_LARGE ? 3 : cgc_size_classes[class].npages;
  struct cgc_span *span = cgc_span_new(base, npages, class, CGC_KIND_SCAN);
  ck_assert_ptr_nonnull(span);
  return span;
}

START_TEST(a_new_span_is_all_free) {
  for (unsigned class = 1; class <= CGC_CLASS_LARGE; class ++) {
    struct cgc_span *span = new_span(class);
    cgc_span_check(span);
    ck_assert_uint_eq(span->nfree, span->nslots);
    ck_assert_uint_eq(cgc_span_count_free(span), span->nslots);
    for (uint32_t w = 0; w < cgc_span_words(span); w++)
      ck_assert_uint_eq(cgc_span_live(span, w), 0);
    cgc_span_delete(span);
  }
}
END_TEST

START_TEST(slots_follow_each_other) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    struct cgc_span *span = new_span(class);
    uintptr_t addr = base;
    for (uint32_t i = 0; i < span->nslots; i++, addr += span->slot_size)
      ck_assert_uint_eq(cgc_span_slot_address(span, i), addr);
    ck_assert_uint_le(addr, base + ((size_t)span->npages << CGC_PAGE_SHIFT));
    cgc_span_delete(span);
  }
}
END_TEST

/* The bit words against a look at each state byte. */
static void compare(const struct cgc_span *span) {
  uint32_t nfree = 0;
  for (uint32_t i = 0; i < 64 * cgc_span_words(span); i++) {
    bool exists = i < span->nslots;
    bool live = exists && (span->slots[i] & CGC_SLOT_LIVE);
    bool unused = exists && span->slots[i] == CGC_SLOT_FREE;
    ck_assert_uint_eq(cgc_span_live(span, i / 64) >> (i % 64) & 1, live);
    ck_assert_uint_eq(cgc_span_free(span, i / 64) >> (i % 64) & 1, unused);
    nfree += unused;
  }
  ck_assert_uint_eq(cgc_span_count_free(span), nfree);
}

START_TEST(bits_say_what_the_state_bytes_say) {
  struct unit_random r = unit_random();
  for (unsigned class = 1; class <= CGC_CLASS_LARGE; class ++) {
    struct cgc_span *span = new_span(class);
    for (int round = 0; round < 20; round++) {
      for (uint32_t i = 0; i < span->nslots; i++)
        span->slots[i] = states[unit_below(&r, 4)];
      compare(span);
      cgc_span_check(span);
    }
    cgc_span_delete(span);
  }
}
END_TEST

START_TEST(special_is_live) {
  struct cgc_span *span = new_span(5);
  span->slots[3] = CGC_SLOT_LIVE;
  cgc_span_set_special(span, 3, true);
  ck_assert(cgc_slot_is_live(span->slots[3]));
  ck_assert(span->slots[3] & CGC_SLOT_SPECIAL);
  cgc_span_set_special(span, 3, false);
  ck_assert_uint_eq(span->slots[3], CGC_SLOT_LIVE);
}
END_TEST

START_TEST(kinds_say_what_they_are) {
  ck_assert(cgc_kind_is_noscan(CGC_KIND_NOSCAN));
  ck_assert(!cgc_kind_is_noscan(CGC_KIND_SCAN));
  ck_assert(!cgc_kind_is_noscan(CGC_KIND_PINNED));
  ck_assert(cgc_kind_is_noscan(CGC_KIND_PINNED_NOSCAN));
  ck_assert(!cgc_kind_is_pinned(CGC_KIND_NOSCAN));
  ck_assert(!cgc_kind_is_pinned(CGC_KIND_SCAN));
  ck_assert(cgc_kind_is_pinned(CGC_KIND_PINNED));
  ck_assert(cgc_kind_is_pinned(CGC_KIND_PINNED_NOSCAN));
}
END_TEST

START_TEST(an_unknown_state_is_noticed) {
  struct cgc_span *span = new_span(5);
  span->slots[1] = CGC_SLOT_HELD | CGC_SLOT_LIVE;
  cgc_span_check(span);
}
END_TEST

START_TEST(a_changed_slot_size_is_noticed) {
  struct cgc_span *span = new_span(5);
  span->slot_size++;
  cgc_span_check(span);
}
END_TEST

int main(void) {
  Suite *s = suite_create("span");
  TCase *core = tcase_create("core");
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_checked_fixture(errors, set_up, NULL);
  tcase_add_test(core, a_new_span_is_all_free);
  tcase_add_test(core, slots_follow_each_other);
  tcase_add_test(core, bits_say_what_the_state_bytes_say);
  tcase_add_test(core, special_is_live);
  tcase_add_test(core, kinds_say_what_they_are);
  tcase_add_test_raise_signal(errors, an_unknown_state_is_noticed, SIGABRT);
  tcase_add_test_raise_signal(errors, a_changed_slot_size_is_noticed, SIGABRT);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  return unit_run(s);
}
