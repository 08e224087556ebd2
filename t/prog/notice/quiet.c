/* SPDX-License-Identifier: MIT */
/* Nothing shows: no descriptor is taken or kept, none is needed (all closed, a
 * limit of three), no child, no word on stdout and stderr, no change of the
 * directory, the environment, the name or the limits.
 */
#include "notice.h"
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;
static int nwrong;

static void expect(int good, const char *what) {
  if (!good)
    nwrong += printf("noticed: %s\n", what) > 0;
}

static int lowest_fd(void) {
  int fd = open("/dev/null", O_RDONLY);
  close(fd);
  return fd;
}

static unsigned environ_sum(void) {
  unsigned sum = 0;
  for (char **e = environ; *e; e++)
    for (char *c = *e; *c; c++)
      sum = sum * 31 + (unsigned char)*c;
  return sum;
}

/* In a child whose output goes to a pipe, with almost no descriptors left. */
static int starved(void) {
  struct rlimit few = {3, 3};
  closefrom(3);
  setrlimit(RLIMIT_NOFILE, &few);
  chain_garbage_mib(100);
  void *volatile head = chain_make(0);
  chain_garbage_mib(100);
  return chain_check_named(head, 0, "without descriptors");
}

static void run_starved(void) {
  int fds[2], status;
  char c;
  if (pipe(fds))
    chain_die("pipe");
  pid_t pid = fork();
  if (pid == 0) {
    dup2(fds[1], 1);
    dup2(fds[1], 2);
    _exit(starved());
  }
  close(fds[1]);
  expect(read(fds[0], &c, 1) == 0, "a word on stdout or stderr");
  waitpid(pid, &status, 0);
  expect(status == 0, "failure without descriptors");
  close(fds[0]);
}

int main(void) {
  struct rlimit stack, now;
  char name[17] = "", again[17] = "";
  int fd = lowest_fd();
  unsigned sum = environ_sum();
  mode_t mask = umask(022);
  umask(mask);
  getrlimit(RLIMIT_STACK, &stack);
  prctl(PR_GET_NAME, name);
  chain_garbage();
  expect(lowest_fd() == fd, "a descriptor is in use");
  expect(environ_sum() == sum, "the environment changed");
  expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a child");
  expect(umask(mask) == mask, "the umask changed");
  getrlimit(RLIMIT_STACK, &now);
  expect(now.rlim_cur == stack.rlim_cur, "a limit changed");
  prctl(PR_GET_NAME, again);
  expect(!strcmp(name, again), "the process's name changed");
  expect(prctl(PR_GET_DUMPABLE) == 1, "the process isn't dumpable");
  run_starved();
  return chain_verdict(nwrong);
}
