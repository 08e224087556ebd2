/* SPDX-License-Identifier: MIT */
/* front/exec: programs are executed with their arguments, and where that fails
 * the heap is as it was.
 */
#include "front/exec.h"

#include "base/lock.h"
#include "front/alloc.h"
#include "front/init.h"
#include "unit.h"
#include "world/mutator.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#define SHELL "/bin/sh"
/* Ends with the third argument's number where the environment is E=5, else 9.
 */
#define SCRIPT "test \"$E$2\" = 5two && exit $1; exit 9"

enum { STATUS = 42 };

static char *const arguments[] = {"sh", "-c", SCRIPT, "sh", "42", "two", NULL};
static char *const variables[] = {"E=5", "PATH=/usr/bin:/bin", NULL};

static void set_up(void) { ck_assert_ptr_nonnull(cgc_init_thread()); }

static void exec_by(int way) {
  environ = (char **)variables;
  switch (way) {
  case 0:
    execve(SHELL, arguments, variables);
    break;
  case 1:
    execv(SHELL, arguments);
    break;
  case 2:
    execvp("sh", arguments);
    break;
  case 3:
    execvpe("sh", arguments, variables);
    break;
  case 4:
    fexecve(open(SHELL, O_RDONLY), arguments, variables);
    break;
  case 5:
    execveat(AT_FDCWD, SHELL, arguments, variables, 0);
    break;
  case 6:
    execl(SHELL, "sh", "-c", SCRIPT, "sh", "42", "two", (char *)NULL);
    break;
  case 7:
    execlp("sh", "sh", "-c", SCRIPT, "sh", "42", "two", (char *)NULL);
    break;
  default:
    execle(SHELL, "sh", "-c", SCRIPT, "sh", "42", "two", (char *)NULL,
           variables);
  }
}
enum { NWAYS = 9 };

static int status_of(pid_t pid) {
  int status;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(WIFEXITED(status));
  return WEXITSTATUS(status);
}

START_TEST(exec_passes_arguments_and_environment) {
  pid_t pid = fork();
  if (pid == 0) {
    exec_by(_i);
    _exit(8);
  }
  ck_assert_int_eq(status_of(pid), STATUS);
}
END_TEST

START_TEST(exec_from_a_vforks_child) {
  pid_t pid = vfork();
  if (pid == 0) {
    execve(SHELL, arguments, variables);
    _exit(8);
  }
  ck_assert_int_eq(status_of(pid), STATUS);
  ck_assert_uint_eq(cgc_self->busy, 0);
  ck_assert_ptr_nonnull(cgc_alloc(100, CGC_KIND_SCAN, false));
}
END_TEST

START_TEST(exec_without_a_record) {
  pid_t pid = fork();
  if (pid == 0) {
    cgc_self = NULL;
    execve(SHELL, arguments, variables);
    _exit(8);
  }
  ck_assert_int_eq(status_of(pid), STATUS);
}
END_TEST

static char *const no_file = "/no/such/program";

static int fail_by(int way) {
  switch (way) {
  case 0:
    return execve(no_file, arguments, variables);
  case 1:
    return execvp(no_file, arguments);
  case 2:
    return execl(no_file, "x", (char *)NULL);
  default:
    return execveat(AT_FDCWD, no_file, arguments, variables, 0);
  }
}

START_TEST(exec_that_fails_leaves_the_heap_usable) {
  ck_assert_int_eq(fail_by(_i), -1);
  ck_assert_int_eq(errno, ENOENT);
  ck_assert_uint_eq(cgc_self->busy, 0);
  ck_assert(cgc_trylock(&cgc_heap.pageheap.lock));
  cgc_unlock(&cgc_heap.pageheap.lock);
  ck_assert_ptr_nonnull(cgc_alloc(1 << 20, CGC_KIND_SCAN, false));
}
END_TEST

static Suite *exec_suite(void) {
  Suite *s = suite_create("exec");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_loop_test(core, exec_passes_arguments_and_environment, 0, NWAYS);
  tcase_add_test(core, exec_from_a_vforks_child);
  tcase_add_test(core, exec_without_a_record);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(errors, set_up, NULL);
  tcase_add_loop_test(errors, exec_that_fails_leaves_the_heap_usable, 0, 4);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(exec_suite()); }
