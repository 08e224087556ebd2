/* SPDX-License-Identifier: MIT */
#include "page.h"

#include "flame.h"
#include "json.h"
#include "listing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  GROUPS_MAX = 1000,       /* listed; the rest is summed up */
  SOURCE_GROUPS_MAX = 200, /* with the lines around their calls */
};

/* Frames are numbered as the groups name them. */
struct page {
  FILE *out;
  const struct cgc_leaks *leaks;
  const struct cgc_stack_frame **frames; /* by number; malloc'ed */
  size_t nframes;
  size_t *numbers; /* by frame id: number + 1 */
  struct cgc_listing *listing;
};

static void member(FILE *out, const char *name, const char *text) {
  fprintf(out, ",\"%s\":", name);
  cgc_json_string(out, text);
}

static void count(FILE *out, const char *name, uint64_t n) {
  fprintf(out, ",\"%s\":%" PRIu64, name, n);
}

static void put_process(struct page *p) {
  const struct cgc_raw *raw = p->leaks->raw;
  char date[64];
  time_t now = time(NULL);
  strftime(date, sizeof date, "%Y-%m-%d %H:%M", localtime(&now));
  fprintf(p->out, "\"pid\":%" PRIu64, raw->pid);
  member(p->out, "program", raw->program);
  member(p->out, "when", cgc_leaks_when(p->leaks));
  member(p->out, "date", date);
  count(p->out, "check", raw->check);
}

static void put_totals(struct page *p) {
  bool any = false;
  fputs(",\"totals\":[", p->out);
  for (int i = 0; i < CGC_RAW_NCLASSES; i++) {
    const struct cgc_leaks_total *t = &p->leaks->totals[i];
    if (!t->groups)
      continue;
    fprintf(p->out, "%s{\"groups\":%" PRIu64, any ? "," : "", t->groups);
    count(p->out, "bytes", t->bytes);
    count(p->out, "objects", t->objects);
    member(p->out, "class", cgc_raw_class_name((enum cgc_raw_class)i));
    member(p->out, "meaning", cgc_leaks_meaning((enum cgc_raw_class)i));
    fputc('}', p->out);
    any = true;
  }
  fputc(']', p->out);
}

static void put_rules(struct page *p) {
  const struct cgc_suppress_rule *rule;
  bool any = false;
  fputs(",\"rules\":[", p->out);
  for (size_t i = 0; (rule = cgc_suppress_rule(p->leaks->suppress, i)); i++) {
    if (!rule->groups)
      continue;
    fprintf(p->out, "%s{\"groups\":%" PRIu64, any ? "," : "", rule->groups);
    count(p->out, "bytes", rule->bytes);
    count(p->out, "objects", rule->objects);
    member(p->out, "text", rule->text);
    member(p->out, "file", rule->file);
    count(p->out, "line", rule->line);
    fputc('}', p->out);
    any = true;
  }
  fputc(']', p->out);
}

/* ---- groups ------------------------------------------------------------ */

static size_t frame_number(struct page *p, const struct cgc_stack_frame *f) {
  if (!p->numbers[f->id]) {
    p->frames = cgc_store_room(p->frames, p->nframes, sizeof f);
    p->frames[p->nframes++] = f;
    p->numbers[f->id] = p->nframes;
  }
  return p->numbers[f->id] - 1;
}

static void put_group(struct page *p, const struct cgc_raw_group *g) {
  const struct cgc_stack *stack = cgc_leaks_stack(p->leaks, g);
  fprintf(p->out, "{\"bytes\":%" PRIu64, cgc_leaks_bytes(g));
  count(p->out, "objects", cgc_leaks_objects(g));
  count(p->out, "direct_bytes", g->bytes);
  count(p->out, "direct_objects", g->objects);
  count(p->out, "new_bytes", g->new_bytes);
  member(p->out, "class", cgc_raw_class_name(g->class));
  member(p->out, "verb", cgc_leaks_verb(g->class));
  if (g->holder.kind != CGC_RAW_HOLDER_NONE)
    member(p->out, "holder", cgc_leaks_holder(p->leaks, g));
  fputs(",\"stack\":[", p->out);
  for (size_t i = 0; i < stack->n; i++)
    fprintf(p->out, "%s%zu", i ? "," : "", frame_number(p, stack->frames[i]));
  fputs("],\"examples\":[", p->out);
  for (size_t i = 0; i < g->nexamples; i++)
    fprintf(p->out, "%s\"0x%" PRIx64 "\"", i ? "," : "", g->examples[i]);
  fputs("]}", p->out);
}

static void want_source(struct page *p, const struct cgc_stack *stack) {
  for (size_t i = 0; i < stack->n; i++)
    cgc_listing_add(p->listing, stack->frames[i]->file, stack->frames[i]->line);
}

/* The first groups, what is lost before the others; the rest is summed up. */
static void put_groups(struct page *p) {
  size_t n = p->leaks->nshown;
  const struct cgc_raw_group *const *shown = p->leaks->shown;
  struct cgc_leaks_total rest = {0, 0, 0};
  /* All names are found first: ids are dense then. */
  for (size_t i = 0; i < n && i < GROUPS_MAX; i++)
    cgc_leaks_stack(p->leaks, shown[i]);
  p->numbers = cgc_store_alloc(p->leaks->raw->store,
                               cgc_stacks_nframes(p->leaks->stacks) *
                                   sizeof *p->numbers);
  fputs(",\"groups\":[", p->out);
  for (size_t i = 0; i < n; i++) {
    if (i < GROUPS_MAX) {
      fputs(i ? ",\n" : "\n", p->out);
      put_group(p, shown[i]);
      if (i < SOURCE_GROUPS_MAX)
        want_source(p, cgc_leaks_stack(p->leaks, shown[i]));
      continue;
    }
    rest.groups++;
    rest.objects += cgc_leaks_objects(shown[i]);
    rest.bytes += cgc_leaks_bytes(shown[i]);
  }
  fprintf(p->out, "],\"rest\":{\"groups\":%" PRIu64, rest.groups);
  count(p->out, "objects", rest.objects);
  count(p->out, "bytes", rest.bytes);
  fputc('}', p->out);
}

static void put_frames(struct page *p) {
  fputs(",\"frames\":[", p->out);
  for (size_t i = 0; i < p->nframes; i++) {
    const struct cgc_stack_frame *f = p->frames[i];
    fputs(i ? ",\n[" : "\n[", p->out);
    cgc_json_string(p->out, f->function);
    fputc(',', p->out);
    cgc_json_string(p->out, f->file);
    fprintf(p->out, ",%u,", f->line);
    cgc_json_string(
        p->out, cgc_store_format(p->leaks->raw->store, "%s+0x%" PRIx64,
                                 cgc_stack_module_name(f->module), f->addr));
    fprintf(p->out, ",%s]", f->inlined ? "true" : "false");
  }
  fputc(']', p->out);
}

/* ---- the page ---------------------------------------------------------- */

static void put_data(struct page *p) {
  struct cgc_flame *flame = cgc_flame_open(p->leaks);
  fputc('{', p->out);
  put_process(p);
  put_totals(p);
  put_rules(p);
  put_groups(p);
  put_frames(p);
  fputc(',', p->out);
  cgc_flame_print(p->out, flame);
  fputs(",\"sources\":", p->out);
  cgc_listing_print(p->out, p->listing);
  fputc('}', p->out);
  cgc_flame_close(flame);
}

/* Print the template up to MARK and return what follows that. */
static const char *put_until(FILE *out, const char *text, const char *mark) {
  const char *found = strstr(text, mark);
  cgc_check(found);
  fwrite(text, 1, (size_t)(found - text), out);
  return found + strlen(mark);
}

void cgc_page_write(FILE *out, const struct cgc_leaks *leaks) {
  struct page p = {.out = out, .leaks = leaks, .listing = cgc_listing_open()};
  const char *rest = put_until(out, cgc_page_template, "@VERSION@");
  fputs(CGC_VERSION, out);
  rest = put_until(out, rest, "@DATA@");
  put_data(&p);
  fputs(rest, out);
  cgc_listing_close(p.listing);
  free(p.frames);
}
