/* SPDX-License-Identifier: MIT */
/* front/real: the function behind one that is interposed. */
#include "front/real.h"

#include "os/thread.h"
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

CGC_REAL(getppid)
CGC_REAL(close)

/* This program's own; the real one stands behind it. */
pid_t getppid(void) { return -77; }

static pid_t parent(void) {
  return (pid_t)cgc_thread_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
}

START_TEST(real_is_the_next_one) {
  ck_assert_int_eq(getppid(), -77);
  ck_assert_int_eq(CGC_CALL_REAL(getppid)(), parent());
  ck_assert_int_eq(CGC_CALL_REAL(getppid)(), parent());
  ck_assert_ptr_eq(cgc_real(&real_getppid), dlsym(RTLD_NEXT, "getppid"));
}
END_TEST

START_TEST(real_is_looked_up_at_its_first_use) {
  ck_assert_ptr_null(real_close.fn);
  errno = 7;
  void *fn = cgc_real(&real_close);
  ck_assert_int_eq(errno, 7);
  ck_assert_ptr_eq(real_close.fn, fn);
  ck_assert_int_eq(CGC_CALL_REAL(close)(-1), -1);
  ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(real_that_libc_lacks_fails) {
  struct cgc_real none = {.name = "no_libc_has_this"};
  errno = 7;
  int (*fn)(void) = (int (*)(void))cgc_real(&none);
  ck_assert_int_eq(errno, 7);
  ck_assert_int_eq(fn(), -1);
  ck_assert_int_eq(errno, ENOSYS);
  ck_assert(cgc_real(&none) == (void *)fn);
}
END_TEST

static Suite *real_suite(void) {
  Suite *s = suite_create("real");
  TCase *core = tcase_create("core");
  tcase_add_test(core, real_is_the_next_one);
  tcase_add_test(core, real_is_looked_up_at_its_first_use);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, real_that_libc_lacks_fails);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(real_suite()); }
