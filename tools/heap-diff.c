/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-diff.c - cgc heap: what changed from one heap to another, of the
 * same program: by size, by who keeps it, and by stack where that was noted.
 */
#include "heap.h"

#include "map.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 20 };

/* A size, a keeper or a stack, in both heaps. */
struct entry {
  const char *name; /* of a size NULL */
  uint64_t size;
  uint64_t objects[2], bytes[2];
  uint64_t example; /* in the second, and not in the first */
};

struct diff {
  struct cgc_heap_view *v; /* the first, which has the options */
  struct cgc_store *store;
  struct cgc_map places; /* key → index + 1 */
  struct entry *all;
  size_t n;
};

static struct entry *entry_of(struct diff *d, uint64_t key) {
  void **place = cgc_map_place(&d->places, key);
  if (!*place) {
    d->all = cgc_store_room(d->all, d->n, sizeof *d->all);
    d->all[d->n] = (struct entry){.name = NULL};
    *place = (void *)(uintptr_t)++d->n;
  }
  return &d->all[(uintptr_t)*place - 1];
}

static int64_t change_of(const struct entry *e) {
  return (int64_t)(e->bytes[1] - e->bytes[0]);
}

/* What grew most first, what shrank most last. */
static int by_change(const void *a, const void *b) {
  int64_t x = change_of(a), y = change_of(b);
  return x > y ? -1 : x < y;
}

static void show_entry(struct diff *d, const struct entry *e) {
  struct cgc_table_out *out = &d->v->out;
  cgc_out_row(out);
  cgc_out_signed(out, "change_bytes", 12, change_of(e));
  cgc_out_number(out, "objects_before", 10, e->objects[0]);
  cgc_out_number(out, "objects_after", 10, e->objects[1]);
  if (!e->name)
    cgc_out_number(out, "size", 10, e->size);
  if (e->example)
    cgc_out_address(out, "new", 0, e->example);
  if (e->name)
    cgc_out_text(out, "name", 0, "%s", e->name);
  cgc_out_end_row(out);
}

static void show(struct diff *d, const char *table, const char *heading) {
  uint64_t limit = d->v->options.limit ? d->v->options.limit : ROWS;
  if (d->n)
    qsort(d->all, d->n, sizeof *d->all, by_change);
  cgc_out_table(&d->v->out, table, heading);
  for (size_t i = 0, shown = 0; i < d->n && shown < limit; i++)
    if (change_of(&d->all[i]) || d->all[i].objects[0] != d->all[i].objects[1]) {
      show_entry(d, &d->all[i]);
      shown++;
    }
  cgc_out_end_table(&d->v->out);
  cgc_map_clear(&d->places);
  free(d->all);
  d->all = NULL;
  d->n = 0;
}

/* ---- by size, by stack --------------------------------------------------- */

typedef struct entry *(*key_fn)(struct diff *d, struct cgc_heap_view *v,
                                const struct cgc_image_object *o);

static struct entry *by_size(struct diff *d, struct cgc_heap_view *v,
                             const struct cgc_image_object *o) {
  struct entry *e = entry_of(d, o->size);
  (void)v;
  e->size = o->size;
  return e;
}

/* Numbers differ from process to process: the text counts. */
static struct entry *by_stack(struct diff *d, struct cgc_heap_view *v,
                              const struct cgc_image_object *o) {
  struct cgc_record r = {0};
  const char *text = "";
  if (cgc_records_find(v->records, o, &r)) {
    const struct cgc_record_stack *s = cgc_records_stack(v->records, r.stack);
    for (size_t i = 0; i < s->n; i++)
      text = cgc_store_format(d->store, "%s%s%s", text, i ? " < " : "",
                              s->line[i]);
  }
  text = cgc_store_intern(d->store, text, strlen(text));
  struct entry *e = entry_of(d, (uintptr_t)text);
  e->name = *text ? text : "not noted";
  return e;
}

/* BEFORE is the first heap when the second is counted. */
static void count(struct diff *d, struct cgc_heap_view *v, int which,
                  const struct cgc_heap_view *before, key_fn key) {
  const struct cgc_image *im = &v->image;
  struct cgc_image_object old;
  for (size_t i = 0; i < im->nspans; i++) {
    const struct cgc_image_span *s = &im->spans[i];
    for (uint32_t j = 0; j < s->nslots; j++) {
      struct cgc_image_object o = {s, s->first + j, s->base + j * s->slot_size,
                                   s->slot_size};
      if (!cgc_image_is_live(im, o.id))
        continue;
      struct entry *e = key(d, v, &o);
      e->objects[which]++;
      e->bytes[which] += o.size;
      if (before && !e->example &&
          !(cgc_image_find(&before->image, o.addr, &old) &&
            cgc_image_is_live(&before->image, old.id)))
        e->example = o.addr;
    }
  }
}

static void count_both(struct diff *d, struct cgc_heap_view *after,
                       key_fn key) {
  count(d, d->v, 0, NULL, key);
  count(d, after, 1, d->v, key);
}

/* ---- by keeper ----------------------------------------------------------- */

static void count_keepers(struct diff *d, struct cgc_heap_view *v, int which) {
  size_t n;
  struct cgc_heap_keeper *k = cgc_heap_keepers(v, d->store, &n);
  for (size_t i = 0; i < n; i++) {
    const char *name = cgc_store_intern(d->store, k[i].name, strlen(k[i].name));
    struct entry *e = entry_of(d, (uintptr_t)name);
    e->name = name;
    e->objects[which] += k[i].objects;
    e->bytes[which] += k[i].bytes;
  }
}

int cgc_heap_diff(struct cgc_heap_view *v) {
  struct cgc_heap_view after = {.options = v->options};
  struct diff d = {.v = v, .store = cgc_store_open()};
  int status = cgc_heap_open(&after, v->file);
  if (status == 0) {
    count_both(&d, &after, by_size);
    show(&d, "sizes",
         "CHANGE BYTES     BEFORE      AFTER       SIZE A NEW ONE");
    count_keepers(&d, v, 0);
    count_keepers(&d, &after, 1);
    cgc_out_line(&v->out, "%s", "");
    show(&d, "holders", "CHANGE BYTES     BEFORE      AFTER KEPT BY");
    if (cgc_heap_records(v) && cgc_heap_records(&after)) {
      count_both(&d, &after, by_stack);
      cgc_out_line(&v->out, "%s", "");
      show(&d, "stacks",
           "CHANGE BYTES     BEFORE      AFTER A NEW ONE, ALLOCATED BY");
    }
  }
  cgc_heap_close(&after);
  cgc_store_close(d.store);
  return status;
}
