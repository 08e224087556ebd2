/* SPDX-License-Identifier: MIT */
#include "look/stack.h"

#include "base/lock.h"
#include "heap/meta.h"
#include "look/module.h"
#include "os/callers.h"
#include "world/mutator.h"

#include <string.h>

enum {
  CHUNK_SHIFT = CGC_STACK_CHUNK_SHIFT,
  CHUNK_WORDS = 1 << CHUNK_SHIFT,
  CHUNKS = 1 << 12,
  BUCKETS_MIN = 1 << 10,
  OWN_FRAMES = 8 /* of the library, at the inner end of a stack */
};

enum { NODE_WORDS = sizeof(struct cgc_stack_node) / sizeof(uint64_t) };

/* A table that was outgrown stays: somebody may be searching it. */
struct table {
  size_t size; /* a power of two */
  _Atomic uint32_t head[];
};

static struct {
  struct cgc_lock lock;
  unsigned depth;              /* const after init */
  uint64_t **chunks;           /* filled under the lock, const once filled */
  _Atomic(struct table *) now; /* stored under the lock */
  size_t used;                 /* words; guard: lock */
  size_t n;                    /* nodes; guard: lock */
  size_t bytes;                /* guard: lock */
} stacks = {.lock = CGC_LOCK_INIT(CGC_RANK_STACK)};

const void *const cgc_stack_view[1] = {&stacks.chunks};

/* In cgc_stack_from: the loader may allocate when it is asked. */
static __thread bool capturing __attribute__((tls_model("initial-exec")));

static struct cgc_stack_node *node_of(uint32_t id) {
  return (struct cgc_stack_node *)&stacks
      .chunks[id >> CHUNK_SHIFT][id & (CHUNK_WORDS - 1)];
}

/* ---- Finding ------------------------------------------------------------- */

static bool is_same(const struct cgc_stack_node *node, uint64_t hash,
                    size_t n) {
  return node->hash == hash && node->n == n &&
         !atomic_load_explicit(&node->gone, memory_order_relaxed);
}

/* Acquire: the node's words; pairs with the release in link_locked. */
static uint32_t find(uint64_t hash, size_t n) {
  struct table *t = atomic_load_explicit(&stacks.now, memory_order_acquire);
  uint32_t id = atomic_load_explicit(&t->head[hash & (t->size - 1)],
                                     memory_order_acquire);
  while (id) {
    const struct cgc_stack_node *node = node_of(id);
    if (is_same(node, hash, n))
      return id;
    id = atomic_load_explicit(&node->next, memory_order_acquire);
  }
  return CGC_STACK_NONE;
}

/* ---- Entering ------------------------------------------------------------ */

static void link_locked(struct table *t, uint32_t id) {
  struct cgc_stack_node *node = node_of(id);
  _Atomic uint32_t *head = &t->head[node->hash & (t->size - 1)];
  atomic_store_explicit(&node->next,
                        atomic_load_explicit(head, memory_order_relaxed),
                        memory_order_release);
  atomic_store_explicit(head, id, memory_order_release);
}

static struct table *new_table(size_t size) {
  size_t bytes = sizeof(struct table) + size * sizeof(_Atomic uint32_t);
  struct table *t = cgc_meta_alloc(bytes);
  if (!t)
    return NULL;
  t->size = size;
  stacks.bytes += bytes;
  return t;
}

typedef void (*node_fn)(uint32_t id, void *ctx);

/*
 * All but the one without frames, which is in no chain.  What is left at the
 * end of a chunk is marked as unused, if a node would have room there.
 */
static void each_node_locked(node_fn fn, void *ctx) {
  for (size_t at = CGC_STACK_UNKNOWN + NODE_WORDS; at < stacks.used;) {
    const struct cgc_stack_node *node = node_of((uint32_t)at);
    size_t left = CHUNK_WORDS - (at & (CHUNK_WORDS - 1));
    if (left < NODE_WORDS || node->unused) {
      at += left;
      continue;
    }
    fn((uint32_t)at, ctx);
    at += NODE_WORDS + node->n;
  }
}

static void link_again(uint32_t id, void *table) { link_locked(table, id); }

static void grow_locked(void) {
  struct table *t = atomic_load_explicit(&stacks.now, memory_order_relaxed);
  if (stacks.n < t->size)
    return;
  t = new_table(t->size * 2);
  if (!t)
    return; /* chains get longer */
  each_node_locked(link_again, t);
  atomic_store_explicit(&stacks.now, t, memory_order_release);
}

/* Room for a node of N frames in one chunk. */
static uint32_t room_locked(size_t n) {
  size_t words = NODE_WORDS + n;
  size_t left = CHUNK_WORDS - (stacks.used & (CHUNK_WORDS - 1));
  if (left < words) {
    if (left >= NODE_WORDS)
      node_of((uint32_t)stacks.used)->unused = true;
    stacks.used += left;
  }
  size_t chunk = stacks.used >> CHUNK_SHIFT;
  if (chunk >= CHUNKS)
    return CGC_STACK_NONE;
  if (!stacks.chunks[chunk]) {
    stacks.chunks[chunk] = cgc_meta_alloc(CHUNK_WORDS * sizeof(uint64_t));
    if (!stacks.chunks[chunk])
      return CGC_STACK_NONE;
    stacks.bytes += CHUNK_WORDS * sizeof(uint64_t);
  }
  uint32_t id = (uint32_t)stacks.used;
  stacks.used += words;
  return id;
}

static uint32_t add_locked(uint64_t hash, const struct cgc_frame *frames,
                           size_t n) {
  grow_locked();
  uint32_t id = room_locked(n);
  if (id == CGC_STACK_NONE)
    return CGC_STACK_UNKNOWN;
  struct cgc_stack_node *node = node_of(id);
  node->hash = hash;
  node->n = (uint16_t)n;
  memcpy(node->frames, frames, n * sizeof *frames);
  link_locked(atomic_load_explicit(&stacks.now, memory_order_relaxed), id);
  stacks.n++;
  return id;
}

/*
 * The modules are looked up before the lock is taken: that may ask the loader,
 * whose lock its callers hold around malloc.
 */
static CGC_NOINLINE uint32_t enter_new(uint64_t hash, void *const *pcs,
                                       size_t n) {
  struct cgc_mutator *self = cgc_self;
  struct cgc_frame frames[n];
  for (size_t i = 0; i < n; i++)
    frames[i].word = (uintptr_t)pcs[i] |
                     (uint64_t)cgc_module_find_or_look((uintptr_t)pcs[i] - 1)
                         << CGC_STACK_PC_BITS;
  if (!self || !cgc_mutator_enter(self))
    return CGC_STACK_UNKNOWN;
  cgc_lock(&stacks.lock);
  uint32_t id = find(hash, n);
  if (id == CGC_STACK_NONE)
    id = add_locked(hash, frames, n);
  cgc_unlock(&stacks.lock);
  cgc_mutator_leave(self);
  return id;
}

uint32_t cgc_stack_enter(void *const *pcs, size_t n) {
  n = cgc_min(n, stacks.depth);
  if (n == 0)
    return CGC_STACK_UNKNOWN;
  uint64_t hash = cgc_callers_hash_of(pcs, n);
  uint32_t id = find(hash, n);
  return cgc_likely(id != CGC_STACK_NONE) ? id : enter_new(hash, pcs, n);
}

/* ---- The stack of the moment --------------------------------------------- */

static bool is_own(const void *pc) {
  return (uintptr_t)pc - cgc_module_own.lo <
         cgc_module_own.text_hi - cgc_module_own.lo;
}

/* NULL: this thread keeps none, now; or it is not long enough. */
static struct cgc_callers *recent_walk(void) {
  if (!cgc_self || stacks.depth + OWN_FRAMES > CGC_CALLERS_MAX)
    return NULL;
  if (!cgc_self->callers)
    cgc_self->callers = cgc_callers_new();
  return cgc_self->callers;
}

static CGC_NOINLINE uint32_t enter_walk(const struct cgc_callers *walk,
                                        size_t first, size_t n, uint64_t hash) {
  void *pcs[CGC_CALLERS_MAX];
  for (size_t i = 0; i < n; i++)
    pcs[i] = cgc_callers_pc(walk, first + i);
  return enter_new(hash, pcs, n);
}

static CGC_NOINLINE uint32_t from_walk(struct cgc_callers *walk,
                                       const void *frame) {
  size_t n = cgc_callers_walk(walk, frame, stacks.depth + OWN_FRAMES), own = 0;
  while (own < n && is_own(cgc_callers_pc(walk, own)))
    own++;
  n = cgc_min(n - own, stacks.depth);
  if (n == 0)
    return CGC_STACK_UNKNOWN;
  uint64_t hash = cgc_callers_hash(walk, own, n);
  uint32_t id = find(hash, n);
  if (cgc_unlikely(id == CGC_STACK_NONE))
    id = enter_walk(walk, own, n, hash);
  if (id != CGC_STACK_UNKNOWN)
    cgc_callers_note(walk, id);
  return id;
}

static uint32_t from_recent(struct cgc_callers *walk, const void *frame) {
  uint32_t id = cgc_callers_recall(walk, frame);
  return cgc_likely(id != CGC_STACK_NONE) ? id : from_walk(walk, frame);
}

static CGC_NOINLINE uint32_t from_scratch(const void *frame) {
  void *pcs[stacks.depth + OWN_FRAMES];
  size_t n = cgc_callers_capture(frame, pcs, stacks.depth + OWN_FRAMES);
  size_t own = 0;
  while (own < n && is_own(pcs[own]))
    own++;
  return cgc_stack_enter(pcs + own, n - own);
}

uint32_t cgc_stack_from(const void *frame) {
  if (capturing)
    return CGC_STACK_UNKNOWN;
  capturing = true;
  struct cgc_callers *walk = recent_walk();
  uint32_t id = walk ? from_recent(walk, frame) : from_scratch(frame);
  capturing = false;
  return id;
}

/* ---- The rest of the contract -------------------------------------------- */

bool cgc_stack_init(unsigned depth) {
  cgc_lock_register(&stacks.lock);
  cgc_callers_init();
  stacks.depth = depth;
  stacks.chunks = cgc_meta_alloc(CHUNKS * sizeof *stacks.chunks);
  struct table *t = new_table(BUCKETS_MIN);
  if (!stacks.chunks || !t)
    return false;
  atomic_store_explicit(&stacks.now, t, memory_order_release);
  stacks.used = CGC_STACK_UNKNOWN;
  return room_locked(0) == CGC_STACK_UNKNOWN;
}

size_t cgc_stack_frames(uint32_t id, const struct cgc_frame **frames) {
  if (id == CGC_STACK_NONE)
    return 0;
  *frames = node_of(id)->frames;
  return node_of(id)->n;
}

static void close_if_through(uint32_t id, void *ctx) {
  const unsigned *module = ctx;
  struct cgc_stack_node *node = node_of(id);
  for (size_t i = 0; i < node->n; i++)
    if (cgc_frame_module(node->frames[i]) == *module)
      atomic_store_explicit(&node->gone, true, memory_order_relaxed);
}

void cgc_stack_close_module(unsigned module) {
  struct cgc_mutator *self = cgc_self;
  if (!self || !cgc_mutator_enter(self))
    return;
  cgc_lock(&stacks.lock);
  each_node_locked(close_if_through, &module);
  cgc_unlock(&stacks.lock);
  cgc_mutator_leave(self);
}

size_t cgc_stack_count(void) { return stacks.n; }
size_t cgc_stack_bytes(void) { return stacks.bytes; }

static void count(uint32_t id, void *ctx) {
  (void)id;
  ++*(size_t *)ctx;
}

void cgc_stack_check(void) {
  struct table *t = atomic_load_explicit(&stacks.now, memory_order_relaxed);
  size_t linked = 0, all = 0;
  for (size_t i = 0; i < t->size; i++)
    for (uint32_t id = t->head[i]; id; id = node_of(id)->next) {
      cgc_check((node_of(id)->hash & (t->size - 1)) == i);
      linked++;
    }
  each_node_locked(count, &all);
  cgc_check(linked == stacks.n);
  cgc_check(all == stacks.n);
}
