/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-show.c - cgc heap: what there is.
 */
#include "heap.h"

#include "base/lock.h"
#include "store.h"
#include "tool.h"

#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MUTATORS_MAX = 100000 };

static const char *const kind_names[] = {"noscan", "scan", "pinned",
                                         "pinned-noscan"};
static const char *const phase_names[] = {"idle", "start", "mark", "remark",
                                          "weak", "flip",  "sweep"};
static const char *const lock_names[] = {
#define CGC_RANK(id, name) [CGC_RANK_##id] = name,
#include "base/rank.def"
#undef CGC_RANK
};

static const char *name_of(const char *const *names, size_t n, uint64_t i) {
  return i < n && names[i] ? names[i] : "?";
}
#define NAME(names, i) name_of(names, sizeof names / sizeof *names, i)

static const char *kind_name(const struct cgc_image_span *s) {
  return s->kind < 4 ? kind_names[s->kind] : "typed";
}

/* ---- info ---------------------------------------------------------------- */

static void item(struct cgc_heap_view *v, const char *name, const char *fmt,
                 ...) CGC_PRINTF(3, 4);

static void item(struct cgc_heap_view *v, const char *name, const char *fmt,
                 ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  cgc_out_row(&v->out);
  cgc_out_text(&v->out, "name", -14, "%s", name);
  cgc_out_text(&v->out, "value", 0, "%s", text);
  cgc_out_end_row(&v->out);
}

static void bytes_item(struct cgc_heap_view *v, const char *name, uint64_t n) {
  char buf[24];
  item(v, name, "%lu (%s)", (unsigned long)n, cgc_out_size(buf, n));
}

static void show_cycles(struct cgc_heap_view *v) {
  const struct cgc_image *im = &v->image;
  uint64_t c = im->value[CGC_L_at_cycle_counters];
  uint64_t last = c + im->value[CGC_L_cycle_counters_last];
  uint64_t phase = cgc_target_word(im->target, im->value[CGC_L_at_phase], 4);
  item(v, "state", "%s", NAME(phase_names, phase));
  item(v, "cycles", "%lu",
       (unsigned long)cgc_image_field(im, c, CGC_L_cycle_counters_ncycles));
  bytes_item(v, "live then",
             cgc_image_field(im, last, CGC_L_cycle_report_live_bytes));
  item(v, "last pause", "%lu us",
       (unsigned long)cgc_image_field(im, last, CGC_L_cycle_report_pause_ns) /
           1000);
  bytes_item(
      v, "next at",
      cgc_target_word(im->target, im->value[CGC_L_at_cycle_trigger_bytes], 8));
}

/* The record of TID in the library's list; 0: none. */
static uint64_t record_of(const struct cgc_image *im, pid_t tid) {
  uint64_t head = cgc_image_view(im, CGC_L_view_mutators);
  uint64_t link = cgc_image_field(im, head, CGC_L_link_next);
  for (int i = 0; link && link != head && i < MUTATORS_MAX; i++) {
    uint64_t m = link - im->value[CGC_L_mutator_link];
    if (cgc_image_field(im, m, CGC_L_mutator_tid) == (uint64_t)tid)
      return m;
    link = cgc_image_field(im, link, CGC_L_link_next);
  }
  return 0;
}

static bool is_inside(const struct cgc_image *im, uint64_t m) {
  return m && cgc_image_field(im, m, CGC_L_mutator_busy) &
                  im->value[CGC_L_busy_mask];
}

static uint64_t limit_of(const struct cgc_heap_view *v) {
  return v->options.limit ? v->options.limit : UINT64_MAX;
}

static const char *doing(const struct cgc_image *im, uint64_t m) {
  uint64_t stop = im->value[CGC_L_at_mutator_stop];
  uint64_t epoch = cgc_image_field(im, stop, CGC_L_mutator_stop_epoch);
  if (!m)
    return "never allocated";
  if (is_inside(im, m))
    return "inside the collector";
  if ((epoch & 1) && cgc_image_field(im, m, CGC_L_mutator_parked) == epoch)
    return "stopped by the collector";
  return "in the program";
}

/* Whoever holds a lock is one of them. */
static void show_inside(struct cgc_heap_view *v) {
  for (size_t i = 0; i < v->target.nthreads; i++) {
    const struct cgc_thread *th = &v->target.threads[i];
    if (is_inside(&v->image, record_of(&v->image, th->tid)))
      item(v, "inside", "thread %d, in %s", th->tid,
           th->has_regs ? cgc_namer_code(v->namer, th->regs.rip) : "?");
  }
}

static void show_locks(struct cgc_heap_view *v) {
  const struct cgc_image *im = &v->image;
  uint64_t at =
      cgc_target_word(im->target, cgc_image_view(im, CGC_L_view_locks), 8);
  for (int i = 0; at && i < 100000; i++) {
    if (cgc_image_field(im, at, CGC_L_lock_word))
      item(v, "lock held", "%s (0x%lx)",
           NAME(lock_names, cgc_image_field(im, at, CGC_L_lock_rank)),
           (unsigned long)at);
    at = cgc_image_field(im, at, CGC_L_lock_next);
  }
}

int cgc_heap_info(struct cgc_heap_view *v) {
  const struct cgc_image *im = &v->image;
  uint64_t heap = im->value[CGC_L_at_heap];
  uint64_t ph = heap + im->value[CGC_L_heap_pageheap];
  uint64_t shift = im->value[CGC_L_page_shift];
  cgc_out_table(&v->out, "info", NULL);
  item(v, "process", "%d, %zu threads%s", v->target.pid, v->target.nthreads,
       v->target.is_core ? " (core)" : "");
  item(v, "library", "libcgc %s, %s", im->version,
       im->serves_malloc ? "malloc is replaced" : "beside malloc");
  item(v, "heap", "0x%lx-0x%lx", (unsigned long)im->base,
       (unsigned long)(im->base + im->bytes));
  bytes_item(v, "committed", im->bytes);
  bytes_item(v, "in use", cgc_image_field(im, heap, CGC_L_heap_in_use_bytes));
  bytes_item(v, "free pages",
             cgc_image_field(im, ph, CGC_L_pageheap_free_pages) << shift);
  item(v, "objects", "%lu", (unsigned long)im->nlive);
  bytes_item(v, "in objects", im->live_bytes);
  item(v, "spans", "%zu", im->nspans);
  if (im->nbusy)
    item(v, "busy", "a span that is just being changed: left out");
  show_cycles(v);
  show_locks(v);
  show_inside(v);
  cgc_out_end_table(&v->out);
  return 0;
}

/* ---- spans, objects ------------------------------------------------------ */

static const char *list_name(const struct cgc_image *im,
                             const struct cgc_image_span *s) {
  return s->unswept                                 ? "unswept"
         : s->list == im->value[CGC_L_span_cached]  ? "cached"
         : s->list == im->value[CGC_L_span_partial] ? "partial"
         : s->list == im->value[CGC_L_span_large]   ? "large"
                                                    : "full";
}

/* The thread in whose cache the span is that stands at WHERE; 0: none. */
static pid_t owner_of(const struct cgc_image *im, uint64_t where) {
  uint64_t head = cgc_image_view(im, CGC_L_view_mutators);
  uint64_t link = cgc_image_field(im, head, CGC_L_link_next);
  uint64_t size = im->value[CGC_L_size_bin];
  uint64_t nbins = im->width[CGC_L_cache_bin] / size;
  for (int i = 0; link && link != head && i < MUTATORS_MAX; i++) {
    uint64_t m = link - im->value[CGC_L_mutator_link];
    uint64_t bin =
        m + im->value[CGC_L_mutator_cache] + im->value[CGC_L_cache_bin];
    for (uint64_t b = 0; b < nbins; b++, bin += size)
      if (cgc_image_field(im, bin, CGC_L_bin_span) == where)
        return (pid_t)cgc_image_field(im, m, CGC_L_mutator_tid);
    link = cgc_image_field(im, link, CGC_L_link_next);
  }
  return 0;
}

/* A span, and its live slots. */
struct row {
  const struct cgc_image_span *span;
  uint32_t live;
};

static uint64_t free_bytes(const struct row *r) {
  return (r->span->nslots - r->live) * r->span->slot_size;
}

static int by_free(const void *a, const void *b) {
  uint64_t x = free_bytes(a), y = free_bytes(b);
  return x > y ? -1 : x < y;
}

static void show_span(struct cgc_heap_view *v, const struct row *r) {
  const struct cgc_image_span *s = r->span;
  cgc_out_row(&v->out);
  cgc_out_address(&v->out, "address", -18, s->base);
  cgc_out_number(&v->out, "pages", 6, s->npages);
  cgc_out_number(&v->out, "size", 9, s->slot_size);
  cgc_out_number(&v->out, "live", 5, r->live);
  cgc_out_number(&v->out, "slots", 5, s->nslots);
  cgc_out_number(&v->out, "percent", 6, r->live * 100ull / s->nslots);
  cgc_out_text(&v->out, "kind", -13, "%s", kind_name(s));
  pid_t owner = s->list == v->image.value[CGC_L_span_cached]
                    ? owner_of(&v->image, s->where)
                    : 0;
  if (owner)
    cgc_out_text(&v->out, "list", 0, "cached by thread %d", owner);
  else
    cgc_out_text(&v->out, "list", 0, "%s", list_name(&v->image, s));
  cgc_out_end_row(&v->out);
}

int cgc_heap_spans(struct cgc_heap_view *v) {
  const struct cgc_image *im = &v->image;
  uint64_t limit = limit_of(v);
  struct row *rows = cgc_store_grow(NULL, (im->nspans + 1) * sizeof *rows);
  size_t n = 0;
  for (size_t i = 0; i < im->nspans; i++) {
    const struct cgc_image_span *s = &im->spans[i];
    if (s->slot_size >= v->options.min_size &&
        s->slot_size <= v->options.max_size)
      rows[n++] = (struct row){s, cgc_image_count_live(im, s)};
  }
  if (v->options.sort_free && n)
    qsort(rows, n, sizeof *rows, by_free);
  cgc_out_table(&v->out, "spans",
                "ADDRESS             PAGES      SIZE  LIVE/SLOTS   FILL KIND"
                "          LIST");
  for (size_t i = 0; i < n && i < limit; i++)
    show_span(v, &rows[i]);
  cgc_out_end_table(&v->out);
  free(rows);
  return 0;
}

const char *cgc_heap_state(struct cgc_heap_view *v,
                           const struct cgc_image_object *obj) {
  if (cgc_image_is_held(&v->image, obj->id))
    return "freed, in a thread's list";
  if (!cgc_image_is_live(&v->image, obj->id))
    return "free";
  if (!v->is_marked)
    return "allocated";
  return cgc_graph_is_reached(&v->graph, obj->id) ? "live" : "lost";
}

static bool is_wanted(struct cgc_heap_view *v,
                      const struct cgc_image_object *obj) {
  const char *state = v->options.state ? v->options.state : "live";
  bool live = cgc_image_is_live(&v->image, obj->id);
  if (obj->size < v->options.min_size || obj->size > v->options.max_size)
    return false;
  if (strcmp(state, "free") == 0)
    return !live;
  return live && cgc_graph_is_reached(&v->graph, obj->id) ==
                     (strcmp(state, "live") == 0);
}

/* Whether a function that allocated OBJ matches. */
static bool is_made_by(struct cgc_heap_view *v, const regex_t *re,
                       const struct cgc_image_object *obj) {
  struct cgc_record r;
  if (!v->options.stack)
    return true;
  if (!cgc_records_find(v->records, obj, &r))
    return false;
  const struct cgc_record_stack *s = cgc_records_stack(v->records, r.stack);
  for (size_t i = 0; i < s->n; i++)
    if (regexec(re, s->line[i], 0, NULL, 0) == 0)
      return true;
  return false;
}

static bool compile(struct cgc_heap_view *v, regex_t *re) {
  if (!v->options.stack)
    return true;
  if (!cgc_heap_records(v))
    return cgc_tool_error(0, "%s notes no stacks", v->target.title);
  return regcomp(re, v->options.stack, REG_EXTENDED | REG_NOSUB) == 0 ||
         cgc_tool_error(0, "'%s' is no regular expression", v->options.stack);
}

int cgc_heap_objects(struct cgc_heap_view *v) {
  struct cgc_image_object obj;
  regex_t re;
  uint64_t limit = limit_of(v);
  if (!compile(v, &re))
    return CGC_HEAP_FAILED;
  cgc_heap_marked(v, false);
  cgc_out_table(&v->out, "objects", "ADDRESS                 SIZE KIND");
  for (size_t i = 0; i < v->image.nspans; i++) {
    const struct cgc_image_span *s = &v->image.spans[i];
    for (uint32_t j = 0; j < s->nslots && v->out.nrows < limit; j++) {
      obj = (struct cgc_image_object){s, s->first + j,
                                      s->base + j * s->slot_size, s->slot_size};
      if (!is_wanted(v, &obj) || !is_made_by(v, &re, &obj))
        continue;
      cgc_out_row(&v->out);
      cgc_out_address(&v->out, "address", -18, obj.addr);
      cgc_out_number(&v->out, "size", 9, obj.size);
      cgc_out_text(&v->out, "kind", 0, "%s", kind_name(s));
      cgc_out_end_row(&v->out);
    }
  }
  cgc_out_end_table(&v->out);
  if (v->options.stack)
    regfree(&re);
  return 0;
}

/* ---- histogram ----------------------------------------------------------- */

struct bucket {
  uint64_t size;
  uint64_t live, lost;
};

static int by_bytes(const void *a, const void *b) {
  const struct bucket *x = a, *y = b;
  uint64_t p = x->size * (x->live + x->lost), q = y->size * (y->live + y->lost);
  return p > q ? -1 : p < q;
}

static struct bucket *bucket_of(struct bucket **all, size_t *n, uint64_t size) {
  for (size_t i = 0; i < *n; i++)
    if ((*all)[i].size == size)
      return &(*all)[i];
  *all = cgc_store_room(*all, *n, sizeof **all);
  (*all)[*n] = (struct bucket){.size = size};
  return &(*all)[(*n)++];
}

static void count_span(struct cgc_heap_view *v, const struct cgc_image_span *s,
                       struct bucket *b) {
  for (uint32_t i = 0; i < s->nslots; i++)
    if (!cgc_image_is_live(&v->image, s->first + i))
      continue;
    else if (cgc_graph_is_reached(&v->graph, s->first + i))
      b->live++;
    else
      b->lost++;
}

int cgc_heap_histogram(struct cgc_heap_view *v) {
  struct bucket *all = NULL;
  size_t n = 0;
  uint64_t limit = limit_of(v);
  if (v->options.by_stack)
    return cgc_heap_by_stack(v);
  cgc_heap_marked(v, false);
  for (size_t i = 0; i < v->image.nspans; i++) {
    const struct cgc_image_span *s = &v->image.spans[i];
    count_span(v, s, bucket_of(&all, &n, s->slot_size));
  }
  if (n)
    qsort(all, n, sizeof *all, by_bytes);
  cgc_out_table(&v->out, "histogram",
                "       SIZE       LIVE        BYTES       LOST        BYTES");
  for (size_t i = 0; i < n && v->out.nrows < limit; i++) {
    if (all[i].live + all[i].lost == 0)
      continue;
    cgc_out_row(&v->out);
    cgc_out_number(&v->out, "size", 11, all[i].size);
    cgc_out_number(&v->out, "live", 10, all[i].live);
    cgc_out_number(&v->out, "live_bytes", 12, all[i].live * all[i].size);
    cgc_out_number(&v->out, "lost", 10, all[i].lost);
    cgc_out_number(&v->out, "lost_bytes", 12, all[i].lost * all[i].size);
    cgc_out_end_row(&v->out);
  }
  cgc_out_end_table(&v->out);
  free(all);
  return 0;
}

/* ---- threads, roots, check ----------------------------------------------- */

int cgc_heap_threads(struct cgc_heap_view *v) {
  const struct cgc_target *t = &v->target;
  cgc_out_table(&v->out, "threads",
                "    THREAD SP                 STATE                    WHERE");
  for (size_t i = 0; i < t->nthreads && i < limit_of(v); i++) {
    const struct cgc_thread *th = &t->threads[i];
    cgc_out_row(&v->out);
    cgc_out_number(&v->out, "thread", 10, (uint64_t)th->tid);
    cgc_out_address(&v->out, "sp", -18, th->sp);
    cgc_out_text(&v->out, "state", -24, "%s",
                 doing(&v->image, record_of(&v->image, th->tid)));
    cgc_out_text(&v->out, "where", 0, "%s",
                 th->has_regs ? cgc_namer_code(v->namer, th->regs.rip) : "?");
    cgc_out_end_row(&v->out);
  }
  cgc_out_end_table(&v->out);
  return 0;
}

static void show_piece(const struct cgc_root_piece *piece, void *ctx) {
  struct cgc_heap_view *v = ctx;
  const struct cgc_segment *s = piece->segment;
  if (v->out.nrows >= limit_of(v))
    return;
  cgc_out_row(&v->out);
  cgc_out_address(&v->out, "address", -18, piece->addr);
  cgc_out_number(&v->out, "bytes", 10, piece->n);
  cgc_out_text(&v->out, "why", -10, "%s", cgc_root_place_name(piece->place));
  if (piece->thread)
    cgc_out_text(&v->out, "of", 0, "thread %d", piece->thread->tid);
  else
    cgc_out_text(&v->out, "of", 0, "%s", s ? s->name : "");
  cgc_out_end_row(&v->out);
}

int cgc_heap_roots(struct cgc_heap_view *v) {
  cgc_out_table(&v->out, "roots",
                "ADDRESS                 BYTES WHY        OF");
  cgc_roots_walk(&v->image, false, show_piece, v);
  cgc_roots_walk(&v->image, true, show_piece, v);
  cgc_out_end_table(&v->out);
  return 0;
}

static uint64_t count_slots(const struct cgc_image *im) {
  uint64_t n = 0;
  for (size_t i = 0; i < im->nspans; i++)
    n += im->spans[i].nslots;
  return n;
}

int cgc_heap_check(struct cgc_heap_view *v) {
  const struct cgc_image *im = &v->image;
  cgc_out_table(&v->out, "problems", NULL);
  for (size_t i = 0; i < im->nproblems; i++) {
    cgc_out_row(&v->out);
    cgc_out_address(&v->out, "address", -18, im->problems[i].addr);
    cgc_out_text(&v->out, "what", 0, "%s", im->problems[i].what);
    cgc_out_end_row(&v->out);
  }
  cgc_out_end_table(&v->out);
  if (im->nproblems == 0)
    cgc_out_line(&v->out, "%zu spans and %lu slots: consistent%s", im->nspans,
                 (unsigned long)count_slots(im),
                 im->nbusy ? "; a span is busy, being changed: left out" : "");
  return im->nproblems ? CGC_HEAP_FAILED : 0;
}
