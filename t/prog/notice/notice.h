/* SPDX-License-Identifier: MIT */
/* What the victims of t/prog/notice share: a thread that makes garbage, so that
 * the world is stopped often, until it is told to end.
 *
 * Everything forgotten is bounded, so that they also run without a collector.
 */
#ifndef NOTICE_H
#define NOTICE_H

#include "../roots/chain.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

enum { NOTICE_MIB_MAX = 1500 };

static volatile int notice_stop;

/* Garbage in small portions until notice_stop; then only malloc and free. */
static inline void *notice_garbage_main(void *unused) {
  size_t nmib = 0;
  (void)unused;
  while (!notice_stop)
    if (nmib++ < NOTICE_MIB_MAX || getenv("LD_PRELOAD"))
      chain_garbage_mib(1);
    else
      for (size_t i = 0; i < 1000; i++)
        free(malloc(16 + i));
  return NULL;
}

CHAIN_FN pthread_t notice_start(void *(*fn)(void *), void *arg) {
  pthread_t t;
  if (pthread_create(&t, NULL, fn, arg))
    chain_die("pthread_create");
  return t;
}

static inline uint64_t notice_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* How long a victim lasts: VICTIM_MS in the environment, or DEFAULT_MS. */
CHAIN_FN uint64_t notice_duration_ns(unsigned default_ms) {
  const char *text = getenv("VICTIM_MS");
  return (text ? strtoul(text, NULL, 10) : default_ms) * 1000000ull;
}

CHAIN_FN void notice_set_handler(int sig, void (*fn)(int), int flags) {
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_handler = fn;
  sa.sa_flags = flags;
  if (sigaction(sig, &sa, NULL))
    chain_die("sigaction");
}

#endif
