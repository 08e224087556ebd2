/* SPDX-License-Identifier: MIT */
#include "heap-image.h"

#include "heap-array.h"
#include "look/layout.h"
#include "store.h"
#include "tool.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 100, AHEAD = 1 << 20, NEAR = 64 << 10 };

/* ---- where the root is --------------------------------------------------- */

static bool is_root(const struct cgc_target *t, uint64_t addr) {
  return cgc_target_word(t, addr, 8) == CGC_LAYOUT_MAGIC &&
         cgc_target_word(t, addr + offsetof(struct cgc_debug_root, self), 8) ==
             addr;
}

/* The root that one of the notes in [LO, HI) names; 0: none. */
static uint64_t look_in_notes(const struct cgc_target *t, uint64_t lo,
                              uint64_t hi) {
  Elf64_Nhdr n;
  char name[8];
  while (lo + sizeof n <= hi && cgc_target_read(t, lo, &n, sizeof n)) {
    uint64_t desc = lo + sizeof n + cgc_round_up((uint64_t)n.n_namesz, 4);
    if (n.n_type == CGC_LAYOUT_NOTE_TYPE && n.n_namesz == 7 &&
        cgc_target_read(t, lo + sizeof n, name, 7) &&
        memcmp(name, "libcgc", 7) == 0)
      return desc + cgc_target_word(t, desc, 8);
    lo = desc + cgc_round_up((uint64_t)n.n_descsz, 4);
  }
  return 0;
}

/* The root of the ELF file that is mapped from S on; 0: none. */
static uint64_t look_in_file(const struct cgc_target *t,
                             const struct cgc_segment *s) {
  Elf64_Ehdr h;
  Elf64_Phdr p;
  if (!cgc_target_read(t, s->lo, &h, sizeof h) ||
      memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_phentsize != sizeof p)
    return 0;
  uint64_t bias = h.e_type == ET_DYN ? s->lo : 0;
  for (unsigned i = 0; i < h.e_phnum; i++) {
    if (!cgc_target_read(t, s->lo + h.e_phoff + i * sizeof p, &p, sizeof p))
      return 0;
    if (p.p_type != PT_NOTE)
      continue;
    uint64_t lo = bias + p.p_vaddr;
    uint64_t root = look_in_notes(t, lo, lo + p.p_memsz);
    if (root && is_root(t, root))
      return root;
  }
  return 0;
}

/* Cores without the first pages of files: by the magic, in written data. */
static void look_for_magic(uint64_t addr, const void *bytes, size_t n,
                           void *ctx) {
  uint64_t *found = ctx;
  const uint64_t *words = bytes;
  for (size_t i = 0; i + 2 < n / 8 && *found == 0; i++)
    if (words[i] == CGC_LAYOUT_MAGIC && words[i + 2] == addr + i * 8)
      *found = addr + i * 8;
}

_Static_assert(offsetof(struct cgc_debug_root, self) == 16, "words[i + 2]");

static uint64_t look_everywhere(const struct cgc_target *t) {
  uint64_t found = 0;
  for (size_t i = 0; i < t->nsegments && found == 0; i++) {
    const struct cgc_segment *s = &t->segments[i];
    if ((s->prot & CGC_SEGMENT_READ) && s->kind <= CGC_SEGMENT_FILE &&
        s->hi - s->lo < 64 << 20)
      cgc_target_walk(t, s->lo, s->hi, CGC_TARGET_COPIED, look_for_magic,
                      &found);
  }
  return found;
}

static bool is_ready(const struct cgc_target *t, uint64_t root) {
  return cgc_target_word(t, root + offsetof(struct cgc_debug_root, ready), 4);
}

/* Of several libraries the one that has a heap. */
static uint64_t find_root(const struct cgc_target *t) {
  uint64_t best = 0;
  for (size_t i = 0; i < t->nsegments; i++) {
    const struct cgc_segment *s = &t->segments[i];
    if (s->kind != CGC_SEGMENT_FILE || s->file_at != 0)
      continue;
    uint64_t root = look_in_file(t, s);
    if (root && (!best || is_ready(t, root)))
      best = root;
  }
  return best ? best : look_everywhere(t);
}

/* ---- the table ----------------------------------------------------------- */

static const char *const names[CGC_LAYOUT_IDS] = {
#define CGC_LAYOUT_SIZE(type) #type,
#define CGC_LAYOUT_FIELD(type, field) #type "." #field,
#define CGC_LAYOUT_CONST(name, value) #name,
#define CGC_LAYOUT_ADDRESS(object) "@" #object,
#define CGC_LAYOUT_VIEW(view, i, name) "*" #name,
#include "look/layout.def"
};

static int refuse_version(const struct cgc_image *im, const char *name) {
  return cgc_tool_error(CGC_HEAP_FAILED,
                        "%s: its library is libcgc %s, which this tool (%s) "
                        "can't read (no '%s'); use the cgc that came with it",
                        im->target->title, im->version, PACKAGE_VERSION, name);
}

static const struct cgc_layout_entry *
find_entry(const struct cgc_layout_entry *e, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strncmp(e[i].name, name, CGC_LAYOUT_NAME_BYTES) == 0)
      return &e[i];
  return NULL;
}

static int take_entries(struct cgc_image *im,
                        const struct cgc_layout_entry *entry, size_t n) {
  for (int id = 0; id < CGC_LAYOUT_IDS; id++) {
    const struct cgc_layout_entry *e = find_entry(entry, n, names[id]);
    if (!e)
      return refuse_version(im, names[id]);
    im->value[id] = e->value;
    im->width[id] = e->width;
  }
  return 0;
}

static int read_layout(struct cgc_image *im) {
  struct cgc_debug_root head;
  size_t head_bytes = offsetof(struct cgc_debug_root, entry);
  if (!cgc_target_read(im->target, im->root, &head, head_bytes))
    return cgc_tool_error(CGC_HEAP_FAILED,
                          "%s: the library's data are not in the core",
                          im->target->title);
  memcpy(im->version, head.version, sizeof head.version);
  im->serves_malloc = head.serves_malloc;
  if (head.abi != CGC_LAYOUT_ABI || head.entries > 10000)
    return refuse_version(im, "table");
  if (!head.ready)
    return cgc_tool_error(CGC_HEAP_FAILED,
                          "%s: libcgc is loaded, but nothing was allocated "
                          "from it yet: there is no heap",
                          im->target->title);
  size_t bytes = head.entries * sizeof(struct cgc_layout_entry);
  struct cgc_layout_entry *entry = cgc_store_grow(NULL, bytes + 1);
  int status;
  if (cgc_target_read(im->target, im->root + head_bytes, entry, bytes))
    status = take_entries(im, entry, head.entries);
  else
    status = refuse_version(im, "entries");
  free(entry);
  return status;
}

uint64_t cgc_image_field(const struct cgc_image *im, uint64_t addr,
                         enum cgc_layout_id id) {
  return cgc_target_word(im->target, addr + im->value[id], im->width[id]);
}

uint64_t cgc_image_view(const struct cgc_image *im, enum cgc_layout_id id) {
  return cgc_target_word(im->target, im->value[id], 8);
}

/* ---- spans --------------------------------------------------------------- */

static void note_problem(struct cgc_image *im, uint64_t addr,
                         const char *what) {
  im->problems =
      cgc_store_room(im->problems, im->nproblems, sizeof *im->problems);
  if (im->nproblems < PROBLEMS_MAX)
    im->problems[im->nproblems++] = (struct cgc_image_problem){addr, what};
}

/* Numbers that are read at once from the target's struct. */
struct raw_span {
  const struct cgc_image *im;
  uint8_t bytes[256];
};

static uint64_t raw(const struct raw_span *r, enum cgc_layout_id id) {
  uint64_t word = 0;
  memcpy(&word, r->bytes + r->im->value[id], r->im->width[id]);
  return word;
}

static uint64_t central_epoch(const struct cgc_image *im,
                              const struct cgc_image_span *s) {
  uint64_t centrals = im->value[CGC_L_at_heap] + im->value[CGC_L_heap_central];
  uint64_t i = s->kind * im->value[CGC_L_class_limit] + s->class;
  if ((i + 1) * im->value[CGC_L_size_central] > im->width[CGC_L_heap_central])
    return 0;
  return cgc_image_field(im, centrals + i * im->value[CGC_L_size_central],
                         CGC_L_central_epoch);
}

/* What is wrong with a span that stands in the table for PAGE; NULL: nothing */
static const char *fault_of(const struct cgc_image *im,
                            const struct cgc_image_span *s, uint32_t desc,
                            size_t page) {
  uint64_t page_bytes = 1ull << im->value[CGC_L_page_shift];
  uint64_t first = (s->base - im->base) / page_bytes;
  bool large = s->class == im->value[CGC_L_class_large];
  if (s->base < im->base || first != page || s->base % page_bytes != 0)
    return "the span's base is not the page it stands for";
  if (s->npages == 0 || s->npages > im->bytes / page_bytes - page)
    return "the span's pages reach out of the heap";
  if (s->class == 0 || s->class > im->value[CGC_L_class_large] ||
      s->class != (desc & 127))
    return "the span's class is not the page table's";
  if (s->slot_size < 16 || s->nslots == 0 ||
      s->nslots > s->npages * page_bytes / s->slot_size ||
      (large && s->nslots != 1))
    return "the span's slots do not fit its pages";
  return NULL;
}

static bool read_span(struct cgc_image *im, uint64_t at, uint32_t desc,
                      size_t page, struct cgc_image_span *s) {
  struct raw_span r = {.im = im};
  if (im->value[CGC_L_span_slots] > sizeof r.bytes ||
      !cgc_target_read(im->target, at, r.bytes, im->value[CGC_L_span_slots])) {
    note_problem(im, at, "the span's struct can't be read");
    return false;
  }
  *s = (struct cgc_image_span){
      .base = raw(&r, CGC_L_span_base),
      .slot_size = raw(&r, CGC_L_span_slot_size),
      .where = at,
      .nslots = (uint32_t)raw(&r, CGC_L_span_nslots),
      .npages = (uint32_t)raw(&r, CGC_L_span_npages),
      .class = (uint8_t)raw(&r, CGC_L_span_class),
      .kind = (uint8_t)raw(&r, CGC_L_span_kind),
      .list = (uint8_t)raw(&r, CGC_L_span_where),
  };
  bool large = s->class == im->value[CGC_L_class_large];
  if (large)
    s->slot_size = (uint64_t)s->npages << im->page_shift;
  const char *fault = fault_of(im, s, desc, page);
  if (fault && raw(&r, CGC_L_span_changing))
    im->nbusy++;
  else if (fault)
    note_problem(im, at, fault);
  if (fault)
    return false;
  s->magic = ((1ull << 32) + s->slot_size - 1) / s->slot_size;
  s->noscan = im->value[CGC_L_kinds_noscan] >> s->kind & 1;
  s->pinned = im->value[CGC_L_kinds_pinned] >> s->kind & 1;
  s->unswept = s->list != im->value[CGC_L_span_cached] &&
               raw(&r, CGC_L_span_epoch) != central_epoch(im, s);
  return true;
}

static void add_span(struct cgc_image *im, const struct cgc_image_span *s,
                     size_t page) {
  im->spans = cgc_store_room(im->spans, im->nspans, sizeof *im->spans);
  im->spans[im->nspans] = *s;
  im->spans[im->nspans++].first = im->nslots;
  bool large = s->class == im->value[CGC_L_class_large];
  im->classes[s->class] = (struct cgc_image_class){
      large ? 0 : s->magic, s->nslots, large ? 0 : (uint32_t)s->slot_size};
  for (uint32_t i = 0; i < s->npages; i++) {
    im->page_span[page + i] = (uint32_t)im->nspans;
    im->pages[page + i] =
        (struct cgc_image_page){im->nslots, (uint16_t)i, s->class, s->noscan};
  }
  for (uint32_t i = 0; i < s->nslots; i += 64, im->nslots += 64) {
    size_t group = im->nslots / 64;
    im->groups = cgc_store_room(im->groups, group, sizeof *im->groups);
    im->groups[group] = (struct cgc_image_group){
        (uint32_t)page, (uint16_t)(i / 64), s->class, s->kind};
  }
}

static void read_spans(struct cgc_image *im, const uint32_t *desc,
                       const uint64_t *at, size_t npages) {
  for (size_t page = 0; page < npages;) {
    struct cgc_image_span s;
    if ((desc[page] & 127) && read_span(im, at[page], desc[page], page, &s)) {
      add_span(im, &s, page);
      page += s.npages;
    } else {
      page++;
    }
  }
}

/* ---- kinds --------------------------------------------------------------- */

static uint8_t form_of(const struct cgc_image *im, uint64_t form) {
  return form == im->value[CGC_L_form_descriptor] ? CGC_FORM_DESCRIPTOR
         : form == im->value[CGC_L_form_array]    ? CGC_FORM_ARRAY
                                                  : CGC_FORM_WORDS;
}

static void read_kinds(struct cgc_image *im) {
  uint64_t n =
      cgc_min(im->value[CGC_L_kinds], sizeof im->kinds / sizeof *im->kinds);
  uint64_t at = im->value[CGC_L_at_kind_table];
  for (uint64_t i = 0; i < n; i++, at += im->value[CGC_L_size_kind_ops]) {
    bool noscan = im->value[CGC_L_kinds_noscan] >> i & 1;
    im->kinds[i] = (struct cgc_image_kind){
        cgc_image_field(im, at, CGC_L_kind_ops_descr),
        cgc_image_field(im, at, CGC_L_kind_ops_add_size),
        noscan ? CGC_FORM_NOTHING
               : form_of(im, cgc_image_field(im, at, CGC_L_kind_ops_form))};
  }
  im->layout_proc =
      cgc_target_word(im->target, im->value[CGC_L_at_kind_layout_proc],
                      im->width[CGC_L_at_kind_layout_proc]);
}

/* The bytes that count, where not all do; unreadable: all. */
static void read_displacement(struct cgc_image *im) {
  uint64_t at = im->value[CGC_L_at_displacement];
  im->strict =
      cgc_image_field(im, at, CGC_L_displacement_some) &&
      cgc_target_read(
          im->target, at + im->value[CGC_L_displacement_allowed], im->allowed,
          cgc_min(im->width[CGC_L_displacement_allowed], sizeof im->allowed));
}

/* ---- states -------------------------------------------------------------- */

/* Garbage is what is allocated and unmarked in a span not yet swept. */
static bool is_garbage(const struct cgc_image_span *s, const uint64_t *marks,
                       uint32_t i) {
  return s->unswept && !s->pinned && !(marks[i / 64] >> (i % 64) & 1);
}

static void take_states(struct cgc_image *im, const struct cgc_image_span *s,
                        const uint8_t *states, const uint64_t *marks) {
  uint8_t live = (uint8_t)im->value[CGC_L_slot_live];
  uint8_t held = (uint8_t)im->value[CGC_L_slot_held];
  uint8_t known = live | held | (uint8_t)im->value[CGC_L_slot_special];
  for (uint32_t i = 0; i < s->nslots; i++) {
    uint32_t id = s->first + i;
    if (states[i] & ~known)
      note_problem(im, s->where, "a slot's state is none of those known");
    else if (states[i] & held)
      im->held[id / 64] |= 1ull << (id % 64);
    else if ((states[i] & live) && !is_garbage(s, marks, i)) {
      im->live[id / 64] |= 1ull << (id % 64);
      im->nlive++;
      im->live_bytes += s->slot_size;
    }
  }
}

static void read_states(struct cgc_image *im, uint64_t marks_at) {
  uint8_t *states = NULL;
  uint64_t line_bytes = im->value[CGC_L_line_words] * 8;
  uint64_t page_bytes = 1ull << im->value[CGC_L_page_shift];
  uint64_t *marks = NULL;
  for (size_t i = 0; i < im->nspans; i++) {
    const struct cgc_image_span *s = &im->spans[i];
    uint64_t page = (s->base - im->base) / page_bytes;
    size_t mark_bytes = (s->nslots + 63) / 64 * 8;
    states = cgc_store_grow(states, s->nslots);
    marks = cgc_store_grow(marks, mark_bytes + line_bytes);
    memset(marks, 0xff, mark_bytes);
    if (!cgc_target_read(im->target, s->where + im->value[CGC_L_span_slots],
                         states, s->nslots) ||
        (s->unswept &&
         !cgc_target_read(im->target,
                          marks_at + page * im->value[CGC_L_mark_words] * 8,
                          marks, mark_bytes)))
      note_problem(im, s->where, "the span's states can't be read");
    else
      take_states(im, s, states, marks);
  }
  free(states);
  free(marks);
}

/* ---- open ---------------------------------------------------------------- */

static int no_library(const struct cgc_target *t) {
  return cgc_tool_error(CGC_HEAP_FAILED, "%s: no libcgc in this %s%s", t->title,
                        t->is_core ? "core" : "process",
                        t->is_cut ? " (the file is cut off)" : "");
}

static int read_heap(struct cgc_image *im) {
  uint64_t arena = im->value[CGC_L_at_heap] + im->value[CGC_L_heap_arena];
  im->page_shift = (unsigned)im->value[CGC_L_page_shift];
  im->base = cgc_image_field(im, arena, CGC_L_arena_base);
  im->bytes = cgc_image_field(im, arena, CGC_L_arena_heap_bytes);
  size_t npages = im->bytes >> im->value[CGC_L_page_shift];
  uint32_t *desc = cgc_store_grow(NULL, npages * sizeof *desc + 8);
  uint64_t *at = cgc_store_grow(NULL, npages * sizeof *at + 8);
  im->page_span = cgc_store_grow(NULL, npages * sizeof *im->page_span + 8);
  memset(im->page_span, 0, npages * sizeof *im->page_span + 8);
  im->pages = cgc_array_map(npages * sizeof *im->pages);
  im->classes = cgc_array_map(256 * sizeof *im->classes);
  im->nslots = 64;
  im->groups = cgc_store_grow(NULL, 2 * sizeof *im->groups);
  im->groups[0] = (struct cgc_image_group){0};
  bool ok =
      cgc_target_read(im->target, cgc_image_field(im, arena, CGC_L_arena_desc),
                      desc, npages * sizeof *desc) &&
      cgc_target_read(im->target, cgc_image_field(im, arena, CGC_L_arena_spans),
                      at, npages * sizeof *at);
  read_kinds(im);
  read_displacement(im);
  if (ok)
    read_spans(im, desc, at, npages);
  free(desc);
  free(at);
  if (!ok)
    return cgc_tool_error(
        CGC_HEAP_FAILED, "%s: the heap's tables can't be read%s",
        im->target->title, im->target->is_cut ? ": the file is cut off" : "");
  size_t bitmap = (im->nslots / 64 + 1) * 8;
  im->live = memset(cgc_store_grow(NULL, bitmap), 0, bitmap);
  im->held = memset(cgc_store_grow(NULL, bitmap), 0, bitmap);
  read_states(im, cgc_image_field(im, arena, CGC_L_arena_marks));
  return 0;
}

int cgc_image_open(struct cgc_image *im, struct cgc_target *t) {
  *im = (struct cgc_image){.target = t};
  im->root = find_root(t);
  if (!im->root)
    return no_library(t);
  int status = read_layout(im);
  return status ? status : read_heap(im);
}

void cgc_image_close(struct cgc_image *im) {
  free(im->window.bytes);
  free(im->bias);
  cgc_array_unmap(im->pages, (im->bytes >> im->page_shift) * sizeof *im->pages);
  cgc_array_unmap(im->classes, 256 * sizeof *im->classes);
  free(im->page_span);
  free(im->spans);
  free(im->groups);
  free(im->live);
  free(im->held);
  free(im->problems);
}

/* ---- contents ------------------------------------------------------------ */

/* As far as scanned objects stand, and no further than it may be wanted. */
static uint64_t end_of_window(const struct cgc_image *im, uint64_t place,
                              size_t n) {
  bool follows = place >= im->window.lo && place < im->window.hi + NEAR;
  uint64_t page_bytes = 1ull << im->page_shift;
  uint64_t hi = cgc_round_up(place + n, page_bytes);
  uint64_t limit = cgc_min(im->bytes, place + (follows ? AHEAD : 0));
  while (hi < limit && im->pages[hi >> im->page_shift].class &&
         !im->pages[hi >> im->page_shift].noscan)
    hi += page_bytes;
  return cgc_min(hi, im->bytes);
}

void cgc_image_move_window(struct cgc_image *im, uint64_t place, size_t n) {
  struct cgc_image_window *w = &im->window;
  uint64_t hi = end_of_window(im, place, n);
  w->bytes = cgc_store_grow(w->bytes, cgc_max(hi - place, AHEAD + NEAR));
  w->lo = place;
  w->hi = hi;
  cgc_target_fill(im->target, im->base + place, im->base + hi, w->bytes);
}

uint32_t cgc_image_count_live(const struct cgc_image *im,
                              const struct cgc_image_span *span) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < span->nslots; i += 64)
    n += (uint32_t)__builtin_popcountl(im->live[(span->first + i) / 64]);
  return n;
}
