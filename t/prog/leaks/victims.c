/* SPDX-License-Identifier: MIT */
/*
 * t/prog/leaks/victims.c - programs that lose memory, and some that don't.
 *
 * victims NAME: each case is a function; check.sh knows what must be found.
 * What is lost is lost in a frame that is gone.
 */
#include "../../scrub.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

struct node {
  struct node *next;
  struct node *other;
  char data[48];
};

/* The compiler may not know what becomes of PTR. */
static void *hide(void *ptr) {
  __asm__ volatile("" : "+r"(ptr));
  return ptr;
}

static NOINLINE struct node *make(void) { return hide(calloc(1, 64)); }

static NOINLINE struct node *make_list(int n) {
  struct node *head = NULL;
  while (n-- > 0) {
    struct node *node = make();
    node->next = head;
    head = node;
  }
  return head;
}

/* ---- ways to allocate ---------------------------------------------------- */

static void by_malloc(void) { hide(malloc(100)); }
static void by_calloc(void) { hide(calloc(10, 10)); }
static void by_memalign(void) { hide(aligned_alloc(256, 512)); }
static void by_strdup(void) { hide(strdup("hello")); }
static void by_realloc(void) { hide(realloc(hide(malloc(10)), 20000)); }
static void by_realloc_of_null(void) { hide(realloc(NULL, 100)); }
static void large(void) { hide(malloc(5 << 20)); }

/* ---- shapes -------------------------------------------------------------- */

static void list(void) { make_list(10); }

static void cycle(void) {
  struct node *head = make_list(4), *last = head;
  while (last->next)
    last = last->next;
  last->next = head;
}

static void two_heads(void) {
  struct node *a = make(), *b = make();
  a->next = b->next = make();
}

static void array(void) {
  void **all = hide(malloc(10 * sizeof *all));
  for (int i = 0; i < 10; i++)
    all[i] = make();
}

static void pointer_to_pointer(void) {
  char ***ppp = hide(malloc(sizeof *ppp));
  *ppp = hide(malloc(sizeof **ppp));
  **ppp = hide(malloc(7));
}

static NOINLINE void *make_short(void) { return hide(malloc(30)); }

static void overwritten_in_a_loop(void) {
  static void *volatile last;
  static volatile int times = 20; /* not so many calls: one stack is meant */
  for (int i = 0; i < times; i++)
    last = make_short();
  free(last);
  last = NULL;
}

static void *volatile global;

static void lost_from_a_global(void) {
  global = make_list(3);
  global = NULL;
}

static void (*volatile through)(void) = by_malloc;
static void through_a_function_pointer(void) { through(); }

static void *lose_one(void *arg) {
  by_malloc();
  return arg;
}

static void in_threads(void) {
  pthread_t t[4];
  for (int i = 0; i < 4; i++)
    pthread_create(&t[i], NULL, lose_one, NULL);
  for (int i = 0; i < 4; i++)
    pthread_join(t[i], NULL);
}

static void *keep_on_stack(void *arg) {
  struct node *volatile here[100];
  for (int i = 0; i < 100; i++)
    here[i] = NULL;
  here[50] = make();
  return arg;
}

static void on_a_joined_threads_stack(void) {
  pthread_t t;
  pthread_create(&t, NULL, keep_on_stack, NULL);
  pthread_join(t, NULL);
}

static __thread void *volatile of_thread;
static void *keep_in_tls(void *arg) {
  of_thread = make();
  return arg;
}

static void in_tls_of_a_thread_that_ended(void) {
  pthread_t t;
  pthread_create(&t, NULL, keep_in_tls, NULL);
  pthread_join(t, NULL);
}

static void only_in_a_freed_block(void) {
  struct node *a = make();
  a->next = make();
  free(a);
}

/* A smaller block takes the place, the pointer stood in what is its tail. */
static void only_in_the_tail_of_a_block(void) {
  void **a = hide(malloc(48));
  a[5] = make();
  free(a);
  global = hide(malloc(36));
}

static void after_a_failed_realloc(void) {
  void *old = hide(malloc(100));
  void *fresh = hide(realloc(old, 5000));
  free(fresh);
}

/* ---- nothing lost, if one looks well ------------------------------------- */

static void kept_in_data(void) { global = make_list(5); }
static void kept_by_an_inner_pointer(void) { global = (char *)make() + 20; }
static void kept_by_the_end(void) { global = (char *)hide(malloc(64)) + 64; }
static void kept_by_a_low_tag(void) { global = (char *)make() + 1; }

static void kept_in_a_mapping(void) {
  struct node *volatile *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  page[7] = make();
}

char packed[32]; /* not static: it would be optimised away */
static void kept_packed(void) {
  void *node = make();
  memcpy(packed + 3, &node, sizeof node);
}

static volatile uintptr_t tagged;
static void kept_by_a_high_tag(void) {
  tagged = (uintptr_t)make() | (uintptr_t)0xabcd << 48;
}

static void kept_by_a_key(void) {
  pthread_key_t key;
  pthread_key_create(&key, NULL);
  pthread_setspecific(key, make());
}

static void kept_in_tls(void) { of_thread = make(); }

static void *sleep_with_it(void *arg) {
  struct node *volatile here = make();
  global = arg;
  for (;;)
    pause();
  return (void *)here;
}

static void kept_by_a_sleeping_thread(void) {
  pthread_t t;
  pthread_create(&t, NULL, sleep_with_it, &t);
  while (!global)
    usleep(1000);
  usleep(1000);
}

static void *volatile late;
static void free_late(void) { free(late); }
static void freed_at_exit(void) {
  late = malloc(100);
  atexit(free_late);
}

/* ---- ways out, after a loss ---------------------------------------------- */

static void by_exit(void) { exit(0); }
static void by_quick_exit(void) { quick_exit(0); }
static void by_bare_exit(void) { _exit(0); }
static void by_capital_exit(void) { _Exit(0); }
static void by_abort(void) { abort(); }
static void by_sigterm(void) { raise(SIGTERM); }
static void by_sigint(void) { raise(SIGINT); }
static void by_exec(void) { execl("/bin/true", "true", (char *)NULL); }

static void *wait_a_little(void *arg) {
  usleep(20000);
  return arg;
}

static void by_pthread_exit(void) {
  pthread_t t;
  pthread_create(&t, NULL, wait_a_little, NULL);
  pthread_exit(NULL);
}

static NOINLINE void exit_from_nested_frames(void) {
  struct node *volatile here = make();
  exit(here == NULL);
}

/* ---- the table ----------------------------------------------------------- */

#define CASE(name)                                                             \
  { #name, name, NULL }
#define WAY_OUT(name)                                                          \
  { #name, by_malloc, name }
static const struct {
  const char *name;
  void (*lose)(void);
  void (*leave)(void);
} cases[] = {
    CASE(by_malloc),
    CASE(by_calloc),
    CASE(by_memalign),
    CASE(by_strdup),
    CASE(by_realloc),
    CASE(by_realloc_of_null),
    CASE(large),
    CASE(list),
    CASE(cycle),
    CASE(two_heads),
    CASE(array),
    CASE(pointer_to_pointer),
    CASE(overwritten_in_a_loop),
    CASE(lost_from_a_global),
    CASE(through_a_function_pointer),
    CASE(in_threads),
    CASE(on_a_joined_threads_stack),
    CASE(in_tls_of_a_thread_that_ended),
    CASE(only_in_a_freed_block),
    CASE(only_in_the_tail_of_a_block),
    CASE(after_a_failed_realloc),
    CASE(kept_in_data),
    CASE(kept_by_an_inner_pointer),
    CASE(kept_by_the_end),
    CASE(kept_by_a_low_tag),
    CASE(kept_in_a_mapping),
    CASE(kept_packed),
    CASE(kept_by_a_high_tag),
    CASE(kept_by_a_key),
    CASE(kept_in_tls),
    CASE(kept_by_a_sleeping_thread),
    CASE(freed_at_exit),
    WAY_OUT(by_exit),
    WAY_OUT(by_quick_exit),
    WAY_OUT(by_bare_exit),
    WAY_OUT(by_capital_exit),
    WAY_OUT(by_abort),
    WAY_OUT(by_sigterm),
    WAY_OUT(by_sigint),
    WAY_OUT(by_exec),
    WAY_OUT(by_pthread_exit),
    CASE(exit_from_nested_frames),
};

/* Deeper than scrub, which does not clear its own frame. */
static NOINLINE void lose_deeper(void (*lose)(void)) {
  char room[512];
  hide(room);
  lose();
  hide(room);
}

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++)
    if (strcmp(cases[i].name, argv[1]) == 0) {
      lose_deeper(cases[i].lose);
      scrub(128 << 10);
      if (cases[i].leave)
        cases[i].leave();
      return 0;
    }
  fprintf(stderr, "victims: no such case\n");
  return 2;
}
