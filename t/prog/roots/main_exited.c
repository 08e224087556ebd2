/* SPDX-License-Identifier: MIT */
/* Place: stack, TLS and globals of threads that outlive the main thread.
 * Arises: main calls pthread_exit; its task stays as a zombie that no signal
 * stops, its static TLS and the arguments of exec stay mapped.
 */
#include "chain.h"
#include <errno.h>
#include <fcntl.h>

static void *volatile global;
static __thread void *volatile tls;

CHAIN_FN void keep(void) {
  global = chain_make(0);
  tls = chain_make(1);
}

/* Until the kernel calls the main thread a zombie. */
static void await_zombie(void) {
  char text[200];
  for (;;) {
    int fd = open("/proc/self/task/self", O_RDONLY);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    if (fd >= 0)
      close(fd);
    fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
      close(fd);
    text[n > 0 ? n : 0] = 0;
    if (n <= 0 || strstr(text, ") Z "))
      return;
    sched_yield();
  }
}

static void *thread(void *unused) {
  void *volatile held = chain_make(2);
  (void)unused;
  keep();
  chain_scrub();
  await_zombie();
  chain_garbage();
  int status = chain_verdict(chain_check_named(global, 0, "global") +
                             chain_check_named(tls, 1, "TLS") +
                             chain_check_named(held, 2, "stack"));
  exit(status);
}

int main(void) {
  pthread_t t[2];
  if (pthread_create(&t[0], NULL, thread, NULL))
    chain_die("pthread_create");
  pthread_exit(NULL);
}
