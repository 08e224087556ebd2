/* SPDX-License-Identifier: MIT */
#include "front/exit.h"

#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

/* Whole programs are in t/prog/leaks; here: nothing happens without CGC_LEAK.
 */
static int status_of(void (*end)(void)) {
  int status;
  pid_t pid = fork();
  if (pid == 0)
    end();
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void by_exit(void) { exit(3); }
static void by_quick_exit(void) { quick_exit(4); }
static void by_bare_exit(void) { _exit(5); }
static void by_capital_exit(void) { _Exit(6); }
static void by_signal(void) { raise(SIGHUP); }

START_TEST(ways_out_are_as_they_were) {
  signal(SIGHUP, SIG_DFL); /* nohup has it ignored */
  cgc_exit_attach();
  ck_assert_int_eq(status_of(by_exit), 3);
  ck_assert_int_eq(status_of(by_quick_exit), 4);
  ck_assert_int_eq(status_of(by_bare_exit), 5);
  ck_assert_int_eq(status_of(by_capital_exit), 6);
  ck_assert_int_eq(status_of(by_signal), -SIGHUP);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("exit");
  TCase *core = tcase_create("core");
  tcase_add_test(core, ways_out_are_as_they_were);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
