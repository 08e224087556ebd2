/* SPDX-License-Identifier: MIT */
/* tools/suppress: which rules match which stacks. */
#include "tools/suppress.h"

#include "t/unit/unit.h"

#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/cgc-suppress.XXXXXX";

static struct cgc_raw_module library = {.path = "/usr/lib/libfoo.so.1"};

/* strdup < read_config < main, and code that nobody knows at the outside. */
static const struct cgc_stack_frame frames[] = {
    {0, &library, 1, "strdup", NULL, 0, 0, false},
    {1, &library, 2, "ns::read_config(char const*)", "/src/conf.cc", 12, 3,
     false},
    {2, NULL, 3, "main", "/src/main.c", 40, 0, false},
    {3, NULL, 4, NULL, NULL, 0, 0, false},
};
static const struct cgc_stack_frame *pointers[] = {&frames[0], &frames[1],
                                                   &frames[2], &frames[3]};
static const struct cgc_stack stack = {4, pointers};

static void set_up(void) {
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
}

static void tear_down(void) { unlink(path); }

static struct cgc_suppress *rules_of(const char *text) {
  struct cgc_suppress *s = cgc_suppress_open();
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  fclose(file);
  ck_assert_int_eq(cgc_suppress_read(s, path), 0);
  return s;
}

static bool takes(const char *text, enum cgc_raw_class class) {
  struct cgc_suppress *s = rules_of(text);
  bool found = cgc_suppress_match(s, &stack, class) != NULL;
  cgc_suppress_close(s);
  return found;
}

static const struct {
  const char *rule;
  bool takes;
} lines[] = {
    {"leak:strdup", true},     {"leak:trdu", true},
    {"leak:^strdup$", true},   {"leak:^trdup", false},
    {"leak:strdu$", false},    {"leak:read*char", true},
    {"leak:char*read", false}, {"leak:^ns::*)$", true},
    {"leak:libfoo.so", true},  {"leak:libfoo.so$", false},
    {"leak:conf.cc", true},    {"leak:<unknown module>", true},
    {"  leak:main.c  ", true}, {"leak:nothing", false},
    {"leak:*", true},
};

START_TEST(suppress_takes_patterns) {
  ck_assert_int_eq(takes(lines[_i].rule, CGC_RAW_LOST), lines[_i].takes);
}
END_TEST

#define BLOCK(lines) "{\n  a name\n  cgc:leak\n" lines "}\n"
static const struct {
  const char *rule;
  bool takes;
} blocks[] = {
    {BLOCK("fun:strdup\n"), true},
    {BLOCK("fun:strdup\nfun:*read_config*\nfun:main\n"), true},
    {BLOCK("fun:strdup\nfun:main\n"), false},
    {BLOCK("fun:main\n"), false},
    {BLOCK("...\nfun:main\n"), true},
    {BLOCK("fun:strdup\n...\nfun:main\nobj:<unknown module>\n"), true},
    {BLOCK("fun:strdup\n...\nfun:main\nfun:*\nfun:*\n"), false},
    {BLOCK("...\nfun:main\n...\nfun:strdup\n"), false},
    {BLOCK("obj:/usr/lib/libfoo.so*\nobj:*foo*\n"), true},
    {BLOCK("obj:libfoo.so.1\n"), false},
    {BLOCK("fun:*\nsrc:conf.cc:12\n"), true},
    {BLOCK("fun:*\nsrc:conf.cc\n"), true},
    {BLOCK("fun:*\nsrc:/src/conf.cc:12\n"), true},
    {BLOCK("fun:*\nsrc:conf.cc:13\n"), false},
    {BLOCK("fun:malloc\nfun:strdup\n"), true},
    {BLOCK("fun:calloc\n...\nfun:main\n"), true},
    {BLOCK("fun:str?up\n"), true},
    {BLOCK("fun:*\nfun:_ZN2ns11read_configEPKc\n"), true},
    {"{\nn\nMemcheck:Leak\nmatch-leak-kinds: definite\nfun:strdup\n}", true},
    {"{\nn\nMemcheck:Leak\nmatch-leak-kinds: reachable\nfun:strdup\n}", false},
    {"{\nn\nMemcheck:Cond\nfun:strdup\n}", false},
    {"{\nn\nHelgrind:Race\nwhatever\n}\nleak:strdup", true},
};

START_TEST(suppress_takes_blocks) {
  if (strstr(blocks[_i].rule, "_ZN") && access("/usr/lib/x86_64-linux-gnu/"
                                               "libstdc++.so.6",
                                               F_OK) != 0)
    return;
  ck_assert_int_eq(takes(blocks[_i].rule, CGC_RAW_LOST), blocks[_i].takes);
}
END_TEST

START_TEST(suppress_knows_kinds) {
  const char *reachable = "{\nn\nMemcheck:Leak\nmatch-leak-kinds: reachable\n"
                          "fun:strdup\n}";
  ck_assert(takes(reachable, CGC_RAW_REACHABLE));
  ck_assert(!takes(reachable, CGC_RAW_LOW_CONFIDENCE));
}
END_TEST

/* The first rule of the file takes it, whichever kind it is. */
START_TEST(suppress_first_rule_wins) {
  struct cgc_suppress *s =
      rules_of("leak:nothing\n" BLOCK("fun:strdup\n") "leak:strdup\n");
  struct cgc_suppress_rule *rule = cgc_suppress_match(s, &stack, CGC_RAW_LOST);
  ck_assert_ptr_nonnull(rule);
  ck_assert_str_eq(rule->text, "a name");
  ck_assert_uint_eq(rule->line, 2);
  ck_assert_str_eq(cgc_suppress_rule(s, 2)->text, "leak:strdup");
  ck_assert_ptr_null(cgc_suppress_rule(s, 3));
  cgc_suppress_close(s);
  s = rules_of("leak:strdup\n" BLOCK("fun:strdup\n"));
  ck_assert_str_eq(cgc_suppress_match(s, &stack, CGC_RAW_LOST)->text,
                   "leak:strdup");
  cgc_suppress_close(s);
}
END_TEST

/* Stars one after another take no exponential time. */
START_TEST(suppress_matches_in_bounded_time) {
  ck_assert(
      !takes("leak:*r*r*r*r*r*r*r*r*r*r*r*r*r*r*r*r*r*r*r*r*x$", CGC_RAW_LOST));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("suppress");
  TCase *tc = tcase_create("core");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, suppress_takes_patterns, 0,
                      sizeof lines / sizeof lines[0]);
  tcase_add_loop_test(tc, suppress_takes_blocks, 0,
                      sizeof blocks / sizeof blocks[0]);
  tcase_add_test(tc, suppress_knows_kinds);
  tcase_add_test(tc, suppress_first_rule_wins);
  tcase_add_test(tc, suppress_matches_in_bounded_time);
  suite_add_tcase(suite, tc);
  return unit_run(suite);
}
