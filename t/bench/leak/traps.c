/* SPDX-License-Identifier: MIT */
/*
 * t/bench/leak/traps.c - small programs that are hard on leak finders.
 *
 *   traps --list     a line for each: "lost NAME" or "held NAME"
 *   traps NAME       loses one block or more, or holds all that it has
 *
 * In a "lost" one stale copies of the pointer are left where a finder may
 * look: in dead frames, in registers, in freed or reused blocks, in what a
 * thread left behind; or the program ends in an unusual way.  In a "held" one
 * the only pointer stands in an unusual place.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES = 72 };

/* The compiler may not see what becomes of P. */
static void use(void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }

__attribute__((noinline)) static void *make(size_t size) {
  char *p = malloc(size);
  memset(p, 1, size);
  return p;
}

__attribute__((noinline)) static void lose(void) { use(make(BYTES)); }

struct node {
  struct node *next;
  char text[40];
};

__attribute__((noinline)) static struct node *make_list(int n) {
  struct node *list = NULL;
  while (n-- > 0) {
    struct node *node = make(sizeof *node);
    node->next = list;
    list = node;
  }
  return list;
}

/* ---- lost -------------------------------------------------------------- */

static void exit_in_main(void) {
  void *volatile kept_in_frame = make(BYTES);
  use(kept_in_frame);
  exit(0);
}

struct big {
  void *pointer;
  char room[120];
};

__attribute__((noinline)) static struct big return_struct(void) {
  struct big b;
  memset(&b, 0, sizeof b);
  b.pointer = make(BYTES);
  return b;
}

static void struct_return(void) { use(return_struct().room); }

__attribute__((noinline)) static void wait_in_dirty_frame(void) {
  volatile char room[400];
  use((void *)room);
  usleep(1000);
}

static void stale_slot(void) {
  lose();
  wait_in_dirty_frame();
}

static void end_of_main(void) {
  void *volatile local = make(BYTES);
  use(local);
}

static void *local_of_thread(void *arg) {
  void *volatile local = make(BYTES);
  use(local);
  return arg;
}

static void joined_thread(void) {
  pthread_t t;
  pthread_create(&t, NULL, local_of_thread, NULL);
  pthread_join(t, NULL);
}

static void *lose_and_sleep(void *ready) {
  lose();
  *(volatile int *)ready = 1;
  for (;;)
    pause();
}

static void stale_in_sleeper(void) {
  static volatile int ready;
  pthread_t t;
  pthread_create(&t, NULL, lose_and_sleep, (void *)&ready);
  while (!ready)
    usleep(1000);
  usleep(20000);
}

static __thread void *of_thread;

static void *fill_tls(void *arg) {
  of_thread = make(BYTES);
  use(&of_thread);
  return arg;
}

static void tls_of_the_dead(void) {
  pthread_t t;
  pthread_create(&t, NULL, fill_tls, NULL);
  pthread_join(t, NULL);
}

static void list_head(void) { use(make_list(10)); }

static void only_in_freed(void) {
  void **holder = make(BYTES);
  holder[4] = make(BYTES);
  use(holder);
  free(holder);
}

static void tail_of_reused(void) {
  void **holder = make(BYTES);
  holder[8] = make(BYTES + 200);
  use(holder);
  free(holder);
  static void *volatile again;
  again = malloc(BYTES - 8); /* the same class; its last word is not ours */
}

static void ends_by__exit(void) {
  lose();
  _exit(0);
}

static void ends_by_sigterm(void) {
  lose();
  kill(getpid(), SIGTERM);
  pause();
}

static void cycle(void) {
  struct node *a = make(sizeof *a), *b = make(sizeof *b);
  a->next = b;
  b->next = a;
  use(a);
}

static void overwritten(void) {
  static void *volatile last;
  for (int i = 0; i < 10; i++)
    last = make(BYTES);
  free(last);
  last = NULL;
}

__attribute__((noinline)) static void *in_registers(void) {
  void *a = make(BYTES), *b = make(BYTES), *c = make(BYTES);
  __asm__ volatile("" : "+b"(a), "+r"(b), "+r"(c));
  return (char *)a + ((char *)b - (char *)c);
}

static void registers(void) { use(in_registers() == NULL ? "" : "x"); }

static void table_of_strings(void) {
  char **table = make(20 * sizeof *table);
  for (int i = 0; i < 20; i++)
    table[i] = strdup("one of twenty strings");
  use(table);
}

static void *volatile end_of_other;

static void end_is_next(void) {
  char *blocks[64];
  for (int i = 0; i < 64; i++)
    blocks[i] = make(64);
  for (int i = 0; i < 63; i++)
    if (blocks[i] + 64 == blocks[i + 1]) {
      /* Holds block i, one past its end; block i + 1 begins there. */
      end_of_other = blocks[i] + 63;
      for (int k = 0; k < 64; k++)
        if (k != i && k != i + 1)
          free(blocks[k]);
      break;
    }
  memset(blocks, 0, sizeof blocks);
  use(blocks);
}

static void *wait_a_moment(void *arg) {
  usleep(20000);
  return arg;
}

static void main_leaves(void) {
  pthread_t t;
  lose();
  pthread_create(&t, NULL, wait_a_moment, NULL);
  pthread_exit(NULL);
}

/* ---- held -------------------------------------------------------------- */

static void **volatile mapped;

static void in_mapping(void) {
  mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
  mapped[100] = make(BYTES);
}

static struct __attribute__((packed)) {
  char one;
  void *pointer;
} packed;

static void in_packed(void) {
  packed.pointer = make(BYTES);
  use(&packed);
}

static volatile uintptr_t word;

static void low_bits(void) { word = (uintptr_t)make(BYTES) | 3; }
static void inside(void) { word = (uintptr_t)make(BYTES) + 40; }
static void high_bits(void) {
  word = (uintptr_t)make(BYTES) | (uintptr_t)0xabcd << 48;
}
static void one_past(void) { word = (uintptr_t)make(BYTES) + BYTES; }

static void in_key(void) {
  pthread_key_t key;
  pthread_key_create(&key, NULL);
  pthread_setspecific(key, make(BYTES));
}

static void in_tls(void) {
  of_thread = make(BYTES);
  use(&of_thread);
}

static void *hold_and_sleep(void *ready) {
  void *volatile local = make(BYTES);
  *(volatile int *)ready = 1;
  for (;;) {
    pause();
    use(local);
  }
}

static void in_sleeper(void) {
  static volatile int ready;
  pthread_t t;
  pthread_create(&t, NULL, hold_and_sleep, (void *)&ready);
  while (!ready)
    usleep(1000);
}

static void *volatile to_free;
static void free_it(void) {
  free(to_free);
  to_free = NULL;
}

static void freed_at_exit(void) {
  to_free = make(BYTES);
  atexit(free_it);
}

/* ---- ------------------------------------------------------------------- */

static const struct trap {
  const char *name;
  void (*run)(void);
  int is_lost;
} traps[] = {
    {"exit_in_main", exit_in_main, 1},
    {"struct_return", struct_return, 1},
    {"stale_slot", stale_slot, 1},
    {"end_of_main", end_of_main, 1},
    {"joined_thread", joined_thread, 1},
    {"stale_in_sleeper", stale_in_sleeper, 1},
    {"tls_of_the_dead", tls_of_the_dead, 1},
    {"list_head", list_head, 1},
    {"only_in_freed", only_in_freed, 1},
    {"tail_of_reused", tail_of_reused, 1},
    {"ends_by__exit", ends_by__exit, 1},
    {"ends_by_sigterm", ends_by_sigterm, 1},
    {"cycle", cycle, 1},
    {"overwritten", overwritten, 1},
    {"registers", registers, 1},
    {"table_of_strings", table_of_strings, 1},
    {"end_is_next", end_is_next, 1},
    {"main_leaves", main_leaves, 1},
    {"in_mapping", in_mapping, 0},
    {"in_packed", in_packed, 0},
    {"low_bits", low_bits, 0},
    {"inside", inside, 0},
    {"in_key", in_key, 0},
    {"in_tls", in_tls, 0},
    {"in_sleeper", in_sleeper, 0},
    {"high_bits", high_bits, 0},
    {"one_past", one_past, 0},
    {"freed_at_exit", freed_at_exit, 0},
};

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "--list";
  for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
    if (strcmp(name, "--list") == 0)
      printf("%s %s\n", traps[i].is_lost ? "lost" : "held", traps[i].name);
    else if (strcmp(name, traps[i].name) == 0)
      traps[i].run();
  }
  return 0;
}
