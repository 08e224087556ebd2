/* SPDX-License-Identifier: MIT */
#include "heap-record.h"

#include "store.h"
#include "symbol.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 1024, MODULES_MAX = 1 << 16, ID_MAX = 64 };

static const unsigned pc_bits = 48; /* of a frame; above it the module */

struct module {
  const char *path;
  const char *build_id;
  uint64_t lo, hi;
  uint64_t bias;
  struct cgc_symbol_module *names;
};

struct cgc_records {
  const struct cgc_image *im;
  struct cgc_store *store;
  struct cgc_symbols *symbols;
  struct module *modules; /* [0] is none */
  size_t nmodules;
  struct cgc_map stacks;             /* id → struct cgc_record_stack */
  const struct cgc_image_span *span; /* whose records stand in bytes */
  uint8_t *bytes;                    /* NULL: it has none */
  uint8_t *room;
};

/* ---- modules ------------------------------------------------------------- */

static const char *read_path(struct cgc_records *r, uint64_t at) {
  char text[PATH_MAX];
  size_t n = 0;
  while (n + 1 < sizeof text &&
         cgc_target_read(r->im->target, at + n, &text[n], 1) && text[n])
    n++;
  return cgc_store_intern(r->store, text, n);
}

static const char *read_id(struct cgc_records *r, uint64_t module) {
  uint8_t id[ID_MAX];
  char text[2 * ID_MAX + 1] = "-";
  size_t n = cgc_min(cgc_image_field(r->im, module, CGC_L_module_id_bytes),
                     (uint64_t)ID_MAX);
  if (cgc_target_read(r->im->target, module + r->im->value[CGC_L_module_id], id,
                      n))
    for (size_t i = 0; i < n; i++)
      snprintf(text + 2 * i, 3, "%02x", id[i]);
  return cgc_store_intern(r->store, text, strlen(text));
}

static void read_modules(struct cgc_records *r) {
  const struct cgc_image *im = r->im;
  uint64_t all =
      cgc_target_word(im->target, cgc_image_view(im, CGC_L_view_modules), 8);
  uint64_t n =
      cgc_target_word(im->target, cgc_image_view(im, CGC_L_view_modules_n), 4);
  r->nmodules = n < MODULES_MAX ? n + 1 : 1;
  r->modules = cgc_store_alloc(r->store, r->nmodules * sizeof *r->modules);
  for (size_t i = 1; i < r->nmodules; i++) {
    struct module *m = &r->modules[i];
    uint64_t at = cgc_target_word(im->target, all + 8 * i, 8);
    m->path = read_path(r, cgc_image_field(im, at, CGC_L_module_path));
    m->build_id = read_id(r, at);
    m->bias = cgc_image_field(im, at, CGC_L_module_bias);
    m->lo = cgc_image_field(im, at, CGC_L_module_lo);
    m->hi = cgc_image_field(im, at, CGC_L_module_hi);
    m->names = cgc_symbol_module(r->symbols, m->path, m->build_id);
  }
}

struct cgc_records *cgc_records_open(const struct cgc_image *im) {
  uint64_t dir =
      cgc_target_word(im->target, cgc_image_view(im, CGC_L_view_block_dir), 8);
  if (!dir)
    return NULL;
  struct cgc_store *store = cgc_store_open();
  struct cgc_records *r = cgc_store_alloc(store, sizeof *r);
  r->im = im;
  r->store = store;
  r->symbols = cgc_symbols_open(NULL);
  read_modules(r);
  return r;
}

void cgc_records_close(struct cgc_records *r) {
  if (!r)
    return;
  cgc_map_clear(&r->stacks);
  cgc_symbols_close(r->symbols);
  free(r->room);
  cgc_store_close(r->store);
}

/* ---- blocks -------------------------------------------------------------- */

/* Where the span's array is; 0: none, or it is of a span that is gone. */
static uint64_t array_of(const struct cgc_image *im,
                         const struct cgc_image_span *s) {
  const struct cgc_target *t = im->target;
  unsigned shift = (unsigned)im->value[CGC_L_block_leaf_shift];
  uint64_t page = (s->base - im->base) >> im->page_shift;
  uint64_t dir =
      cgc_target_word(t, cgc_image_view(im, CGC_L_view_block_dir), 8);
  uint64_t leaf = cgc_target_word(t, dir + (page >> shift) * 8, 8);
  uint64_t index = page & ((1ull << shift) - 1);
  uint64_t array = leaf ? cgc_target_word(t, leaf + index * 8, 8) : 0;
  if (!array ||
      cgc_image_field(im, array, CGC_L_block_array_class) != s->class ||
      cgc_image_field(im, array, CGC_L_block_array_room) < s->nslots)
    return 0;
  return array + im->value[CGC_L_size_block_array];
}

static void read_span(struct cgc_records *r, const struct cgc_image_span *s) {
  size_t n = s->nslots * r->im->value[CGC_L_size_block];
  uint64_t at = array_of(r->im, s);
  r->span = s;
  r->bytes = NULL;
  r->room = cgc_store_grow(r->room, n + 8);
  if (at && cgc_target_read(r->im->target, at, r->room, n))
    r->bytes = r->room;
}

bool cgc_records_find(struct cgc_records *r, const struct cgc_image_object *obj,
                      struct cgc_record *record) {
  const struct cgc_image *im = r->im;
  if (r->span != obj->span)
    read_span(r, obj->span);
  if (!r->bytes)
    return false;
  const uint8_t *b =
      r->bytes + (obj->id - obj->span->first) * im->value[CGC_L_size_block];
  memcpy(&record->stack, b + im->value[CGC_L_block_stack], 4);
  memcpy(&record->freed, b + im->value[CGC_L_block_freed], 4);
  memcpy(&record->size, b + im->value[CGC_L_block_size_at], 8);
  record->size &= (1ull << 48) - 1;
  return record->stack != 0;
}

/* ---- stacks -------------------------------------------------------------- */

static size_t read_frames(const struct cgc_records *r, uint32_t id,
                          uint64_t *frames) {
  const struct cgc_image *im = r->im;
  const struct cgc_target *t = im->target;
  unsigned shift = (unsigned)im->value[CGC_L_stack_chunk_shift];
  uint64_t chunks =
      cgc_target_word(t, cgc_image_view(im, CGC_L_view_stack_chunks), 8);
  uint64_t chunk = cgc_target_word(t, chunks + (id >> shift) * 8, 8);
  uint64_t node = chunk + (id & ((1u << shift) - 1)) * 8;
  uint64_t n = chunk ? cgc_image_field(im, node, CGC_L_stack_node_n) : 0;
  if (n > FRAMES_MAX ||
      !cgc_target_read(t, node + im->value[CGC_L_size_stack_node], frames,
                       n * 8))
    return 0;
  return n;
}

static const struct module *module_of(const struct cgc_records *r,
                                      uint64_t frame, size_t *number) {
  *number = frame >> pc_bits;
  return *number > 0 && *number < r->nmodules ? &r->modules[*number] : NULL;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static const char *name_of(struct cgc_records *r, const struct module *m,
                           uint64_t addr, const struct cgc_symbol_frame *f) {
  if (!f || !f->function)
    return cgc_store_format(r->store, "%s+0x%lx", base_name(m->path),
                            (unsigned long)addr);
  if (f->file)
    return cgc_store_format(r->store, "%s (%s:%u)", f->function,
                            base_name(f->file), f->line);
  return cgc_store_format(r->store, "%s (%s)", f->function, base_name(m->path));
}

static void add_line(struct cgc_record_stack *s, const char *line) {
  s->line = cgc_store_room(s->line, s->n, sizeof *s->line);
  s->line[s->n++] = line;
}

/* The byte before the return address is the call's. */
static void add_frame(struct cgc_records *r, struct cgc_record_stack *s,
                      uint64_t frame) {
  const struct cgc_symbol_frame *inner;
  size_t number;
  uint64_t pc = (frame & ((1ull << pc_bits) - 1)) - 1;
  const struct module *m = module_of(r, frame, &number);
  if (!m) {
    add_line(s, cgc_store_format(r->store, "0x%lx", (unsigned long)pc));
    return;
  }
  size_t n = cgc_symbol_code(m->names, pc - m->bias, &inner);
  for (size_t i = 0; i < n; i++)
    add_line(s, name_of(r, m, pc - m->bias, &inner[i]));
  if (n == 0)
    add_line(s, name_of(r, m, pc - m->bias, NULL));
}

static struct cgc_record_stack *make_stack(struct cgc_records *r, uint32_t id) {
  struct cgc_record_stack all = {NULL, 0};
  struct cgc_record_stack *s = cgc_store_alloc(r->store, sizeof *s);
  uint64_t frames[FRAMES_MAX];
  size_t n = read_frames(r, id, frames);
  for (size_t i = 0; i < n; i++)
    add_frame(r, &all, frames[i]);
  if (all.n == 0)
    add_line(&all, "unknown");
  s->n = all.n;
  s->line = cgc_store_alloc(r->store, all.n * sizeof *s->line);
  memcpy(s->line, all.line, all.n * sizeof *s->line);
  free(all.line);
  return s;
}

const struct cgc_record_stack *cgc_records_stack(struct cgc_records *r,
                                                 uint32_t id) {
  void **place = cgc_map_place(&r->stacks, id);
  if (!*place)
    *place = make_stack(r, id);
  return *place;
}

/* ---- a raw report -------------------------------------------------------- */

static void put_escaped(FILE *out, const char *text) {
  for (; *text; text++)
    if (*text > ' ' && *text < 0x7f && *text != '%')
      fputc(*text, out);
    else
      fprintf(out, "%%%02x", (unsigned char)*text);
}

void cgc_records_tell_modules(struct cgc_records *r, FILE *out) {
  for (size_t i = 1; i < r->nmodules; i++) {
    const struct module *m = &r->modules[i];
    fprintf(out, "module %zu %lx %lx %lx %s ", i, (unsigned long)m->lo,
            (unsigned long)m->hi, (unsigned long)m->bias, m->build_id);
    put_escaped(out, m->path);
    fputc('\n', out);
  }
}

void cgc_records_tell_stack(struct cgc_records *r, FILE *out, uint32_t id) {
  uint64_t frames[FRAMES_MAX];
  size_t n = read_frames(r, id, frames), number;
  fprintf(out, "stack %u", id);
  for (size_t i = 0; i < n; i++) {
    uint64_t pc = (frames[i] & ((1ull << pc_bits) - 1)) - 1;
    const struct module *m = module_of(r, frames[i], &number);
    if (m)
      fprintf(out, " %zu:%lx", number, (unsigned long)(pc - m->bias));
    else
      fprintf(out, " -:%lx", (unsigned long)pc);
  }
  fputc('\n', out);
}

/* ---- groups -------------------------------------------------------------- */

struct cgc_record_group *cgc_record_group(struct cgc_record_groups *g,
                                          uint32_t stack) {
  void **place = cgc_map_place(&g->places, stack);
  if (!*place) {
    g->all = cgc_store_room(g->all, g->n, sizeof *g->all);
    g->all[g->n] = (struct cgc_record_group){.stack = stack};
    *place = (void *)(uintptr_t)++g->n;
  }
  return &g->all[(uintptr_t)*place - 1];
}

static int by_bytes(const void *a, const void *b) {
  const struct cgc_record_group *x = a, *y = b;
  uint64_t p = x->live_bytes + x->lost_bytes, q = y->live_bytes + y->lost_bytes;
  if (p != q)
    return p > q ? -1 : 1;
  return x->stack < y->stack ? -1 : x->stack > y->stack;
}

void cgc_record_groups_sort(struct cgc_record_groups *g) {
  if (g->n)
    qsort(g->all, g->n, sizeof *g->all, by_bytes);
}

void cgc_record_groups_close(struct cgc_record_groups *g) {
  cgc_map_clear(&g->places);
  free(g->all);
}
