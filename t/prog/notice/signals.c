/* SPDX-License-Identifier: MIT */
/* Dispositions and masks are as the program made them and nothing more: at the
 * start, after its own changes, over collections and in new threads; values,
 * flags and order of delivery too.
 */
#include "notice.h"

static volatile int ndelivered, nwrong, last_value = -1, depth, depth_max;
static volatile int raised;

static void wrong(const char *what, int sig) {
  printf("noticed: %s, signal %d\n", what, sig);
  nwrong++;
}

static void check_untouched(const char *when) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  for (int s = 1; s <= 64; s++) {
    struct sigaction sa;
    if (s == 32 || s == 33) {
      if (!sigaction(s, NULL, &sa) || errno != EINVAL)
        wrong("sigaction of libc's own signal works", s);
      continue;
    }
    if (sigaction(s, NULL, &sa))
      wrong("sigaction", s);
    else if (sa.sa_handler != SIG_DFL && s != SIGPIPE)
      wrong(when, s);
    if (sigismember(&mask, s))
      wrong("blocked and nobody did it", s);
  }
}

static void on_value(int sig, siginfo_t *info, void *context) {
  (void)context;
  if (info->si_code != SI_QUEUE || info->si_pid != getpid())
    wrong("si_code or si_pid", sig);
  if (info->si_value.sival_int != last_value + 1)
    wrong("value out of order", sig);
  last_value = info->si_value.sival_int;
  ndelivered++;
}

/* Queued values arrive once each and in order. */
static void queued_values(void) {
  struct sigaction sa = {.sa_sigaction = on_value, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN, &sa, NULL);
  for (int i = 0; i < 300; i++) {
    union sigval v = {.sival_int = i};
    if (sigqueue(getpid(), SIGRTMIN, v))
      chain_die("sigqueue");
    if (i % 10 == 0)
      chain_garbage_mib(1);
  }
  if (ndelivered != 300)
    wrong("queued signals were lost", SIGRTMIN);
  signal(SIGRTMIN, SIG_DFL);
}

static void on_nested(int sig) {
  if (++depth > depth_max)
    depth_max = depth;
  if (depth == 1 && !raised++) {
    raise(sig);
    chain_garbage_mib(8);
  }
  depth--;
  ndelivered++;
}

/* A signal is blocked in its own handler but for SA_NODEFER, over stops. */
static void nested(int flags, int depth_expected) {
  ndelivered = depth_max = raised = 0;
  notice_set_handler(SIGUSR2, on_nested, flags);
  raise(SIGUSR2);
  if (depth_max != depth_expected)
    wrong("wrong nesting of handlers", SIGUSR2);
  signal(SIGUSR2, SIG_DFL);
}

static void on_count(int sig) {
  (void)sig;
  ndelivered++;
}

static void blocked_stays_pending(void) {
  sigset_t set, pending, now;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMAX);
  ndelivered = 0;
  notice_set_handler(SIGUSR1, on_count, 0);
  notice_set_handler(SIGRTMAX, on_count, 0);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  raise(SIGRTMAX);
  chain_garbage_mib(60);
  sigpending(&pending);
  pthread_sigmask(SIG_SETMASK, NULL, &now);
  if (ndelivered || !sigismember(&pending, SIGUSR1) ||
      !sigismember(&pending, SIGRTMAX))
    wrong("a blocked signal isn't pending", SIGUSR1);
  for (int s = 1; s <= 64; s++)
    if (sigismember(&now, s) != sigismember(&set, s))
      wrong("the mask changed", s);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  if (ndelivered != 2)
    wrong("not delivered when unblocked", SIGUSR1);
  signal(SIGUSR1, SIG_DFL);
  signal(SIGRTMAX, SIG_DFL);
}

static void reset_hand(void) {
  struct sigaction sa;
  ndelivered = 0;
  notice_set_handler(SIGUSR1, on_count, (int)SA_RESETHAND);
  chain_garbage_mib(10);
  raise(SIGUSR1);
  sigaction(SIGUSR1, NULL, &sa);
  if (ndelivered != 1 || sa.sa_handler != SIG_DFL)
    wrong("SA_RESETHAND", SIGUSR1);
}

static void *in_thread(void *unused) {
  (void)unused;
  check_untouched("a disposition changed, in a thread");
  blocked_stays_pending();
  return NULL;
}

int main(void) {
  check_untouched("a disposition isn't the default at the start");
  chain_garbage_mib(50);
  check_untouched("a disposition changed by allocation");
  pthread_t other = notice_start(notice_garbage_main, NULL);
  queued_values();
  nested(0, 1);
  nested(SA_NODEFER, 2);
  blocked_stays_pending();
  reset_hand();
  pthread_join(notice_start(in_thread, NULL), NULL);
  notice_stop = 1;
  pthread_join(other, NULL);
  check_untouched("a disposition isn't the default at the end");
  return chain_verdict(nwrong);
}
