/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-stack.c - cgc heap: blocks by the stack that allocated them, in a
 * program that looks for leaks.
 */
#include "heap.h"

#include "leaks.h"
#include "pprof.h"
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 20 };

struct cgc_records *cgc_heap_records(struct cgc_heap_view *v) {
  if (!v->records)
    v->records = cgc_records_open(&v->image);
  return v->records;
}

void cgc_heap_out_stack(struct cgc_heap_view *v, const char *name,
                        const char *label, uint32_t stack) {
  const struct cgc_record_stack *s = cgc_records_stack(v->records, stack);
  cgc_out_list(&v->out, name, label, s->line, s->n);
}

/* ---- groups -------------------------------------------------------------- */

static void count(struct cgc_heap_view *v, struct cgc_record_groups *groups,
                  const struct cgc_image_object *o) {
  struct cgc_record r = {0};
  bool noted = cgc_records_find(v->records, o, &r);
  uint64_t size = noted ? r.size : o->size;
  struct cgc_record_group *g = cgc_record_group(groups, noted ? r.stack : 0);
  g->example = o->addr;
  if (cgc_graph_is_reached(&v->graph, o->id)) {
    g->live++;
    g->live_bytes += size;
  } else {
    g->lost++;
    g->lost_bytes += size;
  }
}

static void count_all(struct cgc_heap_view *v,
                      struct cgc_record_groups *groups) {
  const struct cgc_image *im = &v->image;
  for (size_t i = 0; i < im->nspans; i++) {
    const struct cgc_image_span *s = &im->spans[i];
    for (uint32_t j = 0; j < s->nslots; j++) {
      struct cgc_image_object o = {s, s->first + j, s->base + j * s->slot_size,
                                   s->slot_size};
      if (cgc_image_is_live(im, o.id))
        count(v, groups, &o);
    }
  }
  cgc_record_groups_sort(groups);
}

static int not_noted(const struct cgc_heap_view *v) {
  return cgc_tool_error(CGC_HEAP_FAILED,
                        "%s notes no stacks: run it by cgc leak, or with "
                        "CGC_LEAK=on",
                        v->target.title);
}

int cgc_heap_by_stack(struct cgc_heap_view *v) {
  struct cgc_record_groups groups = {.n = 0};
  uint64_t limit = v->options.limit ? v->options.limit : ROWS;
  if (!cgc_heap_records(v))
    return not_noted(v);
  cgc_heap_marked(v, false);
  count_all(v, &groups);
  cgc_out_table(&v->out, "stacks",
                "      LIVE        BYTES       LOST        BYTES BLOCK");
  for (size_t i = 0; i < groups.n && i < limit; i++) {
    const struct cgc_record_group *g = &groups.all[i];
    cgc_out_row(&v->out);
    cgc_out_number(&v->out, "live", 10, g->live);
    cgc_out_number(&v->out, "live_bytes", 12, g->live_bytes);
    cgc_out_number(&v->out, "lost", 10, g->lost);
    cgc_out_number(&v->out, "lost_bytes", 12, g->lost_bytes);
    cgc_out_address(&v->out, "example", 0, g->example);
    cgc_heap_out_stack(v, "stack", "", g->stack);
    cgc_out_end_row(&v->out);
  }
  cgc_out_end_table(&v->out);
  cgc_record_groups_close(&groups);
  return 0;
}

/* ---- profile ------------------------------------------------------------- */

static void tell_class(FILE *out, const char *class,
                       const struct cgc_record_group *g, uint64_t n,
                       uint64_t bytes) {
  if (n)
    fprintf(out, "group %s %u %lu %lu 0 0 0 0 %lx -\n", class, g->stack,
            (unsigned long)n, (unsigned long)bytes, (unsigned long)g->example);
}

/* What the printer of cgc leak reads; it knows how to make a profile. */
static void tell(struct cgc_heap_view *v, FILE *out) {
  struct cgc_record_groups groups = {.n = 0};
  count_all(v, &groups);
  fprintf(out, "cgc-leak 1\nprocess %d %%3f\nreason call check 1\n",
          v->target.pid);
  cgc_records_tell_modules(v->records, out);
  for (size_t i = 0; i < groups.n; i++) {
    const struct cgc_record_group *g = &groups.all[i];
    cgc_records_tell_stack(v->records, out, g->stack);
    tell_class(out, "lost", g, g->lost, g->lost_bytes);
    tell_class(out, "reachable", g, g->live, g->live_bytes);
  }
  fputs("end\n", out);
  cgc_record_groups_close(&groups);
}

static struct cgc_raw *read_back(struct cgc_heap_view *v) {
  char path[] = "/tmp/cgc-heap-XXXXXX";
  int fd = mkstemp(path);
  FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
  struct cgc_raw *raw = NULL;
  if (!out) {
    cgc_tool_error(0, "%s: %s", path, strerror(errno));
    return NULL;
  }
  tell(v, out);
  if (fclose(out) == 0)
    raw = cgc_raw_read(path);
  unlink(path);
  return raw;
}

static int write_profile(const char *path, const struct cgc_leaks *leaks) {
  FILE *out = fopen(path, "we");
  if (out)
    cgc_pprof_write_heap(out, leaks);
  if (!out || fclose(out) != 0)
    return cgc_tool_error(CGC_HEAP_FAILED, "%s: %s", path, strerror(errno));
  return 0;
}

int cgc_heap_profile(struct cgc_heap_view *v) {
  struct cgc_settings settings = {.reachable = true};
  struct cgc_leaks leaks;
  if (!cgc_heap_records(v))
    return not_noted(v);
  cgc_heap_marked(v, false);
  struct cgc_raw *raw = read_back(v);
  if (!raw || cgc_leaks_open(&leaks, raw, &settings) != 0)
    return CGC_HEAP_FAILED;
  int status = write_profile(v->file, &leaks);
  cgc_leaks_close(&leaks);
  return status;
}
