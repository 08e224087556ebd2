/* SPDX-License-Identifier: MIT */
/* front/misuse: what a wrong free prints, and what comes after. */
#include "front/misuse.h"

#include "base/log.h"
#include "base/option.h"

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static union {
  struct cgc_span span;
  char room[sizeof(struct cgc_span) + 64]; /* a byte for each slot */
} small;

/* Slot INDEX of a span of 32-byte slots. */
static struct cgc_object object(uint32_t index, uint8_t state) {
  small.span.base = 0x10000;
  small.span.slot_size = 32;
  small.span.nslots = 64;
  small.span.slots[index] = state;
  return (struct cgc_object){0x10000 + index * 32, 32, &small.span, index};
}

START_TEST(misuse_names_block_and_state) {
  char text[200];
  struct cgc_object o = object(2, CGC_SLOT_FREE);
  cgc_misuse_describe(text, sizeof text, CGC_MISUSE_DOUBLE_FREE, (void *)o.addr,
                      &o);
  ck_assert_str_eq(text,
                   "free(0x10040): double free, block=0x10040 size=32 (free)");
}
END_TEST

START_TEST(misuse_tells_interior_from_block) {
  char text[200];
  struct cgc_object o = object(2, CGC_SLOT_LIVE);
  cgc_misuse_describe(text, sizeof text, CGC_MISUSE_INTERIOR,
                      (char *)o.addr + 8, &o);
  ck_assert_str_eq(text, "free(0x10048): not the start of the block, "
                         "block=0x10040 size=32");
}
END_TEST

START_TEST(misuse_of_a_stranger_has_no_block) {
  char text[200];
  cgc_misuse_describe(text, sizeof text, CGC_MISUSE_NOT_HEAP, (void *)0x40,
                      NULL);
  ck_assert_str_eq(text, "free(0x40): not a block of the heap");
}
END_TEST

START_TEST(misuse_aborts) {
  cgc_log_set_fd(-1);
  cgc_options.bad_free = CGC_BAD_FREE_ABORT;
  cgc_misuse_free(CGC_MISUSE_NOT_HEAP, (void *)0x40, NULL);
}
END_TEST

/* What is printed at the option's value. */
static size_t printed(int64_t option, char *text, size_t size) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  cgc_options.bad_free = option;
  cgc_log_set_fd(ends[1]);
  errno = 7;
  cgc_misuse_free(CGC_MISUSE_NOT_HEAP, (void *)0x40, NULL);
  ck_assert_int_eq(errno, 7);
  close(ends[1]);
  ssize_t n = read(ends[0], text, size - 1);
  ck_assert_int_ge(n, 0);
  text[n] = '\0';
  close(ends[0]);
  return (size_t)n;
}

START_TEST(misuse_warns_and_goes_on) {
  char text[4000], expected[100];
  printed(CGC_BAD_FREE_WARN, text, sizeof text);
  snprintf(expected, sizeof expected,
           "cgc: [%d] error: free(0x40): not a block of the heap\n",
           (int)getpid());
  ck_assert_int_eq(strncmp(text, expected, strlen(expected)), 0);
}
END_TEST

START_TEST(misuse_can_be_silent) {
  char text[4000];
  ck_assert_uint_eq(printed(CGC_BAD_FREE_IGNORE, text, sizeof text), 0);
}
END_TEST

static Suite *misuse_suite(void) {
  Suite *s = suite_create("misuse");
  TCase *core = tcase_create("core");
  tcase_add_test(core, misuse_names_block_and_state);
  tcase_add_test(core, misuse_tells_interior_from_block);
  tcase_add_test(core, misuse_of_a_stranger_has_no_block);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test_raise_signal(errors, misuse_aborts, SIGABRT);
  tcase_add_test(errors, misuse_warns_and_goes_on);
  tcase_add_test(errors, misuse_can_be_silent);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(misuse_suite()); }
