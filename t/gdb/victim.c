/* SPDX-License-Identifier: MIT */
/*
 * A program whose heap is known: it says on stdout where the interesting
 * blocks are, one "name address" each, then "ready", and waits for a line on
 * stdin; "crash" makes it abort, "damage" spoil the collector's structures,
 * anything else ends it with status 0.
 *
 *   list    list_head -> 0 -> 1 -> 2      kept by a variable
 *   deep    list_head's last node
 *   stack   kept by a local variable of worker(), another thread
 *   lost    head of three lost blocks, 100 bytes each
 *   cycle   two blocks that only point to each other
 *   freed   a block that was freed
 *   ends    first of five blocks that know their neighbours; a variable knows
 *           the first and the last
 *   large   kept by a variable, as its address less its length
 *   small   the same, shorter than a page
 *   many    1000 blocks of 48 bytes in an array kept by a variable
 */
#include "../scrub.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node {
  struct node *next;
  char rest[92];
};

struct link {
  struct link *next, *prev;
  char rest[84];
};

struct node *list_head;
struct link *ends[2];
void **many;
uintptr_t biased[5];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int arrived, leave;

static void say(const char *name, void *p) { printf("%s %p\n", name, p); }

static struct node *chain(int n) {
  struct node *head = NULL;
  for (int i = 0; i < n; i++) {
    struct node *node = calloc(1, sizeof *node);
    node->next = head;
    head = node;
  }
  return head;
}

static void link_up(int n) {
  for (int i = 0; i < n; i++) {
    struct link *new = calloc(1, sizeof *new);
    new->prev = ends[1];
    if (ends[1])
      ends[1]->next = new;
    else
      ends[0] = new;
    ends[1] = new;
  }
}

static void *worker(void *arg) {
  struct node *volatile mine = chain(1);
  pthread_mutex_lock(&mutex);
  say("stack", mine);
  arrived++;
  pthread_cond_broadcast(&cond);
  while (!leave)
    pthread_cond_wait(&cond, &mutex);
  pthread_mutex_unlock(&mutex);
  mine->rest[0] = 1;
  return arg;
}

static void __attribute__((noinline)) make(void) {
  link_up(5);
  say("ends", ends[0]);
  list_head = chain(3);
  say("list", list_head);
  say("deep", list_head->next->next);
  struct node *lost = chain(3);
  say("lost", lost);
  struct node *cycle = chain(2);
  cycle->next->next = cycle;
  say("cycle", cycle);
  char *freed = malloc(100);
  say("freed", freed);
  free(freed);
  char *large = malloc(20000), *small = malloc(600);
  say("large", large);
  say("small", small);
  biased[1] = (uintptr_t)large - 20000;
  biased[3] = (uintptr_t)small - 600;
  many = calloc(1000, sizeof *many);
  for (int i = 0; i < 1000; i++)
    many[i] = calloc(1, 40);
  say("many", many[500]);
}

/* The value of the library's table called NAME (look/layout.h). */
static uint64_t value(const char *name) {
  const char *root = dlsym(RTLD_DEFAULT, "cgc_debug_root");
  for (const char *e = root + 48; *e; e += 56)
    if (strcmp(e, name) == 0)
      return *(const uint64_t *)(e + 40);
  abort();
}

/* Overwrite the struct of the list's span, as a wild store would. */
static void damage(void) {
  uint64_t arena = value("@heap") + value("heap.arena");
  uint64_t base = *(uint64_t *)(arena + value("arena.base"));
  uint64_t **spans = *(uint64_t ***)(arena + value("arena.spans"));
  uint64_t page = ((uint64_t)list_head - base) >> value("page_shift");
  *(uint32_t *)((char *)spans[page] + value("span.npages")) = 0xffffff;
  puts("damaged");
}

int main(void) {
  pthread_t thread[2];
  char line[16] = "";
  setvbuf(stdout, NULL, _IONBF, 0);
  make();
  scrub(16384); /* what make() left must keep nothing alive */
  for (int i = 0; i < 2; i++)
    pthread_create(&thread[i], NULL, worker, NULL);
  pthread_mutex_lock(&mutex);
  while (arrived < 2)
    pthread_cond_wait(&cond, &mutex);
  pthread_mutex_unlock(&mutex);
  puts("ready");
  if (fgets(line, sizeof line, stdin) && strncmp(line, "crash", 5) == 0)
    abort();
  if (strncmp(line, "damage", 6) == 0) {
    damage();
    pause();
  }
  pthread_mutex_lock(&mutex);
  leave = 1;
  pthread_cond_broadcast(&cond);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < 2; i++)
    pthread_join(thread[i], NULL);
  return 0;
}
