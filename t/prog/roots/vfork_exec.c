/* SPDX-License-Identifier: MIT */
/* Place: the stack of a thread that waits in vfork, posix_spawn, system and
 * popen, while another makes garbage.
 * Arises: the parent can't be stopped by a signal until the child execs, and
 * the child runs on the parent's memory.
 */
#include "chain.h"
#include <spawn.h>
#include <sys/wait.h>

enum { NTIMES = 40 };
extern char **environ;
static volatile int stop;
static struct chain_gate ready = CHAIN_GATE;

/* A child that takes its time before exec; on the parent's stack. */
CHAIN_FN int by_vfork(void) {
  int status;
  pid_t pid = vfork();
  if (pid < 0)
    chain_die("vfork");
  if (pid == 0) {
    usleep(2000);
    execl("/bin/true", "true", (char *)NULL);
    _exit(127);
  }
  return waitpid(pid, &status, 0) != pid || status != 0;
}

CHAIN_FN int by_spawn(void) {
  char *argv[] = {(char *)"true", NULL};
  int status;
  pid_t pid;
  if (posix_spawnp(&pid, "true", NULL, NULL, argv, environ))
    return 1;
  return waitpid(pid, &status, 0) != pid || status != 0;
}

CHAIN_FN int by_popen(void) {
  char text[8] = "";
  FILE *f = popen("echo yes", "r");
  int bad = !f || !fgets(text, sizeof text, f) || strcmp(text, "yes\n");
  return bad + (f ? pclose(f) != 0 : 0);
}

static void *thread(void *arg) {
  void *volatile head = chain_make(3);
  int bad = 0;
  (void)arg;
  chain_scrub();
  chain_gate_add(&ready);
  for (int i = 0; i < NTIMES || !stop; i++) {
    bad += by_vfork();
    bad += by_spawn();
    if (i % 8 == 0)
      bad += by_popen() + (system("exit 0") != 0);
  }
  if (bad)
    printf("lost: %d children failed\n", bad);
  bad += chain_check_named(head, 3, "stack of a thread in vfork");
  return (void *)(intptr_t)bad;
}

int main(void) {
  pthread_t t;
  void *lost;
  if (pthread_create(&t, NULL, thread, NULL))
    chain_die("pthread_create");
  chain_gate_await(&ready, 1);
  chain_garbage();
  stop = 1;
  pthread_join(t, &lost);
  return chain_verdict((int)(intptr_t)lost);
}
