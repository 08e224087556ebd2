/* SPDX-License-Identifier: MIT */
#include "os/process.h"

#include "os/page.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[256];
static char *const no_env[] = {NULL};

/* The status of "sh -c COMMAND", whose stderr goes to `text'. */
static int run(char *command) {
  char *const argv[] = {"sh", "-c", command, NULL};
  int fds[2];
  ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
  int status = cgc_process_run("/bin/sh", argv, no_env, fds[1]);
  close(fds[1]);
  ssize_t n = read(fds[0], text, sizeof text - 1);
  text[n > 0 ? n : 0] = '\0';
  close(fds[0]);
  return status;
}

START_TEST(the_status_is_handed_on) {
  ck_assert_int_eq(run("exit 0"), 0);
  ck_assert_int_eq(run("exit 42"), 42);
  ck_assert_int_eq(run("kill -9 $$"), 128 + 9);
}
END_TEST

START_TEST(what_is_said_goes_to_the_descriptor) {
  ck_assert_int_eq(run("echo here >&2"), 0);
  ck_assert_str_eq(text, "here\n");
}
END_TEST

START_TEST(the_environment_is_the_one_given) {
  setenv("PROCESS_TEST", "inherited", 1);
  ck_assert_int_eq(run("echo x$PROCESS_TEST >&2"), 0);
  ck_assert_str_eq(text, "x\n");
}
END_TEST

START_TEST(what_does_not_exist_is_said) {
  char *const argv[] = {"nothing", NULL};
  errno = 77;
  ck_assert_int_eq(cgc_process_run("/no/such/program", argv, no_env, 2),
                   -ENOENT);
  ck_assert_int_eq(errno, 77);
}
END_TEST

static volatile int nchildren;
static void on_child(int number) { nchildren += number == SIGCHLD; }

START_TEST(the_program_does_not_notice_a_child) {
  signal(SIGCHLD, on_child);
  ck_assert_int_eq(run("exit 1"), 1);
  ck_assert_int_eq(nchildren, 0);
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(masks_are_as_before_and_the_child_has_none) {
  sigset_t set, after;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  ck_assert_int_eq(run("kill -TERM $$; exit 3"), 128 + SIGTERM);
  sigprocmask(SIG_BLOCK, NULL, &after);
  ck_assert(sigismember(&after, SIGTERM));
  ck_assert(!sigismember(&after, SIGUSR1));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("process");
  TCase *core = tcase_create("core");
  tcase_add_test(core, the_status_is_handed_on);
  tcase_add_test(core, what_is_said_goes_to_the_descriptor);
  tcase_add_test(core, the_environment_is_the_one_given);
  tcase_add_test(core, the_program_does_not_notice_a_child);
  tcase_add_test(core, masks_are_as_before_and_the_child_has_none);
  suite_add_tcase(suite, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, what_does_not_exist_is_said);
  suite_add_tcase(suite, errors);
  cgc_page_init();
  return unit_run(suite);
}
