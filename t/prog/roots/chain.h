/* SPDX-License-Identifier: MIT */
/* What every victim of t/prog/roots shares: a chain of checked blocks, the
 * garbage that tempts the collector to take them, and the hiding of copies.
 *
 * A victim makes a chain, stores its head in the one place that it is about,
 * scrubs registers and dead stack, makes garbage, fetches the head back from
 * the place and checks every block.  Each block holds a pattern made from its
 * number and a sum over its header, garbage is filled with 0xdb: a block that
 * was reclaimed and used again shows, and no wild pointer is followed.
 *
 * Environment:
 *   CHAIN_PERCENT  of the usual garbage and length of the chains (100), for a
 *                  collector that is slowed down on purpose
 *   CHAIN_LOSE     free every chain at once: the victim must then fail, which
 *                  proves that it would see a loss
 */
#ifndef CHAIN_H
#define CHAIN_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../scrub.h"

#define CHAIN_FN static __attribute__((noinline, unused))

enum {
  CHAIN_LINKS = 400, /* of a chain, and the least of it */
  CHAIN_LINKS_MIN = 20,
  CHAIN_GARBAGE_MIB = 250, /* of one chain_garbage() */
  CHAIN_GARBAGE_BYTE = 0xdb
};

struct chain_link {
  struct chain_link *next;
  uint32_t index;
  uint32_t size; /* of the whole block, in bytes */
  uint64_t sum;  /* of the three above and the chain's id */
  unsigned char bytes[];
};

CHAIN_FN void chain_die(const char *what) {
  perror(what);
  _exit(2);
}

static inline uint64_t chain_mix(uint64_t x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15u;
  return x ^ (x >> 29);
}

static inline uint64_t chain_sum(const struct chain_link *l, unsigned id) {
  uint64_t x = chain_mix((uintptr_t)l->next + id * 0x51ed270bu);
  return chain_mix(x ^ ((uint64_t)l->index << 32) ^ l->size) | 1;
}

/* Another value for each call of one caller; STATE starts nonzero. */
static inline uint64_t chain_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Clear dead stack below the caller, and the scratch registers. */
CHAIN_FN void chain_scrub(void) { scrub(48 * 1024); }

/* Kept once it is found: a victim may change its environment. */
CHAIN_FN size_t chain_part_of(size_t amount) {
  static size_t percent;
  const char *text = percent ? NULL : getenv("CHAIN_PERCENT");
  if (text)
    percent = strtoul(text, NULL, 10);
  return percent ? amount * percent / 100 : amount;
}

CHAIN_FN unsigned chain_nlinks(void) {
  size_t n = chain_part_of(CHAIN_LINKS);
  return n < CHAIN_LINKS_MIN ? CHAIN_LINKS_MIN : (unsigned)n;
}

static inline uint32_t chain_size(unsigned id, unsigned index) {
  uint64_t x = chain_mix(((uint64_t)id << 32) + index + 1);
  return (uint32_t)(sizeof(struct chain_link) + 8 + x % 1000);
}

/* Return a fresh chain; ID tells chains of one program apart. */
CHAIN_FN struct chain_link *chain_make(unsigned id) {
  struct chain_link *head = NULL;
  for (unsigned i = chain_nlinks(); i-- > 0;) {
    uint32_t size = chain_size(id, i);
    struct chain_link *l = malloc(size);
    if (!l)
      chain_die("malloc");
    l->next = head;
    l->index = i;
    l->size = size;
    l->sum = chain_sum(l, id);
    for (uint32_t k = 0; k < size - sizeof *l; k++)
      l->bytes[k] = (unsigned char)(i * 7 + k + id);
    head = l;
  }
  if (getenv("CHAIN_LOSE"))
    for (struct chain_link *l = head, *next; l; l = next) {
      next = l->next;
      free(l);
    }
  return head;
}

CHAIN_FN bool chain_link_is_whole(const struct chain_link *l, unsigned id,
                                  unsigned index) {
  if (!l || ((uintptr_t)l & 15) || l->index != index ||
      l->size != chain_size(id, index) || l->sum != chain_sum(l, id))
    return false;
  for (uint32_t k = 0; k < l->size - sizeof *l; k++)
    if (l->bytes[k] != (unsigned char)(index * 7 + k + id))
      return false;
  return true;
}

/* Return 0 when the chain ID is whole; else say what was lost, return 1. */
CHAIN_FN int chain_check_named(struct chain_link *head, unsigned id,
                               const char *name) {
  struct chain_link *l = head;
  unsigned nlinks = chain_nlinks();
  for (unsigned i = 0; i < nlinks; i++, l = l->next)
    if (!chain_link_is_whole(l, id, i)) {
      char line[256];
      int n = snprintf(
          line, sizeof line,
          "lost: %s: block %u of %u, address %p, holds %016lx\n", name, i,
          nlinks, (void *)l,
          l && !((uintptr_t)l & 15) ? (unsigned long)((uint64_t *)l)[1] : 0ul);
      if (write(1, line, (size_t)n) < 0)
        _exit(2);
      return 1;
    }
  return 0;
}

#define chain_check(head, id) chain_check_named(head, id, __FILE__)

/*
 * Make NMIB MiB of garbage, or its part: small and medium blocks, a few large
 * ones.
 */
CHAIN_FN void chain_garbage_mib(size_t nmib) {
  uint64_t rnd = 88172645463325252u + (uintptr_t)getpid();
  size_t left = chain_part_of(nmib << 20);
  for (unsigned n = 0; left; n++) {
    uint64_t r = chain_random(&rnd);
    size_t size = 24 + r % 1032;
    if ((n & 31) == 31)
      size = 1024 + (r >> 20) % (31 * 1024);
    if ((n & 2047) == 2047)
      size = 65536 + (r >> 20) % (256 * 1024);
    void *p = malloc(size);
    if (!p)
      chain_die("malloc");
    memset(p, CHAIN_GARBAGE_BYTE, size);
    __asm__ volatile("" ::"r"(p) : "memory");
    left -= size < left ? size : left;
  }
}

CHAIN_FN void chain_garbage(void) { chain_garbage_mib(CHAIN_GARBAGE_MIB); }

CHAIN_FN int chain_verdict(int nlost) {
  if (!nlost)
    puts("ok");
  return nlost != 0;
}

/* The usual victim: KEEP makes chain 0 and hides it, FETCH brings it back. */
CHAIN_FN int chain_run(void (*keep)(void), struct chain_link *(*fetch)(void)) {
  keep();
  chain_scrub();
  chain_garbage();
  return chain_check_named(fetch(), 0, "the chain");
}

/* Run FN in a thread of its own and return what it returned. */
struct chain_call {
  int (*fn)(void);
  int result;
};

CHAIN_FN void *chain_thread_main(void *arg) {
  struct chain_call *call = arg;
  call->result = call->fn();
  return NULL;
}

CHAIN_FN int chain_in_thread(int (*fn)(void)) {
  struct chain_call call = {fn, 2};
  pthread_t t;
  if (pthread_create(&t, NULL, chain_thread_main, &call))
    chain_die("pthread_create");
  pthread_join(t, NULL);
  return call.result;
}

/* A gate that many may wait at and one opens, for good. */
struct chain_gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int count;
};

#define CHAIN_GATE                                                             \
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

CHAIN_FN void chain_gate_add(struct chain_gate *g) {
  pthread_mutex_lock(&g->lock);
  g->count++;
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->lock);
}

CHAIN_FN void chain_gate_await(struct chain_gate *g, int count) {
  pthread_mutex_lock(&g->lock);
  while (g->count < count)
    pthread_cond_wait(&g->changed, &g->lock);
  pthread_mutex_unlock(&g->lock);
}

#endif
