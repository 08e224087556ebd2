/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  GROUPS_MAX = 20,          /* of a class, without --full */
  SCALE_FROM_BYTES = 10240, /* from here on also in KiB and the like */
  RULE_FRAMES_MAX = 24,     /* valgrind's limit for a suppression */
};

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31;1m"
#define PLAIN "\033[0m"

struct page {
  FILE *out;
  const struct cgc_leaks *leaks;
  const struct cgc_settings *settings;
  bool colour;
  char *here; /* the current directory with a slash behind, or NULL */
};

static const char *paint(const struct page *p, const char *colour) {
  return p->colour ? colour : "";
}

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

/* "880 B", "20480 B (20.0 KiB)" */
static void print_bytes(FILE *out, uint64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  double scaled = (double)bytes / 1024;
  int unit = 0;
  fprintf(out, "%" PRIu64 " B", bytes);
  if (bytes < SCALE_FROM_BYTES)
    return;
  for (; scaled >= 1024 && unit < 3; unit++)
    scaled /= 1024;
  fprintf(out, " (%.1f %s)", scaled, units[unit]);
}

/* ---- stacks ------------------------------------------------------------ */

/* A path, from the current directory on when it is below. */
static const char *shorten(const struct page *p, const char *path) {
  size_t n = p->here ? strlen(p->here) : 0;
  return n && strncmp(path, p->here, n) == 0 ? path + n : path;
}

static void print_place(const struct page *p, const struct cgc_stack_frame *f) {
  if (f->file) {
    fprintf(p->out, " at %s%s:%u%s", paint(p, BOLD), shorten(p, f->file),
            f->line, paint(p, PLAIN));
    return;
  }
  fprintf(p->out, "%s%s+0x%" PRIx64, f->function ? " in " : " ",
          cgc_stack_module_name(f->module), f->addr);
}

static void print_frame(const struct page *p, size_t number,
                        const struct cgc_stack_frame *f) {
  fprintf(p->out, "    %s#%zu%s", paint(p, DIM), number, paint(p, PLAIN));
  if (f->function)
    fprintf(p->out, " %s", f->function);
  if (f->module || f->file)
    print_place(p, f);
  else
    fprintf(p->out, " 0x%" PRIx64 " (unknown module)", f->addr);
  fputs(f->inlined ? " (inlined)\n" : "\n", p->out);
}

static void print_stack(const struct page *p, struct cgc_raw_stack *raw) {
  const struct cgc_stack *stack = cgc_stack_of(p->leaks->stacks, raw);
  for (size_t i = 0; i < stack->n; i++)
    print_frame(p, i, stack->frames[i]);
  if (stack->n == 0)
    fputs("    (no stack)\n", p->out);
}

/* ---- groups ------------------------------------------------------------ */

/* "880 B lost in 1 list head (24 B direct) + 19 objects below it" */
static void print_headline(const struct page *p,
                           const struct cgc_raw_group *g) {
  const char *holder = cgc_leaks_holder(p->leaks, g);
  FILE *out = p->out;
  fputs(paint(p, g->class == CGC_RAW_LOST ? RED : BOLD), out);
  print_bytes(out, cgc_leaks_bytes(g));
  fprintf(out, " %s in %" PRIu64 " ", cgc_leaks_verb(g->class), g->objects);
  if (g->below_objects)
    fprintf(out,
            "list head%s (%" PRIu64 " B direct) + %" PRIu64 " object%s below "
            "%s",
            plural(g->objects), g->bytes, g->below_objects,
            plural(g->below_objects), g->objects == 1 ? "it" : "them");
  else
    fprintf(out, "object%s", plural(g->objects));
  if (holder)
    fprintf(out, ", held by %s", holder);
  if (p->leaks->raw->check > 1 && g->new_objects)
    fprintf(out, ", of which %" PRIu64 " B in %" PRIu64 " object%s new",
            g->new_bytes, g->new_objects, plural(g->new_objects));
  fprintf(out, "%s\n", paint(p, PLAIN));
}

static void print_group(const struct page *p, const struct cgc_raw_group *g) {
  print_headline(p, g);
  print_stack(p, g->stack);
  if (g->nexamples) {
    fprintf(p->out, "    %sat", paint(p, DIM));
    for (size_t i = 0; i < g->nexamples; i++)
      fprintf(p->out, " 0x%" PRIx64, g->examples[i]);
    if (g->objects > g->nexamples)
      fputs(" ...", p->out);
    fprintf(p->out, "%s\n", paint(p, PLAIN));
  }
  fputc('\n', p->out);
}

struct rest {
  uint64_t groups;
  uint64_t objects;
  uint64_t bytes;
};

static void print_rest(const struct page *p, const struct rest *rest,
                       const char *what) {
  if (!rest->groups)
    return;
  fprintf(p->out, "... and %" PRIu64 " %sgroup%s: ", rest->groups, what,
          plural(rest->groups));
  print_bytes(p->out, rest->bytes);
  fprintf(p->out, " in %" PRIu64 " object%s (--full lists them)\n\n",
          rest->objects, plural(rest->objects));
}

static void add_rest(struct rest *rest, const struct cgc_raw_group *g) {
  rest->groups++;
  rest->objects += cgc_leaks_objects(g);
  rest->bytes += cgc_leaks_bytes(g);
}

/* A check on the way shows what is new since the one before. */
static bool is_news(const struct page *p, const struct cgc_raw_group *g) {
  return p->settings->full || p->leaks->raw->check <= 1 ||
         cgc_leaks_is_last(p->leaks) || g->new_objects || g->new_bytes;
}

static void print_class(const struct page *p, enum cgc_raw_class class) {
  struct rest smaller = {0, 0, 0}, old = {0, 0, 0};
  size_t printed = 0;
  for (size_t i = 0; i < p->leaks->nshown; i++) {
    const struct cgc_raw_group *g = p->leaks->shown[i];
    if (g->class != class)
      continue;
    if (!is_news(p, g))
      add_rest(&old, g);
    else if (p->settings->full || printed++ < GROUPS_MAX)
      print_group(p, g);
    else
      add_rest(&smaller, g);
  }
  print_rest(p, &smaller, "smaller ");
  print_rest(p, &old, "known ");
}

static void print_growths(const struct page *p) {
  const struct cgc_raw *raw = p->leaks->raw;
  for (size_t i = 0; i < raw->ngrowths; i++) {
    const struct cgc_raw_growth *g = &raw->growths[i];
    if (i == GROUPS_MAX && !p->settings->full) {
      fprintf(p->out, "... and %zu more that grow\n\n", raw->ngrowths - i);
      return;
    }
    fputs(paint(p, BOLD), p->out);
    print_bytes(p->out, g->bytes);
    fprintf(p->out,
            " alive in %" PRIu64 " object%s, more at each of the last %" PRIu64
            " checks%s\n",
            g->objects, plural(g->objects), g->checks, paint(p, PLAIN));
    print_stack(p, g->stack);
    fputc('\n', p->out);
  }
}

/* ---- sums -------------------------------------------------------------- */

/* The library counts the reachable ones also when it doesn't list them. */
static struct cgc_leaks_total total_of(const struct page *p,
                                       enum cgc_raw_class class) {
  struct cgc_leaks_total t = p->leaks->totals[class];
  const struct cgc_raw_total *raw = &p->leaks->raw->totals[class];
  if (class == CGC_RAW_REACHABLE && t.groups == 0 && !p->settings->reachable) {
    t.objects = raw->objects;
    t.bytes = raw->bytes;
  }
  return t;
}

static void print_totals(const struct page *p) {
  bool any = false;
  for (int i = 0; i < CGC_RAW_NCLASSES; i++) {
    struct cgc_leaks_total t = total_of(p, (enum cgc_raw_class)i);
    if (!t.objects)
      continue;
    fprintf(p->out, "%-14s %12" PRIu64 " B in %8" PRIu64 " object%s  %s%s%s\n",
            cgc_raw_class_name((enum cgc_raw_class)i), t.bytes, t.objects,
            t.objects == 1 ? " " : "s", paint(p, DIM),
            cgc_leaks_meaning((enum cgc_raw_class)i), paint(p, PLAIN));
    any = true;
  }
  if (p->leaks->suppressed.groups) {
    fprintf(p->out, "%-14s %12" PRIu64 " B in %8" PRIu64 " object%s\n",
            "suppressed", p->leaks->suppressed.bytes,
            p->leaks->suppressed.objects, plural(p->leaks->suppressed.objects));
    any = true;
  }
  if (any)
    fputc('\n', p->out);
}

static void print_used_rules(const struct page *p) {
  const struct cgc_suppress_rule *rule;
  bool any = false;
  for (size_t i = 0; (rule = cgc_suppress_rule(p->leaks->suppress, i)); i++) {
    if (!rule->groups)
      continue;
    if (!any)
      fputs("Suppressions used:\n", p->out);
    any = true;
    fprintf(p->out,
            "%12" PRIu64 " B in %8" PRIu64 " object%s, %" PRIu64
            " group%s  %s (%s:%lu)\n",
            rule->bytes, rule->objects, plural(rule->objects), rule->groups,
            plural(rule->groups), rule->text, rule->file, rule->line);
  }
  if (any)
    fputc('\n', p->out);
}

/* "./prog (pid 42), killed by SIGTERM" */
static void print_title(const struct page *p) {
  const struct cgc_raw *raw = p->leaks->raw;
  fprintf(p->out, "cgc: leak: %s (pid %" PRIu64 "), %s\n\n", raw->program,
          raw->pid, cgc_leaks_when(p->leaks));
}

static bool has_nothing(const struct cgc_leaks *leaks) {
  return leaks->nshown == 0 && leaks->suppressed.groups == 0 &&
         leaks->raw->ngrowths == 0;
}

static void print_summary(const struct page *p) {
  const struct cgc_leaks_total *t = &p->leaks->totals[CGC_RAW_LOST];
  fprintf(p->out,
          "cgc: leak: %" PRIu64 " byte%s in %" PRIu64 " object%s, %" PRIu64
          " group%s\n",
          t->bytes, plural(t->bytes), t->objects, plural(t->objects), t->groups,
          plural(t->groups));
}

static bool may_colour(FILE *out) {
  const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
  return fileno(out) >= 0 && isatty(fileno(out)) && term &&
         strcmp(term, "dumb") != 0 && !(no && *no);
}

static struct page open_page(FILE *out, const struct cgc_leaks *leaks,
                             const struct cgc_settings *settings) {
  struct page p = {out, leaks, settings, may_colour(out), NULL};
  char *dir = getcwd(NULL, 0);
  if (dir && strcmp(dir, "/") != 0 && asprintf(&p.here, "%s/", dir) < 0)
    p.here = NULL;
  free(dir);
  return p;
}

void cgc_text_print(FILE *out, const struct cgc_leaks *leaks,
                    const struct cgc_settings *settings) {
  struct page p = open_page(out, leaks, settings);
  if (!has_nothing(leaks))
    print_title(&p);
  for (int i = 0; i < CGC_RAW_NCLASSES; i++)
    if (i != CGC_RAW_REACHABLE || settings->reachable)
      print_class(&p, (enum cgc_raw_class)i);
  print_growths(&p);
  if (settings->gen_suppressions)
    cgc_text_print_suppressions(out, leaks);
  if (!has_nothing(leaks)) {
    print_totals(&p);
    print_used_rules(&p);
  }
  print_summary(&p);
  free(p.here);
}

void cgc_text_print_stack(FILE *out, const struct cgc_leaks *leaks,
                          struct cgc_raw_stack *stack) {
  static const struct cgc_settings defaults;
  struct page p = open_page(out, leaks, &defaults);
  print_stack(&p, stack);
  free(p.here);
}

/* ---- what is told at once ----------------------------------------------- */

void cgc_text_print_faults(FILE *out, const struct cgc_leaks *leaks) {
  static const struct cgc_settings defaults;
  struct page p = open_page(out, leaks, &defaults);
  for (size_t i = 0; i < leaks->raw->nfaults; i++) {
    const struct cgc_raw_fault *f = &leaks->raw->faults[i];
    fprintf(out, "cgc: leak: %scall %" PRIu64 " of %s fails%s\n",
            paint(&p, BOLD), f->number,
            strcmp(f->kind, "any") == 0 ? "malloc and its like" : f->kind,
            paint(&p, PLAIN));
    print_stack(&p, f->stack);
  }
  free(p.here);
}

/* ---- wrong frees ------------------------------------------------------- */

static void print_part(const struct page *p, const char *title,
                       struct cgc_raw_stack *stack) {
  if (!stack->nframes)
    return;
  fprintf(p->out, "  %s\n", title);
  print_stack(p, stack);
}

void cgc_text_print_badfrees(FILE *out, const struct cgc_leaks *leaks) {
  static const struct cgc_settings defaults;
  struct page p = open_page(out, leaks, &defaults);
  for (size_t i = 0; i < leaks->raw->nbadfrees; i++) {
    const struct cgc_raw_badfree *b = &leaks->raw->badfrees[i];
    char block[64] = "";
    if (b->has_block)
      snprintf(block, sizeof block, "the block of %" PRIu64 " B ", b->size);
    print_part(&p, "freed here:", b->call);
    if (b->has_block && b->alloc->nframes)
      fprintf(out, "  %swas allocated here:\n", block);
    if (b->alloc->nframes)
      print_stack(&p, b->alloc);
    print_part(&p, "and freed the first time here:", b->freed);
  }
  free(p.here);
}

/* ---- suppressions ------------------------------------------------------ */

static void print_rule_frame(FILE *out, const struct cgc_stack_frame *f) {
  if (f->function)
    fprintf(out, "   fun:%s\n", f->function);
  else if (f->module)
    fprintf(out, "   obj:%s\n", f->module->path);
  else
    fputs("   obj:<unknown module>\n", out);
}

static void print_rule(FILE *out, const struct cgc_leaks *leaks,
                       const struct cgc_raw_group *g) {
  const struct cgc_stack *stack = cgc_leaks_stack(leaks, g);
  fprintf(out, "{\n   %" PRIu64 " B in %" PRIu64 " object%s, %s\n   cgc:leak\n",
          cgc_leaks_bytes(g), cgc_leaks_objects(g),
          plural(cgc_leaks_objects(g)),
          stack->n && stack->frames[0]->function ? stack->frames[0]->function
                                                 : "unknown function");
  for (size_t i = 0; i < stack->n && i < RULE_FRAMES_MAX; i++)
    print_rule_frame(out, stack->frames[i]);
  if (stack->n == 0)
    fputs("   ...\n", out);
  fputs("}\n", out);
}

void cgc_text_print_suppressions(FILE *out, const struct cgc_leaks *leaks) {
  fputs("# Suppressions for all that is lost here; put them into a file for "
        "--suppress:\n",
        out);
  for (size_t i = 0; i < leaks->nshown; i++)
    if (leaks->shown[i]->class == CGC_RAW_LOST &&
        leaks->shown[i]->stack->nframes)
      print_rule(out, leaks, leaks->shown[i]);
  fputc('\n', out);
}
