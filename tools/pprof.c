/* SPDX-License-Identifier: MIT */
#include "pprof.h"

#include "gzip.h"
#include "map.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Field numbers of profile.proto. */
enum {
  PROFILE_SAMPLE_TYPE = 1,
  PROFILE_SAMPLE = 2,
  PROFILE_MAPPING = 3,
  PROFILE_LOCATION = 4,
  PROFILE_FUNCTION = 5,
  PROFILE_STRING = 6,
  PROFILE_TIME_NANOS = 9,
  PROFILE_PERIOD_TYPE = 11,
  PROFILE_PERIOD = 12,
  PROFILE_DEFAULT_TYPE = 14,
  TYPE_TYPE = 1,
  TYPE_UNIT = 2,
  SAMPLE_LOCATION = 1,
  SAMPLE_VALUE = 2,
  MAPPING_ID = 1,
  MAPPING_START = 2,
  MAPPING_LIMIT = 3,
  MAPPING_FILE = 5,
  MAPPING_BUILD_ID = 6,
  MAPPING_HAS_FUNCTIONS = 7,
  MAPPING_HAS_INLINE = 10,
  LOCATION_ID = 1,
  LOCATION_MAPPING = 2,
  LOCATION_ADDRESS = 3,
  LOCATION_LINE = 4,
  LINE_FUNCTION = 1,
  LINE_LINE = 2,
  FUNCTION_ID = 1,
  FUNCTION_NAME = 2,
  FUNCTION_SYSTEM_NAME = 3,
  FUNCTION_FILE = 4,
};

/* ---- protocol buffers -------------------------------------------------- */

struct buffer {
  unsigned char *bytes; /* malloc'ed */
  size_t n;
  size_t size;
};

static void put_bytes(struct buffer *b, const void *bytes, size_t n) {
  if (b->size - b->n < n) {
    b->size = (b->size + n) * 2;
    b->bytes = cgc_store_grow(b->bytes, b->size);
  }
  memcpy(b->bytes + b->n, bytes, n);
  b->n += n;
}

static void put_varint(struct buffer *b, uint64_t n) {
  unsigned char bytes[10];
  size_t i = 0;
  for (; n >= 0x80; n >>= 7)
    bytes[i++] = (unsigned char)(n | 0x80);
  bytes[i++] = (unsigned char)n;
  put_bytes(b, bytes, i);
}

static void put_number(struct buffer *b, unsigned field, uint64_t n) {
  put_varint(b, field << 3);
  put_varint(b, n);
}

static void put_block(struct buffer *b, unsigned field, const void *bytes,
                      size_t n) {
  put_varint(b, field << 3 | 2);
  put_varint(b, n);
  put_bytes(b, bytes, n);
}

/* Put the message M and empty it for the next one. */
static void put_message(struct buffer *b, unsigned field, struct buffer *m) {
  put_block(b, field, m->bytes, m->n);
  m->n = 0;
}

/* ---- the profile ------------------------------------------------------- */

enum profile_of { OF_LEAKS, OF_HEAP };

/* Locations, functions and strings are numbered as they come up. */
struct profile {
  struct buffer out;
  struct buffer strings;
  struct buffer message;
  struct buffer line;
  const struct cgc_leaks *leaks;
  enum profile_of of;
  struct cgc_store *store;
  struct cgc_map string_ids;   /* interned text → number + 1 */
  struct cgc_map location_ids; /* a place's first frame → number */
  struct cgc_map function_ids; /* interned "name\nfile" → number */
  uint64_t nstrings;
  uint64_t nlocations;
  uint64_t nfunctions;
};

static uint64_t string_id(struct profile *p, const char *text) {
  void **id;
  text = cgc_store_intern(p->store, text, strlen(text));
  id = cgc_map_place(&p->string_ids, (uintptr_t)text);
  if (!*id) {
    put_block(&p->strings, PROFILE_STRING, text, strlen(text));
    *id = (void *)(uintptr_t)++p->nstrings;
  }
  return (uintptr_t)*id - 1;
}

static void put_string(struct profile *p, struct buffer *b, unsigned field,
                       const char *text) {
  put_number(b, field, string_id(p, text));
}

static void put_type(struct profile *p, unsigned field, const char *type,
                     const char *unit) {
  put_string(p, &p->message, TYPE_TYPE, type);
  put_string(p, &p->message, TYPE_UNIT, unit);
  put_message(&p->out, field, &p->message);
}

static void put_mappings(struct profile *p) {
  struct buffer *m = &p->message;
  for (struct cgc_raw_module *r = p->leaks->raw->modules; r; r = r->next) {
    put_number(m, MAPPING_ID, r->id + 1);
    put_number(m, MAPPING_START, r->base);
    put_number(m, MAPPING_LIMIT, r->end);
    put_string(p, m, MAPPING_FILE, r->path);
    if (strcmp(r->build_id, "-") != 0)
      put_string(p, m, MAPPING_BUILD_ID, r->build_id);
    for (unsigned field = MAPPING_HAS_FUNCTIONS; field <= MAPPING_HAS_INLINE;
         field++)
      put_number(m, field, 1);
    put_message(&p->out, PROFILE_MAPPING, m);
  }
}

static const char *function_name(struct profile *p,
                                 const struct cgc_stack_frame *f) {
  if (f->function)
    return f->function;
  return cgc_store_format(p->store, "%s+0x%llx",
                          cgc_stack_module_name(f->module),
                          (unsigned long long)f->addr);
}

static uint64_t function_id(struct profile *p,
                            const struct cgc_stack_frame *f) {
  const char *name = function_name(p, f), *file = f->file ? f->file : "";
  const char *key = cgc_store_format(p->store, "%s\n%s", name, file);
  void **id = cgc_map_place(&p->function_ids, (uintptr_t)key);
  struct buffer m = {NULL, 0, 0};
  if (*id)
    return (uintptr_t)*id;
  *id = (void *)(uintptr_t)++p->nfunctions;
  put_number(&m, FUNCTION_ID, p->nfunctions);
  put_string(p, &m, FUNCTION_NAME, name);
  put_string(p, &m, FUNCTION_SYSTEM_NAME, name);
  put_string(p, &m, FUNCTION_FILE, file);
  put_message(&p->out, PROFILE_FUNCTION, &m);
  free(m.bytes);
  return p->nfunctions;
}

/* One past the frames of the address that begins at frame I: all inlined ones
   and the one that they are inlined into. */
static size_t end_of_place(const struct cgc_stack *stack, size_t i) {
  while (i + 1 < stack->n && stack->frames[i]->inlined)
    i++;
  return i + 1;
}

/* The number of the location of frames [FIRST, END). */
static uint64_t location_id(struct profile *p, const struct cgc_stack *stack,
                            size_t first, size_t end) {
  const struct cgc_stack_frame *f = stack->frames[first];
  void **id = cgc_map_place(&p->location_ids, f->id);
  struct buffer m = {NULL, 0, 0};
  uint64_t bias = f->module ? f->module->bias : 0;
  if (*id)
    return (uintptr_t)*id;
  *id = (void *)(uintptr_t)++p->nlocations;
  put_number(&m, LOCATION_ID, p->nlocations);
  if (f->module)
    put_number(&m, LOCATION_MAPPING, f->module->id + 1);
  put_number(&m, LOCATION_ADDRESS, f->addr + bias);
  for (size_t i = first; i < end; i++) {
    put_number(&p->line, LINE_FUNCTION, function_id(p, stack->frames[i]));
    put_number(&p->line, LINE_LINE, stack->frames[i]->line);
    put_message(&m, LOCATION_LINE, &p->line);
  }
  put_message(&p->out, PROFILE_LOCATION, &m);
  free(m.bytes);
  return p->nlocations;
}

static const char *const value_names[][2] = {
    [OF_LEAKS] = {"leaked", "direct"},
    [OF_HEAP] = {"inuse", "leaked"},
};

static void put_value_types(struct profile *p) {
  for (int i = 0; i < 2; i++) {
    const char *name = value_names[p->of][i];
    put_type(p, PROFILE_SAMPLE_TYPE,
             cgc_store_format(p->store, "%s_objects", name), "count");
    put_type(p, PROFILE_SAMPLE_TYPE,
             cgc_store_format(p->store, "%s_space", name), "bytes");
  }
}

static void put_values(const struct profile *p, struct buffer *m,
                       const struct cgc_raw_group *g) {
  bool heap = p->of == OF_HEAP, lost = g->class == CGC_RAW_LOST;
  put_number(m, SAMPLE_VALUE, heap && lost ? 0 : cgc_leaks_objects(g));
  put_number(m, SAMPLE_VALUE, heap && lost ? 0 : cgc_leaks_bytes(g));
  put_number(m, SAMPLE_VALUE, heap && !lost ? 0 : g->objects);
  put_number(m, SAMPLE_VALUE, heap && !lost ? 0 : g->bytes);
}

static void put_sample(struct profile *p, const struct cgc_raw_group *g) {
  const struct cgc_stack *stack = cgc_leaks_stack(p->leaks, g);
  struct buffer *m = &p->message;
  size_t end;
  for (size_t i = 0; i < stack->n; i = end) {
    end = end_of_place(stack, i);
    put_number(m, SAMPLE_LOCATION, location_id(p, stack, i, end));
  }
  put_values(p, m, g);
  put_message(&p->out, PROFILE_SAMPLE, m);
}

static void put_head(struct profile *p) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  string_id(p, ""); /* has to be the first one */
  put_value_types(p);
  const char *space =
      cgc_store_format(p->store, "%s_space", value_names[p->of][0]);
  put_type(p, PROFILE_PERIOD_TYPE, space, "bytes");
  put_number(&p->out, PROFILE_PERIOD, 1);
  put_string(p, &p->out, PROFILE_DEFAULT_TYPE, space);
  put_number(&p->out, PROFILE_TIME_NANOS,
             (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
}

static void write_profile(FILE *out, const struct cgc_leaks *leaks,
                          enum profile_of of) {
  struct profile p = {.leaks = leaks, .of = of, .store = leaks->raw->store};
  put_head(&p);
  put_mappings(&p);
  for (size_t i = 0; i < leaks->nshown; i++)
    if (of == OF_HEAP || leaks->shown[i]->class == CGC_RAW_LOST)
      put_sample(&p, leaks->shown[i]);
  put_bytes(&p.out, p.strings.bytes, p.strings.n);
  cgc_gzip_write(out, p.out.bytes, p.out.n);
  cgc_map_clear(&p.string_ids);
  cgc_map_clear(&p.location_ids);
  cgc_map_clear(&p.function_ids);
  free(p.out.bytes);
  free(p.strings.bytes);
  free(p.message.bytes);
  free(p.line.bytes);
}

void cgc_pprof_write(FILE *out, const struct cgc_leaks *leaks) {
  write_profile(out, leaks, OF_LEAKS);
}

void cgc_pprof_write_heap(FILE *out, const struct cgc_leaks *leaks) {
  write_profile(out, leaks, OF_HEAP);
}
