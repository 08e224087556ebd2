/* SPDX-License-Identifier: MIT */
/* Place: what a thread returned, before anybody joins it.
 * Arises: pd->result in the struct pthread of an ended thread, by return and
 * by pthread_exit; no kernel thread is left.
 */
#include "chain.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

static pid_t tids[2];

static void *by_return(void *unused) {
  (void)unused;
  tids[0] = gettid();
  return chain_make(0);
}

static void *by_exit(void *unused) {
  (void)unused;
  tids[1] = gettid();
  pthread_exit(chain_make(1));
}

/* Until the kernel knows the thread no more. */
static void await_end(pid_t *tid) {
  while (!__atomic_load_n(tid, __ATOMIC_ACQUIRE) ||
         !syscall(SYS_tgkill, getpid(), *tid, 0) || errno != ESRCH)
    sched_yield();
}

int main(void) {
  pthread_t a, b;
  void *first, *second;
  if (pthread_create(&a, NULL, by_return, NULL))
    chain_die("pthread_create");
  if (pthread_create(&b, NULL, by_exit, NULL))
    chain_die("pthread_create");
  await_end(&tids[0]);
  await_end(&tids[1]);
  chain_garbage();
  pthread_join(a, &first);
  pthread_join(b, &second);
  return chain_verdict(chain_check_named(first, 0, "value returned") +
                       chain_check_named(second, 1, "value of pthread_exit"));
}
