/* SPDX-License-Identifier: MIT */
#include "raw.h"

#include "map.h"
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FORMAT_VERSION = 1 };

static const char *const class_names[CGC_RAW_NCLASSES] = {
    "lost", "stack-only", "low-confidence", "reachable"};

const char *cgc_raw_class_name(enum cgc_raw_class class) {
  return class_names[class];
}

/* The file as it is read, and its last line's fields that are left. */
struct reader {
  struct cgc_raw *raw;
  const char *path;
  unsigned long line;
  char *rest;        /* of the line; NULL when nothing is left */
  const char *wrong; /* what is wrong with the record; NULL: nothing */
  struct cgc_map modules;
  struct cgc_map stacks;
  struct cgc_raw_stack *no_stack; /* where a record has "-" */
  bool ended;
};

/* ---- fields ------------------------------------------------------------ */

static void complain(struct reader *r, const char *what) {
  if (!r->wrong)
    r->wrong = what;
}

/* The next field, or NULL at the end of the line. */
static char *next_field(struct reader *r) {
  char *field = r->rest;
  if (!field)
    return NULL;
  r->rest = strchr(field, ' ');
  if (r->rest)
    *r->rest++ = '\0';
  return *field ? field : NULL;
}

/* The next field; a record that lacks it is wrong. */
static char *need_field(struct reader *r) {
  static char none[] = "";
  char *field = next_field(r);
  if (!field)
    complain(r, "a field is missing");
  return field ? field : none;
}

static uint64_t to_number(struct reader *r, const char *text, int base) {
  uint64_t n;
  char *end;
  errno = 0;
  n = strtoull(text, &end, base);
  if (errno || end == text || *end || *text == '-')
    complain(r, "a number is expected");
  return n;
}

static uint64_t number(struct reader *r) {
  return to_number(r, need_field(r), 10);
}

static uint64_t address(struct reader *r) {
  return to_number(r, need_field(r), 16);
}

static int hex_digit(char c) {
  return isdigit((unsigned char)c) ? c - '0'
                                   : tolower((unsigned char)c) - 'a' + 10;
}

/* Undo %XX, in place. */
static const char *decode(struct reader *r, char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    if (*from == '%' && isxdigit((unsigned char)from[1]) &&
        isxdigit((unsigned char)from[2])) {
      *to++ = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
      from += 2;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
  return cgc_store_intern(r->raw->store, text, (size_t)(to - text));
}

static const char *string(struct reader *r) { return decode(r, need_field(r)); }

/* Cut TEXT at its first colon; what is behind it, or NULL without one. */
static char *cut_colon(char *text) {
  char *colon = strchr(text, ':');
  if (colon)
    *colon++ = '\0';
  return colon;
}

static struct cgc_raw_module *module_of(struct reader *r, const char *id) {
  struct cgc_raw_module *m = cgc_map_get(&r->modules, to_number(r, id, 10));
  if (!m)
    complain(r, "there is no such module");
  return m;
}

static struct cgc_raw_stack *stack(struct reader *r) {
  const char *field = need_field(r);
  struct cgc_raw_stack *s;
  if (strcmp(field, "-") == 0)
    return r->no_stack;
  s = cgc_map_get(&r->stacks, to_number(r, field, 10));
  if (!s)
    complain(r, "there is no such stack");
  return s ? s : r->no_stack;
}

/* MODULE:ADDRESS, or -:ADDRESS. */
static struct cgc_raw_frame to_frame(struct reader *r, char *field) {
  char *addr = cut_colon(field);
  struct cgc_raw_frame f = {NULL, 0};
  if (!addr) {
    complain(r, "a frame is MODULE:ADDRESS");
    return f;
  }
  if (strcmp(field, "-") != 0)
    f.module = module_of(r, field);
  f.addr = to_number(r, addr, 16);
  return f;
}

static struct cgc_raw_holder holder(struct reader *r) {
  struct cgc_raw_holder h = {CGC_RAW_HOLDER_NONE, NULL, 0};
  char *kind = need_field(r);
  char *where = cut_colon(kind);
  if (!where)
    return h;
  if (strcmp(kind, "data") == 0) {
    struct cgc_raw_frame f = to_frame(r, where);
    h.kind = CGC_RAW_HOLDER_DATA;
    h.module = f.module;
    h.where = f.addr;
  } else if (strcmp(kind, "thread") == 0) {
    h.kind = CGC_RAW_HOLDER_THREAD;
    h.where = to_number(r, where, 10);
  } else if (strcmp(kind, "mapping") == 0) {
    h.kind = CGC_RAW_HOLDER_MAPPING;
    h.where = to_number(r, where, 16);
  }
  return h;
}

/* The class called NAME; CGC_RAW_NCLASSES for one of a later version. */
static enum cgc_raw_class to_class(const char *name) {
  int i = 0;
  while (i < CGC_RAW_NCLASSES && strcmp(name, class_names[i]) != 0)
    i++;
  return (enum cgc_raw_class)i;
}

/* ---- records ----------------------------------------------------------- */

static void read_process(struct reader *r) {
  r->raw->pid = number(r);
  r->raw->program = string(r);
}

static void read_reason(struct reader *r) {
  r->raw->reason = string(r);
  if (next_field(r))
    r->raw->check = number(r);
}

static void read_module(struct reader *r) {
  struct cgc_raw_module *m = cgc_store_alloc(r->raw->store, sizeof *m);
  struct cgc_raw_module **tail = &r->raw->modules;
  m->id = number(r);
  m->base = address(r);
  m->end = address(r);
  m->bias = address(r);
  m->build_id = string(r);
  m->path = string(r);
  while (*tail)
    tail = &(*tail)->next;
  *tail = m;
  *cgc_map_place(&r->modules, m->id) = m;
}

static void read_stack(struct reader *r) {
  uint64_t id = number(r);
  struct cgc_raw_stack *s;
  size_t max = 0;
  char *field;
  if (cgc_map_get(&r->stacks, id))
    return; /* again */
  s = cgc_store_alloc(r->raw->store, sizeof *s);
  s->id = id;
  for (const char *c = r->rest; c && *c; c++)
    max += *c == ':';
  s->frames = cgc_store_alloc(r->raw->store, max * sizeof *s->frames);
  while (s->nframes < max && (field = next_field(r)))
    s->frames[s->nframes++] = to_frame(r, field);
  *cgc_map_place(&r->stacks, s->id) = s;
}

static void read_examples(struct reader *r, struct cgc_raw_group *g) {
  char *list = need_field(r), *item;
  while ((item = strsep(&list, ",")) && g->nexamples < CGC_RAW_EXAMPLES_MAX)
    if (strcmp(item, "-") != 0)
      g->examples[g->nexamples++] = to_number(r, item, 16);
}

static void read_group(struct reader *r) {
  struct cgc_raw *raw = r->raw;
  struct cgc_raw_group *g;
  enum cgc_raw_class class = to_class(need_field(r));
  if (class == CGC_RAW_NCLASSES)
    return;
  raw->groups = cgc_store_room(raw->groups, raw->ngroups, sizeof *g);
  g = &raw->groups[raw->ngroups++];
  memset(g, 0, sizeof *g);
  g->class = class;
  g->stack = stack(r);
  g->objects = number(r);
  g->bytes = number(r);
  g->below_objects = number(r);
  g->below_bytes = number(r);
  g->new_objects = number(r);
  g->new_bytes = number(r);
  read_examples(r, g);
  g->holder = holder(r);
}

static void read_growth(struct reader *r) {
  struct cgc_raw *raw = r->raw;
  struct cgc_raw_growth *g;
  raw->growths = cgc_store_room(raw->growths, raw->ngrowths, sizeof *g);
  g = &raw->growths[raw->ngrowths++];
  g->stack = stack(r);
  g->bytes = number(r);
  g->objects = number(r);
  g->checks = number(r);
}

static void read_fault(struct reader *r) {
  struct cgc_raw *raw = r->raw;
  struct cgc_raw_fault *f;
  raw->faults = cgc_store_room(raw->faults, raw->nfaults, sizeof *f);
  f = &raw->faults[raw->nfaults++];
  f->kind = string(r);
  f->number = number(r);
  f->stack = stack(r);
}

static void read_calls(struct reader *r) {
  struct cgc_raw *raw = r->raw;
  struct cgc_raw_calls *c;
  raw->calls = cgc_store_room(raw->calls, raw->ncalls, sizeof *c);
  c = &raw->calls[raw->ncalls++];
  c->kind = string(r);
  c->number = number(r);
}

static void read_badfree(struct reader *r) {
  struct cgc_raw *raw = r->raw;
  struct cgc_raw_badfree *b;
  char *block;
  raw->badfrees = cgc_store_room(raw->badfrees, raw->nbadfrees, sizeof *b);
  b = &raw->badfrees[raw->nbadfrees++];
  memset(b, 0, sizeof *b);
  b->kind = string(r);
  b->addr = address(r);
  block = need_field(r);
  b->has_block = strcmp(block, "-") != 0;
  if (b->has_block) {
    b->block = to_number(r, block, 16);
    b->size = number(r);
    b->offset = number(r);
  } else {
    need_field(r);
    need_field(r);
  }
  b->call = stack(r);
  b->alloc = stack(r);
  b->freed = stack(r);
}

static void read_total(struct reader *r) {
  enum cgc_raw_class class = to_class(need_field(r));
  if (class == CGC_RAW_NCLASSES)
    return;
  r->raw->totals[class].objects = number(r);
  r->raw->totals[class].bytes = number(r);
}

static void read_end(struct reader *r) { r->ended = true; }

static const struct {
  const char *name;
  void (*read)(struct reader *r);
} records[] = {
    {"process", read_process}, {"reason", read_reason},
    {"module", read_module},   {"stack", read_stack},
    {"group", read_group},     {"growth", read_growth},
    {"fault", read_fault},     {"calls", read_calls},
    {"badfree", read_badfree}, {"total", read_total},
    {"end", read_end},
};

static void read_record(struct reader *r) {
  const char *name = need_field(r);
  for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
    if (strcmp(name, records[i].name) == 0)
      records[i].read(r);
}

/* ---- the file ---------------------------------------------------------- */

static const char incomplete[] =
    "the report is not complete; was the program killed, or the disk full?";

/* Print what is wrong with the last line read; returns false. */
static bool reject(const struct reader *r, const char *what) {
  cgc_tool_error(CGC_EXIT_OWN, "%s:%lu: %s", r->path, r->line, what);
  return false;
}

/* Read the next line.  A line that lacks its end was cut off. */
static bool read_line(struct reader *r, FILE *file, char **line, size_t *size) {
  ssize_t n = getline(line, size, file);
  if (n <= 0)
    return false;
  r->line++;
  r->rest = *line;
  r->wrong = NULL;
  if ((*line)[n - 1] == '\n')
    (*line)[n - 1] = '\0';
  else
    complain(r, incomplete);
  return true;
}

static bool read_heading(struct reader *r, FILE *file, char **line,
                         size_t *size) {
  if (!read_line(r, file, line, size) ||
      strcmp(need_field(r), "cgc-leak") != 0) {
    cgc_tool_error(CGC_EXIT_OWN, "%s: not a raw report of cgc leak", r->path);
    return false;
  }
  if (number(r) != FORMAT_VERSION)
    return reject(r, "the report is of another version of libcgc");
  return true;
}

static bool read_records(struct reader *r, FILE *file) {
  char *line = NULL;
  size_t size = 0;
  bool good = read_heading(r, file, &line, &size);
  while (good && !r->ended && read_line(r, file, &line, &size)) {
    read_record(r);
    if (r->wrong)
      good = reject(r, r->wrong);
  }
  free(line);
  if (good && ferror(file))
    good = reject(r, strerror(errno));
  if (good && !r->ended)
    good = reject(r, incomplete);
  return good;
}

struct cgc_raw *cgc_raw_read(const char *path) {
  struct reader r = {.path = path};
  FILE *file = fopen(path, "re");
  struct cgc_store *store;
  bool good;
  if (!file) {
    cgc_tool_error(CGC_EXIT_OWN, "%s: %s", path, strerror(errno));
    return NULL;
  }
  store = cgc_store_open();
  r.raw = cgc_store_alloc(store, sizeof *r.raw);
  r.raw->store = store;
  r.raw->program = "";
  r.raw->reason = "exit";
  r.raw->check = 1;
  r.no_stack = cgc_store_alloc(store, sizeof *r.no_stack);
  good = read_records(&r, file);
  fclose(file);
  cgc_map_clear(&r.modules);
  cgc_map_clear(&r.stacks);
  if (good)
    return r.raw;
  cgc_raw_close(r.raw);
  return NULL;
}

void cgc_raw_close(struct cgc_raw *raw) {
  free(raw->groups);
  free(raw->growths);
  free(raw->faults);
  free(raw->calls);
  free(raw->badfrees);
  cgc_store_close(raw->store);
}
