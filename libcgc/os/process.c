/* SPDX-License-Identifier: MIT */
#include "os/process.h"

#include "os/page.h"
#include "os/signal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { STACK_BYTES = 16 << 10 };

struct start {
  const char *path;
  char *const *argv;
  char *const *envp;
  int fd;
  char *stack;         /* of the program until it executes */
  volatile int result; /* of the keeper, who shares our memory */
  volatile int failed; /* -errno of execve */
};

static long raw(long n, long a, long b, long c, long d) {
  return cgc_syscall(n, a, b, c, d, 0, 0);
}

/* The program's handlers are gone after execve; the mask would stay. */
static int execute(void *arg) {
  struct start *s = arg;
  uint64_t none = 0;
  if (s->fd != 2)
    raw(SYS_dup2, s->fd, 2, 0, 0);
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none);
  s->failed =
      (int)raw(SYS_execve, (long)s->path, (long)s->argv, (long)s->envp, 0);
  raw(SYS_exit, 127, 0, 0, 0);
  return 127;
}

static int wait_for(long pid) {
  int status = 0;
  long got;
  do
    got = raw(SYS_wait4, pid, (long)&status, __WALL, 0);
  while (got == -EINTR);
  if (got < 0)
    return (int)got;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All signals are blocked. */
static int keep(void *arg) {
  struct start *s = arg;
  int pid = clone(execute, s->stack + STACK_BYTES,
                  CLONE_VM | CLONE_VFORK | SIGCHLD, s);
  s->result = pid < 0 ? -EAGAIN : wait_for(pid);
  raw(SYS_exit, 0, 0, 0, 0);
  return 0;
}

static int run(struct start *start, char *stack) {
  uint64_t mask = cgc_signal_block_all();
  int pid = clone(keep, stack + 2 * STACK_BYTES, CLONE_VM, start);
  cgc_signal_restore(mask);
  if (pid < 0)
    return -errno;
  wait_for(pid);
  return start->failed ? start->failed : start->result;
}

int cgc_process_run(const char *path, char *const argv[], char *const envp[],
                    int fd) {
  int saved = errno;
  char *stack = cgc_page_map(2 * STACK_BYTES);
  struct start start = {path, argv, envp, fd, stack, 0, 0};
  if (!stack)
    return -ENOMEM;
  int result = run(&start, stack);
  cgc_page_unmap(stack, 2 * STACK_BYTES);
  errno = saved;
  return result;
}
