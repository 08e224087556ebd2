/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <inttypes.h>
#include <string.h>

/* The length of the UTF-8 character at TEXT; 0: it is none. */
static size_t utf8_length(const unsigned char *c) {
  size_t n = c[0] < 0x80                   ? 1
             : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
             : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
             : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                           : 0;
  for (size_t i = 1; i < n; i++)
    if ((c[i] & 0xc0) != 0x80)
      return 0;
  /* Overlong forms, surrogates, and what is above U+10FFFF. */
  if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
      (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
    return 0;
  return n;
}

static size_t print_character(FILE *out, const unsigned char *c) {
  size_t n = utf8_length(c);
  if (n == 0) {
    fputs("\\ufffd", out);
    return 1;
  }
  if (*c == '"' || *c == '\\')
    fprintf(out, "\\%c", *c);
  else if (*c < 0x20 || *c == '<' || *c == 0x7f)
    fprintf(out, "\\u%04x", *c);
  else
    fwrite(c, 1, n, out);
  return n;
}

void cgc_json_string(FILE *out, const char *text) {
  if (!text) {
    fputs("null", out);
    return;
  }
  fputc('"', out);
  for (const unsigned char *c = (const unsigned char *)text; *c;)
    c += print_character(out, c);
  fputc('"', out);
}

/* NAME, a colon and a string, with a comma before. */
static void member(FILE *out, const char *name, const char *text) {
  fprintf(out, ",\"%s\":", name);
  cgc_json_string(out, text);
}

static void count(FILE *out, const char *name, uint64_t n) {
  fprintf(out, ",\"%s\":%" PRIu64, name, n);
}

static void hex(FILE *out, const char *name, uint64_t n) {
  fprintf(out, ",\"%s\":\"0x%" PRIx64 "\"", name, n);
}

static void print_frame(FILE *out, const struct cgc_stack_frame *f) {
  fputs("{\"function\":", out);
  cgc_json_string(out, f->function);
  member(out, "file", f->file);
  if (f->line)
    count(out, "line", f->line);
  if (f->column)
    count(out, "column", f->column);
  if (f->module) {
    member(out, "module", f->module->path);
    if (strcmp(f->module->build_id, "-") != 0)
      member(out, "build_id", f->module->build_id);
    hex(out, "offset", f->addr);
  } else {
    hex(out, "addr", f->addr);
  }
  if (f->inlined)
    fputs(",\"inlined\":true", out);
  fputc('}', out);
}

static void print_stack(FILE *out, const struct cgc_leaks *leaks,
                        struct cgc_raw_stack *raw) {
  const struct cgc_stack *stack = cgc_stack_of(leaks->stacks, raw);
  fputs(",\"stack\":[", out);
  for (size_t i = 0; i < stack->n; i++) {
    if (i)
      fputc(',', out);
    print_frame(out, stack->frames[i]);
  }
  fputc(']', out);
}

static void print_process(FILE *out, const struct cgc_raw *raw) {
  fprintf(out, "{\"type\":\"process\",\"pid\":%" PRIu64, raw->pid);
  member(out, "program", raw->program);
  member(out, "reason", raw->reason);
  count(out, "check", raw->check);
  fputs("}\n", out);
}

static void print_group(FILE *out, const struct cgc_leaks *leaks,
                        const struct cgc_raw_group *g) {
  fprintf(out, "{\"type\":\"group\",\"class\":\"%s\"",
          cgc_raw_class_name(g->class));
  count(out, "bytes", cgc_leaks_bytes(g));
  count(out, "objects", cgc_leaks_objects(g));
  count(out, "direct_bytes", g->bytes);
  count(out, "direct_objects", g->objects);
  count(out, "new_bytes", g->new_bytes);
  count(out, "new_objects", g->new_objects);
  if (g->holder.kind != CGC_RAW_HOLDER_NONE)
    member(out, "holder", cgc_leaks_holder(leaks, g));
  fputs(",\"examples\":[", out);
  for (size_t i = 0; i < g->nexamples; i++)
    fprintf(out, "%s\"0x%" PRIx64 "\"", i ? "," : "", g->examples[i]);
  fputc(']', out);
  print_stack(out, leaks, g->stack);
  fputs("}\n", out);
}

static void print_growth(FILE *out, const struct cgc_leaks *leaks,
                         const struct cgc_raw_growth *g) {
  fprintf(out, "{\"type\":\"growth\",\"bytes\":%" PRIu64, g->bytes);
  count(out, "objects", g->objects);
  count(out, "checks", g->checks);
  print_stack(out, leaks, g->stack);
  fputs("}\n", out);
}

static void print_fault(FILE *out, const struct cgc_leaks *leaks,
                        const struct cgc_raw_fault *f) {
  fputs("{\"type\":\"fault\",\"function\":", out);
  cgc_json_string(out, f->kind);
  count(out, "call", f->number);
  print_stack(out, leaks, f->stack);
  fputs("}\n", out);
}

static void print_total(FILE *out, const struct cgc_leaks *leaks, int i) {
  const struct cgc_leaks_total *t = &leaks->totals[i];
  if (t->groups == 0)
    return;
  fprintf(out, "{\"type\":\"total\",\"class\":\"%s\"",
          cgc_raw_class_name((enum cgc_raw_class)i));
  count(out, "bytes", t->bytes);
  count(out, "objects", t->objects);
  count(out, "groups", t->groups);
  fputs("}\n", out);
}

static void print_rules(FILE *out, const struct cgc_leaks *leaks) {
  const struct cgc_suppress_rule *rule;
  for (size_t i = 0; (rule = cgc_suppress_rule(leaks->suppress, i)); i++) {
    if (!rule->groups)
      continue;
    fputs("{\"type\":\"suppression\",\"rule\":", out);
    cgc_json_string(out, rule->text);
    member(out, "file", rule->file);
    count(out, "line", rule->line);
    count(out, "bytes", rule->bytes);
    count(out, "objects", rule->objects);
    count(out, "groups", rule->groups);
    fputs("}\n", out);
  }
}

static void print_summary(FILE *out, const struct cgc_leaks *leaks) {
  const struct cgc_leaks_total *t = &leaks->totals[CGC_RAW_LOST];
  fprintf(out, "{\"type\":\"summary\",\"bytes\":%" PRIu64, t->bytes);
  count(out, "objects", t->objects);
  count(out, "groups", t->groups);
  fputs("}\n", out);
}

void cgc_json_print(FILE *out, const struct cgc_leaks *leaks) {
  const struct cgc_raw *raw = leaks->raw;
  print_process(out, raw);
  for (size_t i = 0; i < raw->nfaults; i++)
    print_fault(out, leaks, &raw->faults[i]);
  for (size_t i = 0; i < leaks->nshown; i++)
    print_group(out, leaks, leaks->shown[i]);
  for (size_t i = 0; i < raw->ngrowths; i++)
    print_growth(out, leaks, &raw->growths[i]);
  for (int i = 0; i < CGC_RAW_NCLASSES; i++)
    print_total(out, leaks, i);
  print_rules(out, leaks);
  print_summary(out, leaks);
}
