/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include "map.h"

#include <inttypes.h>
#include <string.h>

#define OWN_LIBRARY "libcgc-malloc.so"

/* The frames of one address. */
struct place {
  struct cgc_stack_frame *frames;
  size_t n;
};

/* What raw modules point to: the names of one file. */
struct names {
  struct cgc_symbol_module *symbols;
  struct cgc_map places; /* address → struct place */
  struct names *next;
};

struct cgc_stacks {
  struct cgc_store *store; /* the raw report's */
  struct cgc_symbols *symbols;
  struct names *names; /* all */
  struct names *none;  /* of addresses in no file */
  size_t nframes;
};

static struct names *add_names(struct cgc_stacks *s) {
  struct names *n = cgc_store_alloc(s->store, sizeof *n);
  n->next = s->names;
  return s->names = n;
}

struct cgc_stacks *cgc_stacks_open(struct cgc_raw *raw) {
  struct cgc_stacks *s = cgc_store_alloc(raw->store, sizeof *s);
  s->store = raw->store;
  s->symbols = cgc_symbols_open(NULL);
  s->none = add_names(s);
  return s;
}

void cgc_stacks_close(struct cgc_stacks *s) {
  for (struct names *n = s->names; n; n = n->next)
    cgc_map_clear(&n->places);
  cgc_symbols_close(s->symbols);
}

size_t cgc_stacks_nframes(const struct cgc_stacks *s) { return s->nframes; }

const char *cgc_stack_module_name(const struct cgc_raw_module *module) {
  const char *slash;
  if (!module)
    return "?";
  slash = strrchr(module->path, '/');
  return slash ? slash + 1 : module->path;
}

static struct names *names_of(struct cgc_stacks *s, struct cgc_raw_module *m) {
  struct names *names;
  if (!m)
    return s->none;
  if (m->names)
    return m->names;
  names = add_names(s);
  names->symbols = cgc_symbol_module(s->symbols, m->path, m->build_id);
  return m->names = names;
}

/* Frames of an address that has no name: one, without any. */
static const struct cgc_symbol_frame nameless;

static struct place *make_place(struct cgc_stacks *s, struct names *names,
                                const struct cgc_raw_frame *at) {
  struct place *place = cgc_store_alloc(s->store, sizeof *place);
  const struct cgc_symbol_frame *found = NULL;
  size_t n = 0;
  if (names->symbols)
    n = cgc_symbol_code(names->symbols, at->addr, &found);
  if (n == 0) {
    found = &nameless;
    n = 1;
  }
  place->n = n;
  place->frames = cgc_store_alloc(s->store, n * sizeof *place->frames);
  for (size_t i = 0; i < n; i++)
    place->frames[i] = (struct cgc_stack_frame){
        s->nframes++,  at->module,    at->addr,        found[i].function,
        found[i].file, found[i].line, found[i].column, found[i].inlined,
    };
  return place;
}

static struct place *place_of(struct cgc_stacks *s,
                              const struct cgc_raw_frame *at) {
  struct names *names = names_of(s, at->module);
  void **place = cgc_map_place(&names->places, at->addr);
  if (!*place)
    *place = make_place(s, names, at);
  return *place;
}

static bool is_own(const struct cgc_raw_frame *frame) {
  return strncmp(cgc_stack_module_name(frame->module), OWN_LIBRARY,
                 strlen(OWN_LIBRARY)) == 0;
}

static size_t count_frames(struct cgc_stacks *s,
                           const struct cgc_raw_stack *raw) {
  size_t n = 0;
  for (size_t i = 0; i < raw->nframes; i++)
    if (!is_own(&raw->frames[i]))
      n += place_of(s, &raw->frames[i])->n;
  return n;
}

const struct cgc_stack *cgc_stack_of(struct cgc_stacks *s,
                                     struct cgc_raw_stack *raw) {
  struct cgc_stack *stack;
  if (raw->names)
    return raw->names;
  stack = cgc_store_alloc(s->store, sizeof *stack);
  stack->frames =
      cgc_store_alloc(s->store, count_frames(s, raw) * sizeof *stack->frames);
  for (size_t i = 0; i < raw->nframes; i++) {
    struct place *place = place_of(s, &raw->frames[i]);
    for (size_t k = 0; k < place->n && !is_own(&raw->frames[i]); k++)
      stack->frames[stack->n++] = &place->frames[k];
  }
  return raw->names = stack;
}

const char *cgc_stack_variable(struct cgc_stacks *s,
                               struct cgc_raw_module *module, uint64_t addr) {
  struct names *names = names_of(s, module);
  struct cgc_symbol_name name;
  if (!names->symbols || !cgc_symbol_data(names->symbols, addr, &name))
    return NULL;
  if (name.offset == 0)
    return name.name;
  return cgc_store_format(s->store, "%s+%" PRIu64, name.name, name.offset);
}
