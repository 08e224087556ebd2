/* SPDX-License-Identifier: MIT */
#include "suppress.h"

#include "demangle.h"
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum line_kind { ANY_FRAMES, FUNCTION, MODULE, SOURCE };

struct line {
  enum line_kind kind;
  const char *glob;
};

struct rule {
  struct cgc_suppress_rule public;
  const char *glob; /* leak:PATTERN's, for the whole name; NULL: a block */
  struct line *lines;
  size_t nlines;
  unsigned classes; /* bits of enum cgc_raw_class */
  bool ours;        /* not another tool's */
};

struct cgc_suppress {
  struct cgc_store *store;
  struct rule **rules;
  size_t nrules;
  /* For each frame: 0 when not known yet, else 1 + the index of the first
     leak:PATTERN that matches it, or 1 + nrules. */
  size_t *memo;
  size_t nmemo;
};

enum { ALL_CLASSES = (1 << CGC_RAW_NCLASSES) - 1 };

struct cgc_suppress *cgc_suppress_open(void) {
  struct cgc_store *store = cgc_store_open();
  struct cgc_suppress *s = cgc_store_alloc(store, sizeof *s);
  s->store = store;
  return s;
}

void cgc_suppress_close(struct cgc_suppress *s) {
  for (size_t i = 0; i < s->nrules; i++)
    free(s->rules[i]->lines);
  free(s->rules);
  free(s->memo);
  cgc_store_close(s->store);
}

const struct cgc_suppress_rule *cgc_suppress_rule(const struct cgc_suppress *s,
                                                  size_t i) {
  return i < s->nrules ? &s->rules[i]->public : NULL;
}

/* ---- reading ----------------------------------------------------------- */

struct reader {
  struct cgc_suppress *s;
  const char *path;
  unsigned long line;
  struct rule *block; /* that is being read, or NULL */
};

static int reject(const struct reader *r, const char *what, const char *text) {
  return cgc_tool_error(CGC_EXIT_OWN, "%s:%lu: %s%s", r->path, r->line, text,
                        what);
}

static const char *keep(struct reader *r, const char *text) {
  return cgc_store_intern(r->s->store, text, strlen(text));
}

static struct rule *add_rule(struct reader *r) {
  struct cgc_suppress *s = r->s;
  struct rule *rule = cgc_store_alloc(s->store, sizeof *rule);
  s->rules = cgc_store_room(s->rules, s->nrules, sizeof *s->rules);
  s->rules[s->nrules++] = rule;
  rule->public.file = keep(r, r->path);
  rule->public.line = r->line;
  rule->classes = ALL_CLASSES;
  return rule;
}

/* A glob that matches whole names where PATTERN stands somewhere in them. */
static const char *to_glob(struct reader *r, const char *pattern) {
  size_t n = strlen(pattern);
  bool start = pattern[0] == '^', end = n > 1 && pattern[n - 1] == '$';
  return cgc_store_format(r->s->store, "%s%.*s%s", start ? "" : "*",
                          (int)(n - start - end), pattern + start,
                          end ? "" : "*");
}

static int read_leak(struct reader *r, const char *text) {
  const char *pattern = text + strlen("leak:");
  struct rule *rule;
  if (!*pattern)
    return reject(r, " lacks a pattern", text);
  rule = add_rule(r);
  rule->public.text = keep(r, text);
  rule->glob = to_glob(r, pattern);
  rule->ours = true;
  return 0;
}

/* What may stand between the braces, in order: the name, the tool and kind,
   match-leak-kinds, frames. */

static bool names_leak(const char *kind) {
  const char *colon = strchr(kind, ':');
  return colon && strcasecmp(colon + 1, "leak") == 0;
}

static unsigned to_classes(const char *kinds) {
  unsigned classes = 0;
  if (strstr(kinds, "definite") || strstr(kinds, "indirect"))
    classes |= 1 << CGC_RAW_LOST;
  if (strstr(kinds, "possible"))
    classes |= 1 << CGC_RAW_LOW_CONFIDENCE | 1 << CGC_RAW_STACK_ONLY;
  if (strstr(kinds, "reachable"))
    classes |= 1 << CGC_RAW_REACHABLE;
  return classes ? classes : ALL_CLASSES;
}

static int add_line(struct reader *r, enum line_kind kind, const char *glob) {
  struct rule *rule = r->block;
  bool plain = !strpbrk(glob, "*?");
  if (kind != ANY_FRAMES && !*glob)
    return reject(r, "a frame without a pattern", "");
  rule->lines = cgc_store_room(rule->lines, rule->nlines, sizeof *rule->lines);
  if (kind == FUNCTION && plain)
    glob = cgc_demangle(r->s->store, glob);
  rule->lines[rule->nlines++] = (struct line){kind, keep(r, glob)};
  return 0;
}

static int read_frame(struct reader *r, const char *text) {
  if (strcmp(text, "...") == 0)
    return add_line(r, ANY_FRAMES, "");
  if (strncmp(text, "fun:", 4) == 0)
    return add_line(r, FUNCTION, text + 4);
  if (strncmp(text, "obj:", 4) == 0)
    return add_line(r, MODULE, text + 4);
  if (strncmp(text, "src:", 4) == 0)
    return add_line(r, SOURCE, text + 4);
  return reject(r, "' is no frame; write fun:, obj:, src: or ...",
                cgc_store_format(r->s->store, "'%s", text));
}

static int end_block(struct reader *r) {
  struct rule *rule = r->block;
  r->block = NULL;
  if (rule->ours && rule->nlines == 0)
    return reject(r, "a block has its name, cgc:leak and at least one frame",
                  "");
  return 0;
}

static int read_in_block(struct reader *r, const char *text) {
  static const char kinds[] = "match-leak-kinds:";
  struct rule *rule = r->block;
  if (strcmp(text, "}") == 0)
    return end_block(r);
  if (!rule->public.text) {
    rule->public.text = keep(r, text);
    return 0;
  }
  /* Until the kind is known, nothing but it may come. */
  if (!rule->ours && !rule->lines) {
    if (!strchr(text, ':'))
      return reject(r, "' is no kind of rule; write cgc:leak",
                    cgc_store_format(r->s->store, "'%s", text));
    rule->ours = names_leak(text);
    if (!rule->ours) /* another tool's: read over it */
      return add_line(r, ANY_FRAMES, "");
    return 0;
  }
  if (!rule->ours)
    return 0;
  if (strncmp(text, kinds, strlen(kinds)) == 0) {
    rule->classes = to_classes(text + strlen(kinds));
    return 0;
  }
  return read_frame(r, text);
}

static int read_line(struct reader *r, char *text) {
  size_t n;
  text += strspn(text, " \t");
  n = strlen(text);
  while (n > 0 && isspace((unsigned char)text[n - 1]))
    text[--n] = '\0';
  if (!*text || *text == '#')
    return 0;
  if (r->block)
    return read_in_block(r, text);
  if (strcmp(text, "{") == 0) {
    r->block = add_rule(r);
    return 0;
  }
  if (strncmp(text, "leak:", 5) == 0)
    return read_leak(r, text);
  return reject(r, "' is no rule; write leak:PATTERN, or a block in { }",
                cgc_store_format(r->s->store, "'%s", text));
}

int cgc_suppress_read(struct cgc_suppress *s, const char *path) {
  struct reader r = {s, path, 0, NULL};
  FILE *file = fopen(path, "re");
  char *line = NULL;
  size_t size = 0;
  int status = 0;
  if (!file)
    return cgc_tool_error(CGC_EXIT_OWN, "suppressions %s: %s", path,
                          strerror(errno));
  while (!status && getline(&line, &size, file) > 0) {
    r.line++;
    status = read_line(&r, line);
  }
  if (!status && ferror(file))
    status = cgc_tool_error(CGC_EXIT_OWN, "suppressions %s: %s", path,
                            strerror(errno));
  if (!status && r.block) {
    r.line = r.block->public.line;
    status = reject(&r, "the block that begins here has no }", "");
  }
  free(line);
  fclose(file);
  return status;
}

/* ---- matching ---------------------------------------------------------- */

/* Does the whole TEXT match?  * is anything, ? one character. */
static bool matches(const char *glob, const char *text) {
  const char *star = NULL, *resume = NULL;
  while (*text) {
    if (*glob == '*') {
      star = glob++;
      resume = text;
    } else if (*glob == *text || *glob == '?') {
      glob++;
      text++;
    } else if (star) {
      glob = star + 1;
      text = ++resume;
    } else {
      return false;
    }
  }
  return glob[strspn(glob, "*")] == '\0';
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static const char *module_path(const struct cgc_stack_frame *f) {
  return f->module ? f->module->path : "<unknown module>";
}

static bool pattern_matches(const struct rule *rule,
                            const struct cgc_stack_frame *f) {
  return rule->glob && ((f->function && matches(rule->glob, f->function)) ||
                        (f->file && matches(rule->glob, f->file)) ||
                        matches(rule->glob, module_path(f)));
}

/* The index of the first leak:PATTERN for a frame, or nrules. */
static size_t rule_of_frame(struct cgc_suppress *s,
                            const struct cgc_stack_frame *f) {
  size_t i = 0;
  if (f->id >= s->nmemo) {
    size_t n = cgc_max(1024, f->id * 2);
    s->memo = cgc_store_grow(s->memo, n * sizeof *s->memo);
    memset(s->memo + s->nmemo, 0, (n - s->nmemo) * sizeof *s->memo);
    s->nmemo = n;
  }
  if (s->memo[f->id])
    return s->memo[f->id] - 1;
  while (i < s->nrules && !pattern_matches(s->rules[i], f))
    i++;
  s->memo[f->id] = i + 1;
  return i;
}

/* FILE or FILE:LINE, with directories or without. */
static bool source_matches(const char *glob, const struct cgc_stack_frame *f) {
  char text[4096];
  if (!f->file)
    return false;
  if (matches(glob, f->file) || matches(glob, base_name(f->file)))
    return true;
  snprintf(text, sizeof text, "%s:%u", f->file, f->line);
  return matches(glob, text) || matches(glob, base_name(text));
}

static bool line_matches(const struct line *line,
                         const struct cgc_stack_frame *f) {
  if (line->kind == FUNCTION)
    return matches(line->glob, f->function ? f->function : "");
  if (line->kind == MODULE)
    return matches(line->glob, module_path(f));
  return source_matches(line->glob, f);
}

static bool lines_match(const struct line *lines, size_t nlines,
                        const struct cgc_stack_frame **frames, size_t n) {
  /* As in matches(): only the last "..." has to be tried again. */
  size_t line = 0, frame = 0, again = SIZE_MAX, resume = 0;
  while (line < nlines) {
    if (lines[line].kind == ANY_FRAMES) {
      again = ++line;
      resume = frame;
    } else if (frame < n && line_matches(&lines[line], frames[frame])) {
      line++;
      frame++;
    } else if (again != SIZE_MAX && resume < n) {
      line = again;
      frame = ++resume;
    } else {
      return false;
    }
  }
  return true;
}

static bool is_allocator(const char *name) {
  static const char *const names[] = {"malloc",        "calloc",
                                      "realloc",       "memalign",
                                      "aligned_alloc", "posix_memalign"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0)
      return true;
  return false;
}

static bool block_matches(const struct rule *rule,
                          const struct cgc_stack *stack,
                          enum cgc_raw_class class) {
  const struct line *lines = rule->lines;
  size_t n = rule->nlines;
  if (!rule->ours || rule->glob || !(rule->classes & 1U << class))
    return false;
  if (lines_match(lines, n, stack->frames, stack->n))
    return true;
  return n > 1 && lines[0].kind == FUNCTION && is_allocator(lines[0].glob) &&
         lines_match(lines + 1, n - 1, stack->frames, stack->n);
}

struct cgc_suppress_rule *cgc_suppress_match(struct cgc_suppress *s,
                                             const struct cgc_stack *stack,
                                             enum cgc_raw_class class) {
  size_t first = s->nrules;
  if (s->nrules == 0)
    return NULL;
  for (size_t i = 0; i < stack->n; i++)
    first = cgc_min(first, rule_of_frame(s, stack->frames[i]));
  for (size_t i = 0; i < first; i++)
    if (block_matches(s->rules[i], stack, class))
      first = i;
  return first < s->nrules ? &s->rules[first]->public : NULL;
}
