/* SPDX-License-Identifier: MIT */
#include "os/page.h"

#include "base/lock.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 2000, MANY = 3000 };

static bool is_own(const void *p, size_t bytes) {
  uintptr_t lo, hi;
  return cgc_page_is_own((uintptr_t)p, (uintptr_t)p + bytes, &lo, &hi) &&
         lo <= (uintptr_t)p && hi >= (uintptr_t)p + bytes;
}

static bool is_foreign(const void *p, size_t bytes) {
  uintptr_t lo, hi;
  return !cgc_page_is_own((uintptr_t)p, (uintptr_t)p + bytes, &lo, &hi);
}

static bool is_resident(void *p) {
  unsigned char in_core;
  ck_assert_int_eq(mincore(p, CGC_OS_PAGE, &in_core), 0);
  return in_core & 1;
}

START_TEST(reservations_are_aligned_and_own) {
  for (size_t align = CGC_OS_PAGE; align <= CGC_GIB; align *= 4) {
    char *p = cgc_page_reserve(10 * CGC_MIB, align);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq((uintptr_t)p % align, 0);
    ck_assert(is_own(p, 10 * CGC_MIB));
    cgc_page_check();
    cgc_page_unmap(p, 10 * CGC_MIB);
    ck_assert(is_foreign(p, 10 * CGC_MIB));
  }
}
END_TEST

START_TEST(whole_pages_of_a_variable_become_own) {
  static char variable[4 * CGC_OS_PAGE];
  char *first = (char *)cgc_round_up((uintptr_t)variable + 1, CGC_OS_PAGE);
  ck_assert(cgc_page_adopt(first - 1, 2 * CGC_OS_PAGE + 2));
  ck_assert(is_own(first, 2 * CGC_OS_PAGE));
  ck_assert(is_foreign(first - 1, 1));
  ck_assert(is_foreign(first + 2 * CGC_OS_PAGE, 1));
  ck_assert(cgc_page_adopt(first, 2 * CGC_OS_PAGE));
  ck_assert(cgc_page_adopt(variable, 10));
  cgc_page_check();
}
END_TEST

START_TEST(an_array_grows_and_keeps_what_it_holds) {
  size_t capacity = 0;
  uint32_t *array = cgc_page_grow(NULL, &capacity, sizeof *array, 100);
  ck_assert_ptr_nonnull(array);
  ck_assert_uint_eq(capacity, 100);
  for (uint32_t n = 0; n < 50000; n++) {
    if (n == capacity) {
      uint32_t *old = array;
      array = cgc_page_grow(array, &capacity, sizeof *array, 100);
      ck_assert_ptr_nonnull(array);
      ck_assert_uint_eq(capacity, (size_t)2 * n);
      ck_assert(is_foreign(old, n * sizeof *old));
    }
    array[n] = n;
  }
  for (uint32_t n = 0; n < 50000; n++)
    ck_assert_uint_eq(array[n], n);
  ck_assert(is_own(array, capacity * sizeof *array));
  cgc_page_unmap(array, capacity * sizeof *array);
}
END_TEST

START_TEST(an_array_stays_where_memory_is_out) {
  size_t capacity = 0;
  char *array = cgc_page_grow(NULL, &capacity, 1, 1000);
  array[999] = 7;
  size_t huge = (size_t)1 << 60;
  ck_assert_ptr_null(cgc_page_grow(array, &huge, 1, 1));
  ck_assert_uint_eq(huge, (size_t)1 << 60);
  ck_assert_int_eq(array[999], 7);
  ck_assert(is_own(array, 1000));
}
END_TEST

START_TEST(committed_pages_are_zero_and_not_resident) {
  char *p = cgc_page_reserve(CGC_MIB, CGC_OS_PAGE);
  ck_assert(cgc_page_commit(p + 65536, 65536));
  ck_assert(!is_resident(p + 65536));
  ck_assert_int_eq(p[65536], 0);
  p[65536 + 65535] = 1;
  cgc_page_discard(p + 65536, 65536);
  ck_assert_int_eq(p[65536 + 65535], 0);
}
END_TEST

START_TEST(locked_pages_that_are_discarded_are_zero) {
  char *p = cgc_page_map(65536);
  if (mlock(p, 65536) != 0)
    return; /* not allowed here */
  p[0] = p[65535] = 1;
  cgc_page_discard(p, 65536);
  ck_assert_int_eq(p[0] | p[65535], 0);
}
END_TEST

/* Whether the kernel leaves the mapping of P out of cores: flag dd. */
static bool is_left_out(const void *p) {
  char line[512];
  unsigned long lo, hi;
  bool inside = false, found = false;
  FILE *f = fopen("/proc/self/smaps", "r");
  ck_assert_ptr_nonnull(f);
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
      inside = lo <= (uintptr_t)p && (uintptr_t)p < hi;
    else if (inside && strncmp(line, "VmFlags:", 8) == 0)
      found = strstr(line, " dd") != NULL;
  }
  fclose(f);
  return found;
}

START_TEST(cores_hold_what_is_committed) {
  char *p = cgc_page_reserve(16 * CGC_OS_PAGE, CGC_OS_PAGE);
  ck_assert(cgc_page_commit(p + 4 * CGC_OS_PAGE, 4 * CGC_OS_PAGE));
  ck_assert(is_left_out(p));
  ck_assert(!is_left_out(p + 4 * CGC_OS_PAGE));
  ck_assert(is_left_out(p + 8 * CGC_OS_PAGE));
  cgc_page_unmap(p, 16 * CGC_OS_PAGE);
}
END_TEST

START_TEST(a_part_can_be_given_back) {
  char *p = cgc_page_map(16 * CGC_OS_PAGE);
  cgc_page_unmap(p + 4 * CGC_OS_PAGE, 4 * CGC_OS_PAGE);
  cgc_page_check();
  ck_assert(is_own(p, 4 * CGC_OS_PAGE));
  ck_assert(is_foreign(p + 4 * CGC_OS_PAGE, 4 * CGC_OS_PAGE));
  ck_assert(is_own(p + 8 * CGC_OS_PAGE, 8 * CGC_OS_PAGE));
}
END_TEST

START_TEST(an_odd_size_is_rounded_up) {
  char *p = cgc_page_map(5000);
  p[8191] = 1;
  ck_assert(is_own(p, 8192));
  cgc_page_unmap(p, 5000);
  ck_assert(is_foreign(p, 8192));
}
END_TEST

START_TEST(the_first_own_range_is_found) {
  char *p = cgc_page_map(9 * CGC_OS_PAGE);
  uintptr_t at = (uintptr_t)p, lo, hi;
  cgc_page_unmap(p, 3 * CGC_OS_PAGE);
  cgc_page_unmap(p + 6 * CGC_OS_PAGE, CGC_OS_PAGE);
  ck_assert(cgc_page_is_own(at, at + 9 * CGC_OS_PAGE, &lo, &hi));
  ck_assert_uint_eq(lo, at + 3 * CGC_OS_PAGE);
  ck_assert_uint_eq(hi, at + 6 * CGC_OS_PAGE);
}
END_TEST

START_TEST(a_claim_takes_only_what_is_free) {
  char *p = cgc_page_reserve(4 * CGC_OS_PAGE, CGC_OS_PAGE);
  ck_assert_int_eq(cgc_page_claim(p, CGC_OS_PAGE), -EEXIST);
  cgc_page_unmap(p, 4 * CGC_OS_PAGE);
  ck_assert_int_eq(cgc_page_claim(p, 2 * CGC_OS_PAGE), 0);
  p[2 * CGC_OS_PAGE - 1] = 1;
  ck_assert(is_own(p, 2 * CGC_OS_PAGE));
  ck_assert_int_eq(cgc_page_claim(p + CGC_OS_PAGE, CGC_OS_PAGE), -EEXIST);
}
END_TEST

START_TEST(the_table_grows_without_a_limit) {
  char *first = (char *)0x200000000000; /* far from the table itself */
  for (size_t i = 0; i < MANY; i++)
    ck_assert_int_eq(cgc_page_claim(first + 2 * i * CGC_OS_PAGE, CGC_OS_PAGE),
                     0);
  cgc_page_check();
  for (size_t i = 0; i < MANY; i++) {
    ck_assert(is_own(first + 2 * i * CGC_OS_PAGE, CGC_OS_PAGE));
    ck_assert(is_foreign(first + (2 * i + 1) * CGC_OS_PAGE, CGC_OS_PAGE));
  }
  for (size_t i = 0; i < MANY; i++)
    cgc_page_unmap(first + 2 * i * CGC_OS_PAGE, CGC_OS_PAGE);
  cgc_page_check();
}
END_TEST

START_TEST(no_memory_is_null_and_errno_is_kept) {
  if (CGC_SANITIZED)
    return; /* no room for the sanitizer's shadow */
  struct rlimit none = {CGC_MIB, CGC_MIB};
  cgc_page_map(1);
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
  errno = 77;
  ck_assert_ptr_null(cgc_page_map(CGC_GIB));
  ck_assert_ptr_null(cgc_page_reserve(CGC_GIB, CGC_MIB));
  ck_assert_int_eq(cgc_page_claim((void *)0x100000000000, CGC_GIB), -ENOMEM);
  ck_assert(!cgc_page_commit((void *)0x100000000000, CGC_OS_PAGE));
  cgc_page_discard((void *)0x100000000000, CGC_OS_PAGE);
  cgc_page_name((void *)0x100000000000, CGC_OS_PAGE, "x");
  cgc_page_hugepages((void *)0x100000000000, CGC_OS_PAGE, true);
  ck_assert_int_eq(errno, 77);
}
END_TEST

static void *map_and_unmap(void *arg) {
  struct unit_random r = {(uint64_t)(size_t)arg * 2 + 1};
  char *mine[16] = {0};
  for (int i = 0; i < ROUNDS; i++) {
    size_t at = unit_below(&r, 16), bytes = (at + 1) * CGC_OS_PAGE;
    if (mine[at]) {
      ck_assert(is_own(mine[at], bytes));
      cgc_page_unmap(mine[at], bytes);
      mine[at] = NULL;
    } else {
      mine[at] = cgc_page_map(bytes);
      ck_assert_int_eq(mine[at][bytes - 1], 0);
      mine[at][bytes - 1] = 1;
    }
  }
  return NULL;
}

START_TEST(threads_map_and_unmap_at_once) {
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, map_and_unmap, (void *)i);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  cgc_page_check();
}
END_TEST

START_TEST(a_forked_child_has_the_table) {
  char *p = cgc_page_map(CGC_OS_PAGE);
  int status;
  cgc_page_init();
  cgc_lock_all();
  pid_t child = fork();
  if (child == 0) {
    cgc_lock_reset_all();
    char *q = cgc_page_map(CGC_OS_PAGE);
    _exit(is_own(p, CGC_OS_PAGE) && is_own(q, CGC_OS_PAGE) ? 0 : 1);
  }
  cgc_unlock_all();
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("page");
  TCase *core = tcase_create("core");
  tcase_add_test(core, reservations_are_aligned_and_own);
  tcase_add_test(core, whole_pages_of_a_variable_become_own);
  tcase_add_test(core, an_array_grows_and_keeps_what_it_holds);
  tcase_add_test(core, an_array_stays_where_memory_is_out);
  tcase_add_test(core, committed_pages_are_zero_and_not_resident);
  tcase_add_test(core, locked_pages_that_are_discarded_are_zero);
  tcase_add_test(core, cores_hold_what_is_committed);
  tcase_add_test(core, a_part_can_be_given_back);
  tcase_add_test(core, an_odd_size_is_rounded_up);
  tcase_add_test(core, the_first_own_range_is_found);
  tcase_add_test(core, a_claim_takes_only_what_is_free);
  suite_add_tcase(s, core);
  TCase *limits = tcase_create("limits");
  tcase_add_test(limits, the_table_grows_without_a_limit);
  tcase_add_test(limits, no_memory_is_null_and_errno_is_kept);
  suite_add_tcase(s, limits);
  TCase *concurrent = tcase_create("concurrent");
  tcase_set_timeout(concurrent, 30);
  tcase_add_test(concurrent, threads_map_and_unmap_at_once);
  tcase_add_test(concurrent, a_forked_child_has_the_table);
  suite_add_tcase(s, concurrent);
  return s;
}

int main(void) { return unit_run(suite()); }
