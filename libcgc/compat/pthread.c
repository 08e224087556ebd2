/* SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "compat/pthread.h"

#include "compat/memory.h"
#include "front/init.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

struct start {
  struct start *next; /* guard: the guard; the same for all below */
  pthread_t thread;
  void *(*fn)(void *);
  void *arg;
  void *result;
  bool detached;
  bool ended;
};

static struct start *starts; /* guard: the guard */
static __thread struct start *own;

/* ---- the list ------------------------------------------------------------ */

static struct start **find(pthread_t thread) {
  struct start **at = &starts;
  while (*at && !pthread_equal((*at)->thread, thread))
    at = &(*at)->next;
  return at;
}

/* Take out the record of THREAD that should go; the caller frees it. */
static struct start *take(pthread_t thread) {
  struct start **at = find(thread), *s = *at;
  if (s)
    *at = s->next;
  return s;
}

static void add(struct start *s) {
  if (!cgc_guard_take())
    return;
  s->next = starts;
  starts = s;
  cgc_guard_give();
}

static void forget(pthread_t thread) {
  if (!cgc_guard_take())
    return;
  struct start *s = take(thread);
  cgc_guard_give();
  GC_free(s);
}

/* ---- a thread's life ----------------------------------------------------- */

static void end(void *result) {
  struct start *s = own;
  if (!s || !cgc_guard_take())
    return;
  own = NULL;
  s->result = result;
  s->ended = true;
  struct start *gone = s->detached ? take(s->thread) : NULL;
  cgc_guard_give();
  GC_free(gone);
}

static void *run(void *arg) {
  struct start *s = arg;
  cgc_init_thread();
  own = s;
  s->thread = pthread_self();
  add(s);
  void *result = s->fn(s->arg);
  end(result);
  return result;
}

static bool starts_detached(const pthread_attr_t *attr) {
  int state = PTHREAD_CREATE_JOINABLE;
  return attr && pthread_attr_getdetachstate(attr, &state) == 0 &&
         state == PTHREAD_CREATE_DETACHED;
}

int GC_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                      void *(*fn)(void *), void *arg) {
  struct start *s = GC_malloc_uncollectable(sizeof *s);
  if (!s)
    return EAGAIN;
  s->fn = fn;
  s->arg = arg;
  s->detached = starts_detached(attr);
  int err = pthread_create(thread, attr, run, s);
  if (err)
    GC_free(s);
  return err;
}

int GC_pthread_join(pthread_t thread, void **result) {
  int err = pthread_join(thread, result);
  if (err == 0)
    forget(thread);
  return err;
}

int GC_pthread_detach(pthread_t thread) {
  struct start *gone = NULL;
  if (cgc_guard_take()) {
    struct start *s = *find(thread);
    if (s)
      s->detached = true;
    if (s && s->ended)
      gone = take(thread);
    cgc_guard_give();
  }
  GC_free(gone);
  return pthread_detach(thread);
}

int GC_pthread_cancel(pthread_t thread) { return pthread_cancel(thread); }

void GC_pthread_exit(void *result) {
  end(result);
  pthread_exit(result);
}

int GC_pthread_sigmask(int how, const sigset_t *set, sigset_t *old) {
  return pthread_sigmask(how, set, old);
}

void *GC_dlopen(const char *path, int mode) { return dlopen(path, mode); }

/* ---- registration -------------------------------------------------------- */

void GC_allow_register_threads(void) { cgc_init_thread(); }

int GC_register_my_thread(const struct GC_stack_base *base) {
  (void)base; /* its mapping says more */
  if (cgc_self)
    return GC_DUPLICATE;
  return cgc_init_thread() ? GC_SUCCESS : GC_NO_MEMORY;
}

int GC_unregister_my_thread(void) {
  if (cgc_self)
    cgc_mutator_unregister(cgc_self);
  return GC_SUCCESS;
}

int GC_thread_is_registered(void) { return cgc_self != NULL; }

void GC_start_mark_threads(void) {}

/* ---- signals ------------------------------------------------------------- */

static _Atomic int suspend_signal, restart_signal;

static int told(int number, int otherwise) {
  return number ? number : otherwise;
}

/* What a program asks for that wants to keep clear of them. */
int GC_get_suspend_signal(void) { return told(suspend_signal, SIGPWR); }
int GC_get_thr_restart_signal(void) { return told(restart_signal, SIGXCPU); }
void GC_set_suspend_signal(int number) { suspend_signal = number; }
void GC_set_thr_restart_signal(int number) { restart_signal = number; }

/* ---- fork ---------------------------------------------------------------- */

/* front/fork looks after it. */
void GC_set_handle_fork(int value) { (void)value; }
void GC_atfork_prepare(void) {}
void GC_atfork_parent(void) {}
void GC_atfork_child(void) {}
