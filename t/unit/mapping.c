/* SPDX-License-Identifier: MIT */
#include "os/mapping.h"

#include "os/page.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = CGC_OS_PAGE, MANY = 600 };

static struct cgc_mappings maps;

static bool parse(const char *line, struct cgc_mapping *m) {
  return cgc_mapping_parse(line, strlen(line), m);
}

static void check_kind(const char *flags_and_name, enum cgc_mapping_kind kind) {
  struct cgc_mapping m;
  char line[256], flags[8], name[128] = "";
  sscanf(flags_and_name, "%7s %127[^\n]", flags, name);
  snprintf(line, sizeof line,
           "7f0000000000-7f0000001000 %s 00000000 00:01 5%s%s", flags,
           name[0] ? "                 " : " ", name);
  ck_assert(parse(line, &m));
  ck_assert_msg(m.kind == kind, "%s is of kind %d", flags_and_name, m.kind);
}

START_TEST(a_line_is_parsed) {
  struct cgc_mapping m;
  ck_assert(parse("55d0c0a1c000-55d0c0a3d000 rw-p 00000000 00:00 0          "
                  "                [heap]",
                  &m));
  ck_assert_uint_eq(m.lo, 0x55d0c0a1c000);
  ck_assert_uint_eq(m.hi, 0x55d0c0a3d000);
  ck_assert_int_eq(m.prot, CGC_MAPPING_READ | CGC_MAPPING_WRITE);
  ck_assert(!m.shared && m.kind == CGC_MAPPING_HEAP);
  ck_assert(parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  "
                  "                [vsyscall]",
                  &m));
  ck_assert_uint_eq(m.hi, 0xffffffffff601000);
  ck_assert_int_eq(m.prot, CGC_MAPPING_EXEC);
}
END_TEST

START_TEST(names_tell_the_kind) {
  check_kind("rw-p", CGC_MAPPING_ANON);
  check_kind("rw-p [anon:arena of x]", CGC_MAPPING_ANON);
  check_kind("rw-p [stack]", CGC_MAPPING_STACK);
  check_kind("r--p [vvar]", CGC_MAPPING_SPECIAL);
  check_kind("r--p [vvar_vclock]", CGC_MAPPING_SPECIAL);
  check_kind("r-xp [vdso]", CGC_MAPPING_SPECIAL);
  check_kind("rw-p /usr/lib/libc.so.6", CGC_MAPPING_FILE);
  check_kind("rw-p /home/a b/c (deleted)", CGC_MAPPING_FILE);
  check_kind("rw-s /memfd:jit (deleted)", CGC_MAPPING_SHM);
  check_kind("rw-s /SYSV00000000 (deleted)", CGC_MAPPING_SHM);
  check_kind("rw-s /dev/zero (deleted)", CGC_MAPPING_SHM);
  check_kind("rw-s /dev/shm/x", CGC_MAPPING_SHM);
  check_kind("rw-s anon_inode:[io_uring]", CGC_MAPPING_SHM);
  check_kind("rw-s anon_inode:[perf_event]", CGC_MAPPING_DEVICE);
  check_kind("rw-s /dev/dri/card0", CGC_MAPPING_DEVICE);
  check_kind("rw-s socket:[123]", CGC_MAPPING_DEVICE);
}
END_TEST

START_TEST(other_text_is_refused) {
  struct cgc_mapping m;
  ck_assert(!parse("", &m));
  ck_assert(!parse("hello", &m));
  ck_assert(!parse("1000", &m));
  ck_assert(!parse("1000-", &m));
  ck_assert(!parse("1000-2000", &m));
  ck_assert(!parse("2000-1000 rw-p 00000000 00:00 0", &m));
}
END_TEST

static void read_maps(void) {
  ck_assert_int_eq(cgc_mapping_read(&maps), 0);
  for (size_t i = 1; i < maps.n; i++)
    ck_assert_uint_le(maps.all[i - 1].hi, maps.all[i].lo); /* I1 */
}

START_TEST(what_is_mapped_is_found) {
  int local;
  read_maps();
  const struct cgc_mapping *m = cgc_mapping_find(&maps, (uintptr_t)&local);
  ck_assert(m && m->kind == CGC_MAPPING_STACK);
  m = cgc_mapping_find(&maps, (uintptr_t)&maps);
  ck_assert(m && (m->prot & CGC_MAPPING_WRITE));
  m = cgc_mapping_find(&maps, (uintptr_t)read_maps);
  ck_assert(m && m->kind == CGC_MAPPING_FILE && (m->prot & CGC_MAPPING_EXEC));
  ck_assert_ptr_null(cgc_mapping_find(&maps, 0));
  ck_assert_ptr_null(cgc_mapping_find(&maps, UINTPTR_MAX));
}
END_TEST

START_TEST(many_mappings_are_read) {
  char *p =
      mmap(NULL, MANY * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < MANY; i += 2)
    mprotect(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE);
  for (int round = 0; round < 3; round++) {
    read_maps();
    ck_assert_uint_ge(maps.n, MANY);
    for (int i = 1; i < MANY - 1; i++) {
      const struct cgc_mapping *m =
          cgc_mapping_find(&maps, (uintptr_t)p + (size_t)i * PAGE);
      ck_assert_uint_eq(m->lo, (uintptr_t)p + (size_t)i * PAGE);
      ck_assert_int_eq((m->prot & CGC_MAPPING_WRITE) != 0, i % 2 == 0);
      ck_assert_ptr_eq(cgc_mapping_below(&maps, m), m - 1);
    }
  }
}
END_TEST

static const struct cgc_mapping *mapping_at(const char *addr) {
  read_maps();
  return cgc_mapping_find(&maps, (uintptr_t)addr);
}

/* What is kept from one reading to the next is what still holds. */
START_TEST(each_reading_sees_what_has_changed) {
  char *p = mmap(NULL, (MANY + 2) * PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *middle = p + PAGE;
  for (int round = 0; round < 3; round++) {
    mprotect(middle, PAGE, PROT_READ);
    ck_assert_int_eq(mapping_at(middle)->prot, CGC_MAPPING_READ);
    ck_assert_int_eq(mapping_at(middle)->prot, CGC_MAPPING_READ);
    mprotect(middle, PAGE, PROT_WRITE | PROT_READ); /* a text as long */
    ck_assert(mapping_at(middle)->prot & CGC_MAPPING_WRITE);
    for (int i = 0; i < MANY; i += 2) /* more than is read at a time */
      mprotect(middle + i * PAGE, PAGE, PROT_READ);
    ck_assert_int_eq(mapping_at(middle)->prot, CGC_MAPPING_READ);
    ck_assert_uint_ge(maps.n, MANY);
    mprotect(p, (MANY + 2) * PAGE, PROT_NONE);
    ck_assert_int_eq(mapping_at(middle)->prot, 0);
  }
}
END_TEST

START_TEST(no_descriptor_stays_open) {
  struct cgc_residency r;
  int before = dup(0);
  close(before);
  read_maps();
  cgc_mapping_resident_begin(&r, CGC_MAPPING_WAY_SCAN);
  cgc_mapping_resident_end(&r);
  int after = dup(0);
  ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(without_a_descriptor_it_is_an_error) {
  struct cgc_residency r;
  while (dup(0) >= 0)
    ;
  errno = 55;
  ck_assert_int_eq(cgc_mapping_read(&maps), -EMFILE);
  cgc_mapping_resident_begin(&r, CGC_MAPPING_WAY_SCAN);
  ck_assert_int_eq(r.way, CGC_MAPPING_WAY_WHOLE);
  ck_assert_int_eq(errno, 55);
}
END_TEST

/* ---- pages --------------------------------------------------------------- */

struct pages {
  uintptr_t base;
  uint64_t bits;
};

static void note_pages(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct pages *p = ctx;
  for (; lo < hi; lo += PAGE)
    p->bits |= 1ull << ((lo - p->base) / PAGE);
}

static uint64_t pages_of(void *base, size_t n, enum cgc_mapping_pages which,
                         enum cgc_mapping_way way) {
  struct pages p = {(uintptr_t)base, 0};
  struct cgc_residency r;
  cgc_mapping_resident_begin(&r, way);
  cgc_mapping_resident(&r, p.base, p.base + n * PAGE, which, note_pages, &p);
  cgc_mapping_resident_end(&r);
  return p.bits;
}

static const enum cgc_mapping_way ways[] = {
    CGC_MAPPING_WAY_SCAN, CGC_MAPPING_WAY_ENTRIES, CGC_MAPPING_WAY_WHOLE};

START_TEST(untouched_pages_are_left_out) {
  char *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(p, 64 * PAGE, MADV_NOHUGEPAGE);
  p[0] = p[5 * PAGE] = p[6 * PAGE] = p[63 * PAGE] = 1;
  ck_assert_uint_eq(pages_of(p, 64, CGC_MAPPING_PRESENT, ways[_i]),
                    1ull | 3ull << 5 | 1ull << 63);
}
END_TEST

START_TEST(only_copied_pages_of_a_file_count) {
  char name[] = "/tmp/cgc-mapping-XXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  ck_assert_int_eq(ftruncate(fd, 3 * PAGE + 100), 0);
  char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  ck_assert_int_eq(p[PAGE], 0); /* read: not copied */
  p[2 * PAGE] = 1;
  uint64_t found = pages_of(p, 8, CGC_MAPPING_COPIED, ways[_i]);
  ck_assert(found & 1 << 2);
  ck_assert_uint_eq(found & 0xf0, 0); /* behind the end of the file */
  if (ways[_i] != CGC_MAPPING_WAY_WHOLE)
    ck_assert_uint_eq(found, 1 << 2);
}
END_TEST

START_TEST(what_another_process_shares_is_seen) {
  char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    p[7 * PAGE] = 1;
    _exit(0);
  }
  waitpid(child, NULL, 0);
  p[3 * PAGE] = 1;
  uint64_t found = pages_of(p, 16, CGC_MAPPING_SHARED, ways[_i]);
  ck_assert_uint_eq(found & 1 << 3, 1 << 3);
  ck_assert_uint_eq(found & 1 << 7, 1 << 7);
}
END_TEST

START_TEST(shared_memory_shorter_than_its_mapping_is_safe) {
  int fd = memfd_create("short", 0);
  ck_assert_int_eq(ftruncate(fd, 2 * PAGE), 0);
  char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  p[0] = 1;
  uint64_t found = pages_of(p, 4, CGC_MAPPING_SHARED, ways[_i]);
  ck_assert_uint_eq(found & 0xd, 1);
}
END_TEST

START_TEST(a_child_sees_its_own_pages) {
  char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(p, 16 * PAGE, MADV_NOHUGEPAGE);
  int status;
  p[0] = 1;
  ck_assert_uint_eq(pages_of(p, 16, CGC_MAPPING_PRESENT, ways[0]), 1);
  pid_t child = fork();
  if (child == 0) {
    p[9 * PAGE] = 1;
    _exit(pages_of(p, 16, CGC_MAPPING_PRESENT, ways[0]) == (1 | 1 << 9) ? 0
                                                                        : 1);
  }
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  ck_assert_uint_eq(pages_of(p, 16, CGC_MAPPING_PRESENT, ways[0]), 1);
}
END_TEST

START_TEST(long_runs_come_in_order) {
  size_t n = 5000;
  char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(p, n * PAGE, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < n; i += 2)
    p[i * PAGE] = 1;
  for (size_t i = 0; i + 64 <= n; i += 64) {
    uint64_t found = pages_of(p + i * PAGE, 64, CGC_MAPPING_PRESENT, ways[_i]);
    /* The last resort reads the last page, which makes it present. */
    ck_assert_uint_eq(found & ~(1ull << 63), 0x5555555555555555);
  }
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("mapping");
  TCase *core = tcase_create("core");
  tcase_add_test(core, a_line_is_parsed);
  tcase_add_test(core, names_tell_the_kind);
  tcase_add_test(core, what_is_mapped_is_found);
  tcase_add_test(core, no_descriptor_stays_open);
  suite_add_tcase(s, core);
  TCase *pages = tcase_create("pages");
  tcase_set_timeout(pages, 30);
  tcase_add_loop_test(pages, untouched_pages_are_left_out, 0, 3);
  tcase_add_loop_test(pages, only_copied_pages_of_a_file_count, 0, 3);
  tcase_add_loop_test(pages, what_another_process_shares_is_seen, 0, 3);
  tcase_add_loop_test(pages, shared_memory_shorter_than_its_mapping_is_safe, 0,
                      3);
  tcase_add_loop_test(pages, long_runs_come_in_order, 0, 3);
  tcase_add_test(pages, a_child_sees_its_own_pages);
  suite_add_tcase(s, pages);
  TCase *limits = tcase_create("limits");
  tcase_add_test(limits, many_mappings_are_read);
  tcase_add_test(limits, each_reading_sees_what_has_changed);
  suite_add_tcase(s, limits);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, other_text_is_refused);
  tcase_add_test(errors, without_a_descriptor_it_is_an_error);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(suite()); }
