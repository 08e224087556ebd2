/* SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "compat/suspend.h"

#include "compat/memory.h"
#include "os/thread.h"
#include "world/mutator.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "gc/javaxfc.h"

enum { MOMENT_NS = 200000 };

struct suspended {
  struct suspended *next; /* const once it is in the list */
  pthread_t thread;       /* const */
  _Atomic uint32_t wanted;
  _Atomic uint32_t asleep;
};

static _Atomic(struct suspended *) list;

static struct suspended *find(pthread_t thread) {
  struct suspended *s = atomic_load(&list);
  while (s && !pthread_equal(s->thread, thread))
    s = s->next;
  return s;
}

/* Two records of one thread are harmless: the first found is used. */
static struct suspended *find_or_add(pthread_t thread) {
  struct suspended *s = find(thread);
  if (s || !(s = GC_malloc_uncollectable(sizeof *s)))
    return s;
  s->thread = thread;
  s->next = atomic_load(&list);
  while (!atomic_compare_exchange_weak(&list, &s->next, s))
    ;
  return find(thread);
}

static void sleep_while_wanted(struct suspended *s) {
  s->asleep = 1;
  while (s->wanted)
    cgc_thread_futex_wait(&s->wanted, 1, 0);
  s->asleep = 0;
}

static void on_signal(int number) {
  int saved = errno;
  struct suspended *s = find(pthread_self());
  (void)number;
  if (s && s->wanted && !(cgc_self && cgc_mutator_is_inside(cgc_self)))
    sleep_while_wanted(s);
  errno = saved;
}

static bool has_handler(void) {
  struct sigaction now,
      ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  int number = GC_get_suspend_signal();
  if (sigaction(number, NULL, &now) == 0 && now.sa_handler == on_signal)
    return true;
  return sigaction(number, &ours, NULL) == 0;
}

static void wait_a_moment(void) {
  _Atomic uint32_t never = 0;
  cgc_thread_futex_wait(&never, 0, MOMENT_NS);
}

void GC_suspend_thread(pthread_t thread) {
  struct suspended *s = find_or_add(thread);
  if (!s || !has_handler())
    return;
  s->wanted = 1;
  if (pthread_equal(thread, pthread_self())) {
    sleep_while_wanted(s);
    return;
  }
  while (!s->asleep && s->wanted &&
         pthread_kill(thread, GC_get_suspend_signal()) == 0)
    wait_a_moment();
}

void GC_resume_thread(pthread_t thread) {
  struct suspended *s = find(thread);
  if (!s || !s->wanted)
    return;
  s->wanted = 0;
  cgc_thread_futex_wake(&s->wanted, INT32_MAX);
}

int GC_is_thread_suspended(pthread_t thread) {
  const struct suspended *s = find(thread);
  return s && s->wanted;
}
