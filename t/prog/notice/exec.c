/* SPDX-License-Identifier: MIT */
/* exec from a busy threaded process: the new program starts with the signals,
 * the mask and the descriptors that the old one gave it, and works.
 */
#include "notice.h"
#include <fcntl.h>
#include <sys/wait.h>

static unsigned long long status_word(const char *key) {
  char line[256];
  unsigned long long value = ~0ull;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, key, strlen(key)))
      value = strtoull(line + strlen(key), NULL, 16);
  if (f)
    fclose(f);
  return value;
}

/* Those of libc's own; posix_spawn, and so make, starts programs with them
 * ignored. */
static const unsigned long long internal = 3ull << 31;

static int after_exec(void) {
  unsigned long long blocked = status_word("SigBlk:");
  unsigned long long ignored = status_word("SigIgn:") & ~internal;
  int fd = open("/dev/null", O_RDONLY);
  if (blocked != 1ull << (SIGUSR2 - 1) || ignored != 1ull << (SIGHUP - 1))
    return printf("noticed: blocked %llx, ignored %llx\n", blocked, ignored);
  if (fd != 3)
    return printf("noticed: the first descriptor is %d\n", fd);
  chain_garbage_mib(20);
  return 0;
}

static void on_signal(int sig) { (void)sig; }

static void *execer(void *unused) {
  sigset_t set;
  (void)unused;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_SETMASK, &set, NULL);
  chain_garbage_mib(30);
  execl("/proc/self/exe", "exec", "again", (char *)NULL);
  chain_die("exec");
  return NULL;
}

int main(int argc, char **argv) {
  int status, nwrong = 0;
  (void)argv;
  if (argc > 1)
    return after_exec() != 0;
  closefrom(3);
  for (int i = 0; i < 10; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      signal(SIGPIPE, SIG_DFL);
      signal(SIGHUP, SIG_IGN);
      notice_set_handler(SIGUSR1, on_signal, 0);
      notice_start(notice_garbage_main, NULL);
      notice_start(notice_garbage_main, NULL);
      pthread_join(notice_start(execer, NULL), NULL);
    }
    if (waitpid(pid, &status, 0) != pid || status)
      nwrong += printf("noticed: status %x\n", (unsigned)status) > 0;
  }
  return chain_verdict(nwrong);
}
