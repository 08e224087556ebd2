/* SPDX-License-Identifier: MIT */
/* A random mutator: objects of 16 bytes to 1 MiB, linked at random, held from
 * globals, stacks, TLS and each other; random link, unlink, replace, realloc,
 * free and drop.  Each object has a sum over its contents; all that is
 * reachable is verified regularly.
 *
 * mutator [STEPS [THREADS [SEED]]], default 60000, 4, the time.
 */
#include "roots/chain.h"
#include <time.h>

enum { NLINKS_MAX = 6, NROOTS = 48, DEPTH_MAX = 5, THREADS_MAX = 64 };

struct object {
  uint32_t seed;
  uint32_t nbytes; /* behind the links */
  uint16_t nlinks;
  uint16_t visited; /* number of the walk that saw it last */
  uint32_t owner;
  struct object *links[]; /* then the bytes */
};

struct world {
  unsigned self;
  uint64_t rnd;
  uint16_t walk;
  unsigned nreached;
  struct object **globals, **stack, **tls; /* NROOTS each */
};

static struct object *global_roots[THREADS_MAX][NROOTS];
static __thread struct object *tls_roots[NROOTS];
static unsigned long nsteps = 60000;
static uint64_t seed;
static int nlost;

static unsigned char *object_bytes(struct object *o) {
  return (unsigned char *)&o->links[o->nlinks];
}

static size_t object_size(unsigned nlinks, size_t nbytes) {
  return sizeof(struct object) + nlinks * sizeof(void *) + nbytes;
}

static void object_fill(struct object *o, size_t from) {
  unsigned char *b = object_bytes(o);
  for (size_t i = from; i < o->nbytes; i++)
    b[i] = (unsigned char)(o->seed + i);
}

static int object_is_whole(struct object *o, struct world *w) {
  unsigned char *b;
  if ((uintptr_t)o & 15 || o->owner != w->self || o->nlinks > NLINKS_MAX ||
      o->nbytes > 1 << 20)
    return 0;
  b = object_bytes(o);
  /* Long ones at both ends and in strides. */
  for (size_t i = 0; i < o->nbytes; i += i < 4096 ? 1 : 509)
    if (b[i] != (unsigned char)(o->seed + i))
      return 0;
  return !o->nbytes ||
         b[o->nbytes - 1] == (unsigned char)(o->seed + o->nbytes - 1);
}

static size_t random_bytes(struct world *w) {
  uint64_t r = chain_random(&w->rnd);
  switch (r % 64) {
  case 0:
    return (r >> 8) % (1 << 20);
  case 1:
  case 2:
  case 3:
    return (r >> 8) % 40000;
  default:
    return (r >> 8) % 700;
  }
}

static struct object *object_make(struct world *w) {
  unsigned nlinks = (unsigned)(chain_random(&w->rnd) % (NLINKS_MAX + 1));
  size_t nbytes = random_bytes(w);
  struct object *o = nlinks % 2 ? malloc(object_size(nlinks, nbytes))
                                : calloc(1, object_size(nlinks, nbytes));
  if (!o)
    chain_die("malloc");
  o->seed = (uint32_t)chain_random(&w->rnd);
  o->nbytes = (uint32_t)nbytes;
  o->nlinks = (uint16_t)nlinks;
  o->owner = w->self;
  o->visited = 0;
  memset(o->links, 0, nlinks * sizeof(void *));
  object_fill(o, 0);
  return o;
}

static struct object **random_root(struct world *w) {
  uint64_t r = chain_random(&w->rnd);
  struct object **sets[3] = {w->globals, w->stack, w->tls};
  return &sets[r % 3][(r >> 8) % NROOTS];
}

static void lose(struct world *w, struct object *o) {
  if (!__atomic_fetch_add(&nlost, 1, __ATOMIC_RELAXED))
    printf("lost: object %p of thread %u, seed %llu; it holds owner %x, "
           "%u links, %u bytes\n",
           (void *)o, w->self, (unsigned long long)seed, o->owner, o->nlinks,
           o->nbytes);
}

/* Follow random links from a random root; NULL when the root is empty. */
static struct object **random_place(struct world *w) {
  struct object **place = random_root(w);
  for (int i = 0; *place && i < DEPTH_MAX; i++) {
    struct object *o = *place;
    uint64_t r = chain_random(&w->rnd);
    if (!object_is_whole(o, w)) {
      lose(w, o);
      return place;
    }
    if (!o->nlinks || r % 4 == 0)
      break;
    place = &o->links[(r >> 8) % o->nlinks];
  }
  return place;
}

static void walk_from(struct world *w, struct object *o, unsigned depth) {
  while (o && o->visited != w->walk && !nlost) {
    if (!object_is_whole(o, w)) {
      lose(w, o);
      return;
    }
    o->visited = w->walk;
    w->nreached++;
    if (depth > 5000)
      return;
    for (unsigned i = 1; i < o->nlinks; i++)
      walk_from(w, o->links[i], depth + 1);
    o = o->nlinks ? o->links[0] : NULL;
  }
}

static void verify(struct world *w) {
  struct object **sets[3] = {w->globals, w->stack, w->tls};
  w->walk++;
  w->nreached = 0;
  for (int s = 0; s < 3; s++)
    for (int i = 0; i < NROOTS; i++)
      walk_from(w, sets[s][i], 0);
}

/* Only a fresh object with no link to it may be freed or moved. */
static void make_and_free(struct world *w) {
  struct object *o = object_make(w);
  if (!object_is_whole(o, w))
    lose(w, o);
  free(o);
}

static void make_and_resize(struct world *w) {
  struct object *o = object_make(w);
  size_t before = o->nbytes, after = random_bytes(w);
  o = realloc(o, object_size(o->nlinks, after));
  if (!o)
    chain_die("realloc");
  o->nbytes = (uint32_t)(before < after ? before : after);
  if (!object_is_whole(o, w))
    lose(w, o);
  o->nbytes = (uint32_t)after;
  object_fill(o, before < after ? before : after);
  *random_root(w) = o;
}

static void step(struct world *w) {
  uint64_t r = chain_random(&w->rnd);
  struct object **place, *o;
  switch (r % 16) {
  case 0:
    make_and_resize(w);
    break;
  case 1:
  case 2:
    make_and_free(w);
    break;
  case 3:
    *random_root(w) = NULL;
    break;
  case 4:
    *random_place(w) = NULL;
    break;
  case 5:
  case 6:
  case 7: /* link two that are there */
    o = *random_place(w);
    *random_place(w) = o;
    break;
  default: /* a new one in front of or instead of an old one */
    o = object_make(w);
    place = random_place(w);
    if (o->nlinks)
      o->links[0] = r & 1024 ? *place : NULL;
    *place = o;
  }
}

static void *thread(void *arg) {
  struct object *stack_roots[NROOTS] = {NULL};
  struct world w = {.self = (unsigned)(uintptr_t)arg, .stack = stack_roots};
  w.rnd = chain_mix(seed + w.self) | 1;
  w.globals = global_roots[w.self];
  w.tls = tls_roots;
  for (unsigned long i = 0; i < nsteps && !nlost; i++) {
    step(&w);
    if (i % 5000 == 4999)
      verify(&w);
    if (i % 20000 == 19999) /* or without a collector nothing ever goes */
      memset(i % 40000 < 20000 ? w.globals : w.stack, 0, sizeof stack_roots);
  }
  verify(&w);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t t[THREADS_MAX];
  unsigned n = 4;
  seed = (uint64_t)time(NULL);
  nsteps = chain_part_of(nsteps);
  if (argc > 1)
    nsteps = strtoul(argv[1], NULL, 10);
  if (argc > 2)
    n = (unsigned)atoi(argv[2]);
  if (argc > 3)
    seed = strtoull(argv[3], NULL, 10);
  if (n > THREADS_MAX)
    n = THREADS_MAX;
  printf("# seed %llu, %lu steps, %u threads\n", (unsigned long long)seed,
         nsteps, n);
  fflush(stdout);
  for (unsigned i = 0; i < n; i++)
    if (pthread_create(&t[i], NULL, thread, (void *)(uintptr_t)i))
      chain_die("pthread_create");
  for (unsigned i = 0; i < n; i++)
    pthread_join(t[i], NULL);
  return chain_verdict(nlost);
}
