/* SPDX-License-Identifier: MIT */
/* tools/raw: records become structs; a record that is not whole is no report.
 */
#include "tools/raw.h"

#include "t/unit/unit.h"

#include <string.h>
#include <unistd.h>

#define HEAD                                                                   \
  "cgc-leak 1\nprocess 42 /bin/a%20b%25\nreason signal:TERM check 3\n"
#define MODULE "module 7 1000 3000 1000 0123abcd /lib/x.so\n"
#define END "end\n"

static char path[] = "/tmp/cgc-raw.XXXXXX";

static void set_up(void) {
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
}

static void tear_down(void) { unlink(path); }

static struct cgc_raw *read_text(const char *text) {
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  fclose(file);
  return cgc_raw_read(path);
}

START_TEST(raw_reads_process_and_reason) {
  struct cgc_raw *raw = read_text(HEAD END);
  ck_assert_ptr_nonnull(raw);
  ck_assert_uint_eq(raw->pid, 42);
  ck_assert_str_eq(raw->program, "/bin/a b%");
  ck_assert_str_eq(raw->reason, "signal:TERM");
  ck_assert_uint_eq(raw->check, 3);
  cgc_raw_close(raw);
}
END_TEST

START_TEST(raw_reads_groups) {
  struct cgc_raw *raw = read_text(
      HEAD MODULE "stack 1 7:a0 -:ff00 7:b1\n"
                  "group lost 1 2 48 3 96 1 24 1f00,1f40 -\n"
                  "group reachable - 1 8 0 0 0 0 - data:7:20\n"
                  "group stack-only 1 1 8 0 0 0 0 - thread:99 later field\n"
                  "group unheard-of 1 1 8\n"
                  "stack 1 7:a0 -:ff00 7:b1\n"
                  "total lost 5 144\n" END);
  struct cgc_raw_group *g;
  ck_assert_ptr_nonnull(raw);
  ck_assert_uint_eq(raw->ngroups, 3);
  g = raw->groups;
  ck_assert_int_eq(g->class, CGC_RAW_LOST);
  ck_assert_uint_eq(g->stack->nframes, 3);
  ck_assert_str_eq(g->stack->frames[0].module->path, "/lib/x.so");
  ck_assert_str_eq(g->stack->frames[0].module->build_id, "0123abcd");
  ck_assert_uint_eq(g->stack->frames[0].addr, 0xa0);
  ck_assert_ptr_null(g->stack->frames[1].module);
  ck_assert_uint_eq(g->stack->frames[1].addr, 0xff00);
  ck_assert_uint_eq(g->objects, 2);
  ck_assert_uint_eq(g->bytes, 48);
  ck_assert_uint_eq(g->below_objects, 3);
  ck_assert_uint_eq(g->below_bytes, 96);
  ck_assert_uint_eq(g->new_objects, 1);
  ck_assert_uint_eq(g->new_bytes, 24);
  ck_assert_uint_eq(g->nexamples, 2);
  ck_assert_uint_eq(g->examples[1], 0x1f40);
  ck_assert_int_eq(g->holder.kind, CGC_RAW_HOLDER_NONE);
  ck_assert_uint_eq(g[1].stack->nframes, 0);
  ck_assert_uint_eq(g[1].nexamples, 0);
  ck_assert_int_eq(g[1].holder.kind, CGC_RAW_HOLDER_DATA);
  ck_assert_uint_eq(g[1].holder.where, 0x20);
  ck_assert_int_eq(g[2].holder.kind, CGC_RAW_HOLDER_THREAD);
  ck_assert_uint_eq(raw->totals[CGC_RAW_LOST].bytes, 144);
  cgc_raw_close(raw);
}
END_TEST

START_TEST(raw_reads_the_rest) {
  struct cgc_raw *raw =
      read_text(HEAD MODULE "stack 1 7:a0\ngrowth 1 4096 16 5\n"
                            "fault malloc 12 1\ncalls any 99\n"
                            "badfree interior 1010 1000 32 16 1 1 -\n"
                            "badfree wild ff - - - 1 - -\n" END);
  ck_assert_ptr_nonnull(raw);
  ck_assert_uint_eq(raw->growths[0].checks, 5);
  ck_assert_str_eq(raw->faults[0].kind, "malloc");
  ck_assert_uint_eq(raw->calls[0].number, 99);
  ck_assert(raw->badfrees[0].has_block);
  ck_assert_uint_eq(raw->badfrees[0].offset, 16);
  ck_assert_uint_eq(raw->badfrees[0].freed->nframes, 0);
  ck_assert(!raw->badfrees[1].has_block);
  cgc_raw_close(raw);
}
END_TEST

/* Cut anywhere it is no report, and never a crash. */
START_TEST(raw_rejects_each_cut) {
  static const char whole[] =
      HEAD MODULE "stack 1 7:a0 7:b1\ngroup lost 1 2 48 3 96 1 24 1f00 -\n" END;
  char text[sizeof whole];
  ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
  for (size_t n = 0; n < sizeof whole - 1; n++) {
    memcpy(text, whole, n);
    text[n] = '\0';
    ck_assert_msg(read_text(text) == NULL, "cut at %zu", n);
  }
}
END_TEST

static const char *const wrong[] = {
    HEAD "stack 1 9:a0\n" END, /* no such module */
    HEAD "group lost 1 2 48 3 96 1 24 1f00 -\n" END,
    HEAD "group lost - 2 48 3 -96 1 24 1f00 -\n" END,
    HEAD "group lost - 2 48 3 99999999999999999999 1 24 1f00 -\n" END,
    HEAD "group lost -  2 48 3 96 1 24 1f00 -\n" END,
    HEAD "stack 1 77\nstack 2 7\nfault\n" END,
    HEAD "process x\n" END,
    "\n" HEAD END,
};

START_TEST(raw_rejects_what_is_not_whole) {
  ck_assert_ptr_null(read_text(wrong[_i]));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("raw");
  TCase *tc = tcase_create("core");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, raw_reads_process_and_reason);
  tcase_add_test(tc, raw_reads_groups);
  tcase_add_test(tc, raw_reads_the_rest);
  suite_add_tcase(suite, tc);
  tc = tcase_create("errors");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, raw_rejects_each_cut);
  tcase_add_loop_test(tc, raw_rejects_what_is_not_whole, 0,
                      sizeof wrong / sizeof wrong[0]);
  suite_add_tcase(suite, tc);
  return unit_run(suite);
}
