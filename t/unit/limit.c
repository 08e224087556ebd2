/* SPDX-License-Identifier: MIT */
/* front/limit: what is reserved does not count against the program's limit. */
#include "front/limit.h"

#include "front/alloc.h"
#include "front/init.h"
#include "heap/heap.h"
#include "unit.h"
#include "world/mutator.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct rlimit low = {512 * CGC_MIB, RLIM_INFINITY};
static const struct rlimit64 low64 = {512 * CGC_MIB, RLIM64_INFINITY};

static void set_up(void) {
  ck_assert_ptr_nonnull(cgc_init_thread());
  ck_assert(!cgc_heap.arena.claimed);
}

static bool can_map(size_t bytes) {
  return mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
         MAP_FAILED;
}

static bool is_limited(void) {
  return cgc_heap.arena.claimed && can_map(16 * CGC_MIB) && !can_map(CGC_GIB);
}

START_TEST(limit_of_address_space_ends_the_reservation) {
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &low), 0);
  ck_assert(is_limited());
}
END_TEST

START_TEST(limit_by_the_other_names) {
  switch (_i) {
  case 0:
    ck_assert_int_eq(setrlimit64(RLIMIT_AS, &low64), 0);
    break;
  case 1:
    ck_assert_int_eq(prlimit(0, RLIMIT_AS, &low, NULL), 0);
    break;
  default:
    ck_assert_int_eq(prlimit64(getpid(), RLIMIT_AS, &low64, NULL), 0);
  }
  ck_assert(is_limited());
}
END_TEST

START_TEST(limit_is_where_allocation_fails) {
  size_t n = 0;
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &low), 0);
  errno = 0;
  while (cgc_alloc(CGC_MIB, CGC_KIND_PINNED, false))
    n++;
  ck_assert_int_eq(errno, ENOMEM);
  ck_assert_uint_ge(n, 256);
  ck_assert_uint_le(n, 512);
}
END_TEST

START_TEST(limits_of_other_things_change_nothing) {
  struct rlimit old;
  struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  ck_assert_int_eq(setrlimit(RLIMIT_STACK, &low), 0);
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
  ck_assert_int_eq(prlimit(0, RLIMIT_AS, NULL, &old), 0);
  ck_assert_int_eq(prlimit64(0, RLIMIT_AS, NULL, NULL), 0);
  ck_assert(old.rlim_cur == RLIM_INFINITY);
  ck_assert(!cgc_heap.arena.claimed);
}
END_TEST

static pid_t start_sleeper(void) {
  pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  return pid;
}

START_TEST(limit_of_another_process_changes_nothing) {
  pid_t pid = start_sleeper();
  int result = prlimit(pid, RLIMIT_AS, &low, NULL);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  ck_assert_int_eq(result, 0);
  ck_assert(!cgc_heap.arena.claimed);
}
END_TEST

START_TEST(limit_in_a_vforks_child_leaves_the_parent_alone) {
  int status;
  pid_t pid = vfork();
  if (pid == 0)
    _exit(setrlimit(RLIMIT_AS, &low) != 0);
  waitpid(pid, &status, 0);
  ck_assert_int_eq(status, 0);
  ck_assert(!cgc_heap.arena.claimed);
}
END_TEST

START_TEST(limit_in_the_middle_of_the_allocator_waits_for_nothing) {
  struct cgc_mutator *self = cgc_self;
  ck_assert(cgc_mutator_enter(self));
  cgc_lock(&cgc_heap.pageheap.lock);
  int result = setrlimit(RLIMIT_AS, &low);
  cgc_unlock(&cgc_heap.pageheap.lock);
  cgc_mutator_leave(self);
  ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(limit_keeps_errno) {
  struct rlimit wrong = {2, 1};
  errno = 7;
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &low), 0);
  ck_assert_int_eq(errno, 7);
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &wrong), -1);
  ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static Suite *limit_suite(void) {
  Suite *s = suite_create("limit");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, limit_of_address_space_ends_the_reservation);
  tcase_add_loop_test(core, limit_by_the_other_names, 0, 3);
  tcase_add_test(core, limit_is_where_allocation_fails);
  tcase_add_test(core, limits_of_other_things_change_nothing);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(errors, set_up, NULL);
  tcase_add_test(errors, limit_of_another_process_changes_nothing);
  tcase_add_test(errors, limit_in_a_vforks_child_leaves_the_parent_alone);
  tcase_add_test(errors,
                 limit_in_the_middle_of_the_allocator_waits_for_nothing);
  tcase_add_test(errors, limit_keeps_errno);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(limit_suite()); }
