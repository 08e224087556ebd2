/* SPDX-License-Identifier: MIT */
#include "os/cgroup.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/cgc-cgroup-XXXXXX";
static struct cgc_cgroup work;

static const char *in_dir(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  FILE *f = fopen(in_dir(name), "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  fclose(f);
}

static void setup(void) {
  static const char *const dirs[] = {"a", "a/b", "memory", "memory/x",
                                     "memory/x/y"};
  ck_assert_ptr_nonnull(mkdtemp(dir));
  for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
    ck_assert_int_eq(mkdir(in_dir(dirs[i]), 0700), 0);
}

static void teardown(void) {
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  ck_assert_int_eq(system(command), 0);
}

static size_t limit(const char *groups) {
  char proc[64];
  write_file("proc", groups);
  snprintf(proc, sizeof proc, "%s/proc", dir);
  return cgc_cgroup_memory_limit(&work, proc, dir);
}

START_TEST(the_least_limit_on_the_way_up_counts) {
  write_file("a/memory.max", "3000000\n");
  write_file("a/b/memory.max", "max\n");
  ck_assert_uint_eq(limit("0::/a/b\n"), 3000000);
  write_file("a/b/memory.max", "4000000\n");
  ck_assert_uint_eq(limit("0::/a/b\n"), 3000000);
  write_file("a/b/memory.high", "2000000\n");
  ck_assert_uint_eq(limit("0::/a/b\n"), 2000000);
  ck_assert_uint_eq(limit("0::/a\n"), 3000000);
  write_file("memory.max", "1000000\n"); /* a container's own root */
  ck_assert_uint_eq(limit("0::/a/b\n"), 1000000);
  ck_assert_uint_eq(limit("0::/\n"), 1000000);
}
END_TEST

START_TEST(version_1_has_a_tree_of_its_own) {
  write_file("memory/x/y/memory.limit_in_bytes", "5000000\n");
  write_file("memory/x/memory.limit_in_bytes", "9223372036854771712\n");
  ck_assert_uint_eq(limit("9:pids:/\n4:cpu,memory:/x/y\n0::/\n"), 5000000);
  ck_assert_uint_eq(limit("4:memory,cpu:/x/y/gone\n"), 5000000);
  ck_assert_uint_eq(limit("4:memory:/x\n"), 0);
  ck_assert_uint_eq(limit("4:mymemory:/x/y\n4:memory_2:/x/y\n"), 0);
}
END_TEST

START_TEST(what_cant_be_read_is_no_limit) {
  char longest[4300];
  memset(longest, 'a', sizeof longest);
  memcpy(longest, "0::/", 4);
  longest[sizeof longest - 2] = '\n';
  longest[sizeof longest - 1] = '\0';
  write_file("memory.max", "7000000\n");
  ck_assert_uint_eq(limit(longest), 0); /* its end is lost */
  longest[4000] = '\n';
  longest[4001] = '\0';
  ck_assert_uint_eq(limit(longest), 7000000); /* of the root alone */
  ck_assert_uint_eq(limit(""), 0);
  ck_assert_uint_eq(limit("nonsense\n:\n4:memory\n"), 0);
  write_file("memory.max", "some\n");
  ck_assert_uint_eq(limit("0::/\n"), 0);
  write_file("memory.max", "99999999999999999999999999\n");
  ck_assert_uint_eq(limit("0::/\n"), 0);
  ck_assert_uint_eq(cgc_cgroup_memory_limit(&work, "/nowhere", dir), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("cgroup");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, teardown);
  tcase_add_test(core, the_least_limit_on_the_way_up_counts);
  tcase_add_test(core, version_1_has_a_tree_of_its_own);
  tcase_add_test(core, what_cant_be_read_is_no_limit);
  suite_add_tcase(s, core);
  return unit_run(s);
}
