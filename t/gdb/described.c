/* SPDX-License-Identifier: MIT */
/*
 * Objects that say themselves which of their words are pointers, on libgc.so:
 * "NAME ADDRESS yes|no" for each block that one of their words names, and
 * whether that word counts; "ready", and it waits.
 *
 *   strict     in the arguments: pointers to an object's inside do not count
 */
#include "../scrub.h"

#include <gc/gc_mark.h>
#include <gc/gc_typed.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 80, COUNT = 5 };

void **kept[8]; /* for all to see: it is never read */
static size_t nkept;

static void keep(void *object) { kept[nkept++] = object; }

/* A new block is named by the word I of OBJECT, OFFSET bytes behind its start.
 */
static __attribute__((noinline)) void
name(const char *what, void **object, size_t i, size_t offset, int counts) {
  char *block = GC_malloc_atomic(96);
  object[i] = block + offset;
  printf("%s %p %s\n", what, (void *)block, counts ? "yes" : "no");
}

static void make_bitmap(void) {
  GC_word bits[] = {1u << 1 | 1u << 3};
  void **o = GC_malloc_explicitly_typed(64, GC_make_descriptor(bits, 8));
  keep(o);
  for (size_t i = 0; i < 5; i++)
    name("bitmap", o, i, 0, bits[0] >> i & 1);
}

static void make_layout(void) {
  GC_word bits[2] = {1, 1};
  void **o = GC_malloc_explicitly_typed(WORDS * sizeof *o,
                                        GC_make_descriptor(bits, 65));
  keep(o);
  name("layout", o, 0, 0, 1);
  name("layout", o, 1, 0, 0);
  name("layout", o, 64, 0, 1);
  name("layout", o, 65, 0, 0);
}

static void make_array(void) {
  GC_word bits[] = {1u << 2};
  void **o = GC_calloc_explicitly_typed(COUNT, 4 * sizeof *o,
                                        GC_make_descriptor(bits, 4));
  keep(o);
  for (size_t i = 0; i < 8; i++)
    name("array", o, i, 0, i % 4 == 2);
}

static void make_kind(void) {
  unsigned kind = GC_new_kind(GC_new_free_list(), 2 * sizeof(void *), 0, 1);
  void **o = GC_generic_malloc(64, (int)kind);
  keep(o);
  for (size_t i = 0; i < 4; i++)
    name("kind", o, i, 0, i < 2);
}

static void make_plain(int strict) {
  void **o = GC_malloc(64);
  keep(o);
  name("plain", o, 0, 0, 1);
  name("inside", o, 1, 8, 1);
  name("inside", o, 2, 40, !strict);
}

static __attribute__((noinline)) void make(int strict) {
  make_bitmap();
  make_layout();
  make_array();
  make_kind();
  make_plain(strict);
}

int main(int argc, char **argv) {
  (void)argv;
  GC_set_all_interior_pointers(argc == 1);
  GC_init();
  GC_register_displacement(8);
  GC_disable();
  make(argc > 1);
  scrub(1 << 16);
  puts("ready");
  fflush(stdout);
  while (getchar() != EOF)
    ;
  return 0;
}
