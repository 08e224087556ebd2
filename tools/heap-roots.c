/* SPDX-License-Identifier: MIT */
#include "heap-roots.h"

#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { RED_ZONE = 128, RANGES_MAX = 1 << 20 };

struct range {
  uint64_t lo, hi;
};

struct ranges {
  struct range *all;
  size_t n;
};

struct walk {
  const struct cgc_image *im;
  cgc_root_piece_fn fn;
  void *ctx;
  bool all_mappings;
  bool shared_files;
  struct ranges skipped; /* the collector's own and the excluded; sorted */
  struct cgc_root_piece piece;
};

static const char *const place_names[] = {
    [CGC_PLACE_REGISTER] = "register", [CGC_PLACE_STACK] = "stack",
    [CGC_PLACE_DATA] = "data",         [CGC_PLACE_MAPPING] = "mapping",
    [CGC_PLACE_CODE] = "code",         [CGC_PLACE_NAMED] = "named",
    [CGC_PLACE_KERNEL] = "kernel",     [CGC_PLACE_FINALIZER] = "finalizer",
    [CGC_PLACE_PINNED] = "pinned",
};

const char *cgc_root_place_name(enum cgc_root_place place) {
  return place_names[place];
}

/* ---- the collector's tables of ranges ------------------------------------ */

static void add_ranges(const struct cgc_image *im, struct ranges *r,
                       uint64_t at, uint64_t n) {
  size_t size = im->value[CGC_L_size_range];
  if (n > RANGES_MAX)
    return;
  for (uint64_t i = 0; i < n; i++, at += size) {
    r->all = cgc_store_room(r->all, r->n, sizeof *r->all);
    r->all[r->n++] = (struct range){cgc_image_field(im, at, CGC_L_range_lo),
                                    cgc_image_field(im, at, CGC_L_range_hi)};
  }
}

static void add_set(const struct cgc_image *im, struct ranges *r,
                    enum cgc_layout_id view) {
  uint64_t set = cgc_image_view(im, view);
  add_ranges(im, r, cgc_image_field(im, set, CGC_L_range_set_all),
             cgc_image_field(im, set, CGC_L_range_set_n));
}

static int by_address(const void *a, const void *b) {
  const struct range *x = a, *y = b;
  return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void read_skipped(struct walk *w) {
  const struct cgc_image *im = w->im;
  const struct cgc_target *t = im->target;
  uint64_t own = cgc_image_view(im, CGC_L_view_own_ranges);
  uint64_t n = cgc_image_view(im, CGC_L_view_own_ranges_n);
  add_ranges(im, &w->skipped, cgc_target_word(t, own, 8),
             cgc_target_word(t, n, 8));
  add_set(im, &w->skipped, CGC_L_view_excluded_roots);
  if (w->skipped.n)
    qsort(w->skipped.all, w->skipped.n, sizeof *w->skipped.all, by_address);
}

/* ---- giving -------------------------------------------------------------- */

static void give(uint64_t addr, const void *bytes, size_t n, void *ctx) {
  struct walk *w = ctx;
  size_t skip = -addr % 8;
  if (n < skip + 8)
    return;
  w->piece.addr = addr + skip;
  w->piece.bytes = (const uint8_t *)bytes + skip;
  w->piece.n = (n - skip) & ~(size_t)7;
  w->fn(&w->piece, w->ctx);
}

static void give_range(struct walk *w, uint64_t lo, uint64_t hi) {
  const struct cgc_segment *s = w->piece.segment;
  bool copied = s && s->kind == CGC_SEGMENT_FILE && !s->shared;
  if (lo < hi)
    cgc_target_walk(w->im->target, lo, hi,
                    copied ? CGC_TARGET_COPIED : CGC_TARGET_PRESENT, give, w);
}

/* [LO, HI) without what is skipped. */
static void give_allowed(struct walk *w, uint64_t lo, uint64_t hi) {
  for (size_t i = 0; i < w->skipped.n && lo < hi; i++) {
    const struct range *r = &w->skipped.all[i];
    if (r->hi <= lo || r->lo >= hi)
      continue;
    if (lo < r->lo)
      give_range(w, lo, r->lo);
    lo = r->hi;
  }
  give_range(w, lo, hi);
}

static void begin(struct walk *w, enum cgc_root_place place,
                  const struct cgc_thread *thread,
                  const struct cgc_segment *segment) {
  w->piece.place = place;
  w->piece.thread = thread;
  w->piece.segment = segment;
}

/* ---- threads ------------------------------------------------------------- */

static void give_registers(struct walk *w, const struct cgc_thread *th) {
  begin(w, CGC_PLACE_REGISTER, th, NULL);
  if (th->has_regs)
    give(0, &th->regs, sizeof th->regs, w);
  if (th->vector_bytes)
    give(sizeof th->regs, th->vector, th->vector_bytes, w);
}

static uint64_t lowest_word(const struct cgc_thread *th) {
  return th->sp > RED_ZONE ? th->sp - RED_ZONE : 0;
}

/* The only thread whose stack pointer is in S; NULL: none, or several. */
static const struct cgc_thread *only_thread(const struct cgc_target *t,
                                            const struct cgc_segment *s) {
  const struct cgc_thread *only = NULL;
  for (size_t i = 0; i < t->nthreads; i++) {
    uint64_t sp = lowest_word(&t->threads[i]);
    if (sp < s->lo || sp >= s->hi)
      continue;
    if (only)
      return NULL;
    only = &t->threads[i];
  }
  return only;
}

/* Where the living part of S begins; see world/root. */
static uint64_t living_part(const struct cgc_target *t,
                            const struct cgc_segment *s,
                            const struct cgc_thread *th) {
  uint64_t sp = lowest_word(th);
  const struct cgc_segment *below = cgc_target_find(t, s->lo - 1);
  if (s->kind == CGC_SEGMENT_STACK)
    return sp;
  /* The kernel leaves a guard out of a core; gcore says that it is readable. */
  bool has_guard = t->is_core ? !below || !(below->prot & CGC_SEGMENT_WRITE)
                              : below && below->prot == 0;
  bool has_tcb = sp < th->fs_base && th->fs_base < s->hi;
  return has_guard && has_tcb ? sp : s->lo;
}

/* Scope DATA: of each thread the mapping of its stack, and of its TLS. */
static void give_stack(struct walk *w, const struct cgc_thread *th) {
  const struct cgc_target *t = w->im->target;
  uint64_t sp = lowest_word(th);
  const struct cgc_segment *s = cgc_target_find(t, sp);
  const struct cgc_segment *tls = cgc_target_find(t, th->fs_base);
  if (s) {
    begin(w, CGC_PLACE_STACK, th, s);
    give_allowed(w, sp, s->hi);
  }
  if (tls && tls != s) {
    begin(w, CGC_PLACE_STACK, th, tls);
    give_allowed(w, tls->lo, tls->hi);
  }
}

/* ---- mappings ------------------------------------------------------------ */

static bool is_wanted(const struct walk *w, const struct cgc_segment *s) {
  if (!(s->prot & CGC_SEGMENT_READ) || s->kind == CGC_SEGMENT_OTHER)
    return false;
  if (s->shared || s->kind == CGC_SEGMENT_SHM)
    return (s->prot & CGC_SEGMENT_WRITE) &&
           (s->kind == CGC_SEGMENT_SHM || w->shared_files);
  return true;
}

static enum cgc_root_place place_of(const struct cgc_segment *s, bool stack) {
  if (stack)
    return CGC_PLACE_STACK;
  if ((s->prot & CGC_SEGMENT_EXEC) && s->kind != CGC_SEGMENT_FILE)
    return CGC_PLACE_CODE;
  return s->kind == CGC_SEGMENT_FILE ? CGC_PLACE_DATA : CGC_PLACE_MAPPING;
}

static void give_mapping(struct walk *w, const struct cgc_segment *s) {
  const struct cgc_thread *th = only_thread(w->im->target, s);
  uint64_t lo = th ? living_part(w->im->target, s, th) : s->lo;
  begin(w, place_of(s, th != NULL), th, s);
  give_allowed(w, lo, s->hi);
}

/* Written data of a file, and the .bss behind it. */
static bool is_data(const struct cgc_target *t, const struct cgc_segment *s) {
  const struct cgc_segment *below = cgc_target_find(t, s->lo - 1);
  if (s->shared)
    return false;
  if (s->kind == CGC_SEGMENT_FILE)
    return true;
  return (s->prot & CGC_SEGMENT_WRITE) && s->kind == CGC_SEGMENT_ANON &&
         below && below->kind == CGC_SEGMENT_FILE && !below->shared &&
         (below->prot & CGC_SEGMENT_WRITE);
}

/* The library's file, or the .bss behind it. */
static bool is_own(const struct walk *w, const struct cgc_segment *s) {
  const struct cgc_target *t = w->im->target;
  const struct cgc_segment *root = cgc_target_find(t, w->im->root);
  if (s && s->kind == CGC_SEGMENT_ANON && s->name[0] == '\0')
    s = cgc_target_find(t, s->lo - 1);
  return s && root && s->name[0] == '/' && strcmp(s->name, root->name) == 0;
}

static void give_mappings(struct walk *w, bool own) {
  const struct cgc_target *t = w->im->target;
  for (size_t i = 0; i < t->nsegments; i++) {
    const struct cgc_segment *s = &t->segments[i];
    if (!is_wanted(w, s) || is_own(w, s) != own)
      continue;
    if (w->all_mappings) {
      give_mapping(w, s);
    } else if (is_data(t, s)) {
      begin(w, CGC_PLACE_DATA, NULL, s);
      give_allowed(w, s->lo, s->hi);
    }
  }
}

/* ---- what the collector was told ----------------------------------------- */

static void give_named(struct walk *w) {
  struct ranges named = {NULL, 0};
  add_set(w->im, &named, CGC_L_view_named_roots);
  for (size_t i = 0; i < named.n; i++) {
    begin(w, CGC_PLACE_NAMED, NULL, NULL);
    give_range(w, named.all[i].lo, named.all[i].hi);
  }
  free(named.all);
}

static void give_kernel(struct walk *w) {
  const struct cgc_target *t = w->im->target;
  uint64_t at =
      cgc_target_word(t, cgc_image_view(w->im, CGC_L_view_kernel_slots), 8);
  uint64_t n =
      cgc_target_word(t, cgc_image_view(w->im, CGC_L_view_kernel_slots_n), 8);
  uint64_t sent = cgc_image_view(w->im, CGC_L_view_kernel_sent_words);
  begin(w, CGC_PLACE_KERNEL, NULL, NULL);
  if (n <= RANGES_MAX)
    give_range(w, at, at + n * w->im->value[CGC_L_size_kernel_entry]);
  give_range(w, sent, sent + w->im->value[CGC_L_kernel_sent] * 8);
}

/* Their data; of those that are ready the objects, too. */
static void give_finalizers(struct walk *w) {
  const struct cgc_image *im = w->im;
  uint64_t table = cgc_image_view(im, CGC_L_view_finalizers);
  uint64_t at = cgc_image_field(im, table, CGC_L_table_records);
  uint64_t log2 = cgc_image_field(im, table, CGC_L_table_log2);
  uint64_t n = at && log2 < 32 ? 1ull << log2 : 0;
  begin(w, CGC_PLACE_FINALIZER, NULL, NULL);
  for (uint64_t i = 0; i < n; i++, at += im->value[CGC_L_size_record]) {
    if (!cgc_image_field(im, at, CGC_L_record_key))
      continue;
    for (int ready = 0; ready < 2; ready++) {
      uint64_t e = cgc_target_word(
          im->target, at + im->value[CGC_L_record_word] + 8u * ready, 8);
      uint64_t data = e + im->value[CGC_L_final_entry_data];
      uint64_t obj = e + im->value[CGC_L_final_entry_obj];
      if (e)
        give_range(w, data, data + 8);
      if (e && ready)
        give_range(w, obj, obj + 8);
    }
  }
}

static void give_others(struct walk *w) {
  const struct cgc_target *t = w->im->target;
  for (size_t i = 0; i < t->nthreads; i++)
    give_registers(w, &t->threads[i]);
  for (size_t i = 0; i < t->nthreads && !w->all_mappings; i++)
    give_stack(w, &t->threads[i]);
  give_named(w);
  give_kernel(w);
  give_finalizers(w);
}

void cgc_roots_walk(const struct cgc_image *im, bool own, cgc_root_piece_fn fn,
                    void *ctx) {
  const struct cgc_target *t = im->target;
  struct walk w = {.im = im, .fn = fn, .ctx = ctx};
  uint64_t scope = cgc_image_view(im, CGC_L_view_root_scope);
  w.all_mappings = cgc_target_word(t, scope, 4) != im->value[CGC_L_roots_data];
  w.shared_files = cgc_image_field(im, im->value[CGC_L_at_options],
                                   CGC_L_options_shared_files);
  read_skipped(&w);
  if (!own)
    give_others(&w);
  give_mappings(&w, own);
  free(w.skipped.all);
}
