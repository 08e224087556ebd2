/* SPDX-License-Identifier: MIT */
#include "mark/marker.h"

#include "base/option.h"
#include "heap/walk.h"
#include "mark/displacement.h"

enum { PIECE = 32 << 10 /* bytes of a root between two drains */ };

static void open_counts(struct cgc_marker *m) {
  for (unsigned class = 0; class < CGC_VISIT_CLASSES; class ++)
    m->marked[class] = 0;
  m->marked_at_turn = m->marked_bytes = m->marked_objects = 0;
  m->scanned_bytes = 0;
  m->grey_spans = 0;
}

static void open_options(struct cgc_marker *m) {
  const struct cgc_options *o = &cgc_options;
  m->odd_words = o->tagged || o->before_start;
  m->strict = cgc_displacement_is_some();
  m->whole = m->odd_words || m->strict;
  m->relative = o->relative;
  m->places = o->packed ? 0xffff : 0xaaaa;
  enum cgc_scan_kernel kernel = (enum cgc_scan_kernel)o->scan;
  bool thorough = m->odd_words || o->packed || o->relative;
  m->careful = cgc_drain_choose(
      kernel, thorough || m->strict ? CGC_SIGHT_THOROUGH : CGC_SIGHT_CAREFUL);
  m->kernel = cgc_drain_choose(kernel, thorough    ? CGC_SIGHT_THOROUGH
                                       : m->strict ? CGC_SIGHT_STRICT
                                                   : CGC_SIGHT_ADDRESSES);
}

void cgc_marker_open(struct cgc_marker *m, struct cgc_heap *heap,
                     struct cgc_pool *pool) {
  cgc_queue_init(&m->queue, pool);
  m->heap = heap;
  m->shared = pool->members > 1;
  m->bounded = false;
  cgc_slot_map_open(&m->map, &heap->arena);
  cgc_scan_range_set(&m->range, heap->arena.base,
                     cgc_arena_bytes(&heap->arena));
  cgc_visit_open(m);
  open_counts(m);
  open_options(m);
}

/* ---- What is handed in ------------------------------------------------ */

void cgc_marker_mark_word(struct cgc_marker *m, uintptr_t word) {
  if (word - m->range.base < m->range.bytes)
    cgc_visit_word(m, word);
  if (cgc_unlikely(m->odd_words))
    cgc_visit_odd_word(m, word);
}

/* The program, or another process, may be changing what is here. */
static void scan_carefully(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  m->careful->scan(m, lo, hi, cgc_fetch_block_of(m, lo));
}

void cgc_marker_scan_words(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  lo = cgc_round_up(lo, sizeof(uintptr_t));
  hi = cgc_round_down(hi, sizeof(uintptr_t));
  if (lo < hi)
    scan_carefully(m, lo, hi);
}

/* A large root does not fill the queue; but beside the program a drain takes
 * as long as what is left to mark, and that is for drain_some to bound. */
static void drain_unless_bounded(struct cgc_marker *m) {
  if (!m->bounded)
    cgc_marker_drain(m);
}

/* A packed word may reach from one piece into the next. */
void cgc_marker_scan_range(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  lo = cgc_round_up(lo, sizeof(uintptr_t));
  hi = cgc_round_down(hi, sizeof(uintptr_t));
  for (uintptr_t from = lo; lo < hi; lo += PIECE, from = lo - sizeof from) {
    scan_carefully(m, from, cgc_min(hi, lo + PIECE));
    drain_unless_bounded(m);
  }
}

CGC_SCANS_MEMORY
static void scan_insides(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  struct cgc_object obj;
  for (; lo + sizeof(uintptr_t) <= hi; lo += sizeof(uintptr_t))
    if (cgc_arena_find(&m->heap->arena, *(const uintptr_t *)lo, &obj))
      cgc_visit_word(m, obj.addr);
  drain_unless_bounded(m);
}

void cgc_marker_scan_stack(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  if (m->strict)
    scan_insides(m, cgc_round_up(lo, sizeof(uintptr_t)), hi);
  else
    cgc_marker_scan_range(m, lo, hi);
}

void cgc_marker_scan_object(struct cgc_marker *m, enum cgc_kind kind,
                            uintptr_t lo, uintptr_t hi) {
  if (cgc_kind_is_noscan(kind))
    return;
  if (cgc_kind_is_described(kind)) {
    cgc_fetch_scan_described(m, lo, hi);
    drain_unless_bounded(m);
  } else {
    cgc_marker_scan_range(m, lo, hi);
  }
}

CGC_SCANS_MEMORY
void cgc_marker_scan_unaligned(struct cgc_marker *m, uintptr_t lo,
                               uintptr_t hi) {
  for (; lo + sizeof(uintptr_t) <= hi; lo++)
    cgc_marker_mark_word(m, *(const cgc_unaligned_word *)lo);
}

/* Its mark bit was set from the start: it is counted here. */
static void visit_pinned_object(const struct cgc_object *obj, void *ctx) {
  struct cgc_marker *m = ctx;
  m->marked_objects++;
  m->marked_bytes += obj->size;
  cgc_marker_scan_object(m, (enum cgc_kind)obj->span->kind, obj->addr,
                         obj->addr + obj->size);
}

static void visit_pinned_span(struct cgc_span *span, void *ctx) {
  if (cgc_kind_is_pinned((enum cgc_kind)span->kind))
    cgc_walk_span(span, visit_pinned_object, ctx);
}

void cgc_marker_scan_pinned(struct cgc_marker *m) {
  cgc_heap_each_span(m->heap, visit_pinned_span, m);
}

static void queue_pinned_object(const struct cgc_object *obj, void *ctx) {
  struct cgc_marker *m = ctx;
  m->marked_objects++;
  m->marked_bytes += obj->size;
  if (cgc_kind_is_noscan((enum cgc_kind)obj->span->kind))
    return;
  if (obj->size > PIECE && !cgc_queue_is_full(&m->queue))
    cgc_queue_push(&m->queue, obj->addr, obj->addr + obj->size);
  else
    cgc_marker_scan_words(m, obj->addr, obj->addr + obj->size);
}

static void queue_pinned_span(struct cgc_span *span, void *ctx) {
  if (cgc_kind_is_pinned((enum cgc_kind)span->kind))
    cgc_walk_span(span, queue_pinned_object, ctx);
}

void cgc_marker_queue_pinned(struct cgc_marker *m, size_t first, size_t end) {
  cgc_heap_each_span_in(m->heap, first, end, queue_pinned_span, m);
}

/* ---- Draining --------------------------------------------------------- */

void cgc_marker_drain(struct cgc_marker *m) {
  m->kernel->drain(m, SIZE_MAX);
  cgc_visit_count(m);
}

void cgc_marker_extend(struct cgc_marker *m) {
  size_t bytes = cgc_arena_bytes(&m->heap->arena);
  if (bytes == m->range.bytes)
    return;
  cgc_scan_range_set(&m->range, m->heap->arena.base, bytes);
  cgc_pool_extend(m->queue.pool, &m->heap->arena);
}

void cgc_marker_set_bounded(struct cgc_marker *m) {
  m->bounded = true;
  cgc_visit_set_by_span(m, m->by_span);
}

bool cgc_marker_drain_some(struct cgc_marker *m, unsigned pieces) {
  const struct cgc_drain_kernel *kernel = m->kernel;
  m->kernel = m->careful;
  bool done = m->kernel->drain(m, pieces);
  m->kernel = kernel;
  cgc_visit_count(m);
  return done;
}

void cgc_marker_finish(struct cgc_marker *m) {
  do {
    cgc_marker_drain(m);
  } while (cgc_pool_wait(m->queue.pool));
}

void cgc_marker_add_counts(struct cgc_marker *m,
                           const struct cgc_marker *other) {
  m->marked_bytes += other->marked_bytes;
  m->marked_objects += other->marked_objects;
  m->scanned_bytes += other->scanned_bytes;
  m->grey_spans += other->grey_spans;
}
