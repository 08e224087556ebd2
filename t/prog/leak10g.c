/* SPDX-License-Identifier: MIT */
/* Leaks through lost lists, cycles, thread arguments and closures of different
 * sizes; a collector keeps the process small all the same.
 *
 * leak10g [GIB [LIMIT_MIB]]: leak so much (2), then print the peak of resident
 * memory and fail when it is above the limit (64).
 */
#include "roots/chain.h"

struct node {
  struct node *next, *other;
  size_t size;
  unsigned char bytes[];
};

static uint64_t rnd = 20260703;
static size_t nleaked; /* bytes */

static struct node *node_make(size_t size) {
  struct node *n = malloc(sizeof *n + size);
  if (!n)
    chain_die("malloc");
  n->next = n->other = NULL;
  n->size = size;
  memset(n->bytes, CHAIN_GARBAGE_BYTE, size);
  nleaked += sizeof *n + size;
  return n;
}

CHAIN_FN void leak_list(void) {
  struct node *head = NULL;
  size_t length = 1 + chain_random(&rnd) % 500;
  while (length-- > 0) {
    struct node *n = node_make(chain_random(&rnd) % 400);
    n->next = head;
    head = n;
  }
}

CHAIN_FN void leak_cycle(void) {
  struct node *first = node_make(10), *last = first;
  size_t length = 1 + chain_random(&rnd) % 200;
  while (length-- > 0) {
    struct node *n = node_make(chain_random(&rnd) % 1000);
    n->other = last;
    last->next = n;
    last = n;
  }
  last->next = first;
  first->other = last;
}

struct closure {
  int (*call)(struct closure *);
  struct node *captured[3];
};

static int called(struct closure *c) { return c->captured[0] != NULL; }

CHAIN_FN void leak_closure(void) {
  struct closure *c = malloc(sizeof *c);
  if (!c)
    chain_die("malloc");
  c->call = called;
  for (int i = 0; i < 3; i++)
    c->captured[i] = node_make(chain_random(&rnd) % 5000);
  if (!c->call(c))
    exit(2);
}

CHAIN_FN void leak_large(void) {
  node_make(100000 + chain_random(&rnd) % 2000000);
}

/* The thread gets its argument, a list of its own, and forgets both. */
static void *thread(void *arg) {
  struct node *n = arg;
  n->other = n;
  return n;
}

CHAIN_FN void leak_thread_argument(void) {
  pthread_t t;
  struct node *n = node_make(20000);
  n->next = node_make(20000);
  if (pthread_create(&t, NULL, thread, n))
    chain_die("pthread_create");
  n = NULL;
  pthread_join(t, NULL);
}

static long peak_kib(void) {
  char line[200];
  long kib = -1;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, "VmHWM:", 6))
      kib = strtol(line + 6, NULL, 10);
  if (f)
    fclose(f);
  return kib;
}

int main(int argc, char **argv) {
  double gib = argc > 1 ? atof(argv[1]) : 2;
  long limit_mib = argc > 2 ? atol(argv[2]) : 64;
  size_t amount = (size_t)(gib * (1 << 30));
  for (unsigned n = 0; nleaked < amount; n++) {
    leak_list();
    leak_cycle();
    for (int i = 0; i < 20; i++)
      leak_closure();
    if (n % 8 == 0)
      leak_thread_argument();
    if (n % 16 == 0)
      leak_large();
  }
  long kib = peak_kib();
  printf("# leaked %zu MiB, peak %ld KiB\n", nleaked >> 20, kib);
  if (kib > limit_mib * 1024)
    return printf("the peak is above %ld MiB\n", limit_mib), 1;
  puts("ok");
  return 0;
}
