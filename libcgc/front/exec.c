/* SPDX-License-Identifier: MIT */
#include "front/exec.h"

#include "front/fork.h"
#include "front/leak.h"
#include "front/real.h"
#include "os/thread.h"
#include "world/mutator.h"

#include <errno.h>
#include <stdarg.h>

CGC_REAL(execve)
CGC_REAL(execvpe)
CGC_REAL(fexecve)
CGC_REAL(execveat)

/* returns  whether the locks were taken */
static bool begin(void) {
  bool is_own = cgc_self && cgc_self->tid == cgc_thread_tid();
  if (is_own && cgc_leak.on)
    cgc_leak_check("exec", NULL);
  if (is_own)
    cgc_fork_prepare();
  return is_own;
}

/* The program was not executed. */
static int end(bool begun, int result) {
  int saved = errno;
  if (begun)
    cgc_fork_parent();
  errno = saved;
  return result;
}

CGC_PUBLIC int execve(const char *path, char *const argv[],
                      char *const envp[]) {
  bool begun = begin();
  return end(begun, CGC_CALL_REAL(execve)(path, argv, envp));
}

CGC_PUBLIC int execvpe(const char *file, char *const argv[],
                       char *const envp[]) {
  bool begun = begin();
  return end(begun, CGC_CALL_REAL(execvpe)(file, argv, envp));
}

CGC_PUBLIC int fexecve(int fd, char *const argv[], char *const envp[]) {
  bool begun = begin();
  return end(begun, CGC_CALL_REAL(fexecve)(fd, argv, envp));
}

CGC_PUBLIC int execveat(int dir, const char *path, char *const argv[],
                        char *const envp[], int flags) {
  bool begun = begin();
  return end(begun, CGC_CALL_REAL(execveat)(dir, path, argv, envp, flags));
}

CGC_PUBLIC int execv(const char *path, char *const argv[]) {
  return execve(path, argv, environ);
}

CGC_PUBLIC int execvp(const char *file, char *const argv[]) {
  return execvpe(file, argv, environ);
}

/* Arguments behind the first one, the final NULL among them. */
static size_t count(va_list args) {
  size_t n = 1;
  while (va_arg(args, char *))
    n++;
  return n;
}

/* FIRST and what follows, the final NULL too. */
static void fill(char **argv, const char *first, va_list args) {
  *argv++ = (char *)(uintptr_t)first;
  while ((*argv++ = va_arg(args, char *)))
    continue;
}

#define ARGUMENTS(argv, first)                                                 \
  va_list args, again;                                                         \
  va_start(args, first);                                                       \
  va_copy(again, args);                                                        \
  char *argv[count(again) + 1];                                                \
  va_end(again);                                                               \
  fill(argv, first, args);

CGC_PUBLIC int execl(const char *path, const char *first, ...) {
  ARGUMENTS(argv, first)
  va_end(args);
  return execve(path, argv, environ);
}

CGC_PUBLIC int execlp(const char *file, const char *first, ...) {
  ARGUMENTS(argv, first)
  va_end(args);
  return execvpe(file, argv, environ);
}

CGC_PUBLIC int execle(const char *path, const char *first, ...) {
  ARGUMENTS(argv, first)
  char *const *envp = va_arg(args, char *const *);
  va_end(args);
  return execve(path, argv, envp);
}
