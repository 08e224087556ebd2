/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-record.h - what a program that looks for leaks (CGC_LEAK) has
 * noted of its blocks: the size asked for, and the stacks of the allocation
 * and of the free.
 *
 *   slot ─► directory ─► leaf ─► its span's array ─► record     look/block
 *   stack's number ─► chunk ─► node ─► frames                   look/stack
 *   frame ─► module ─► file, build-id, bias                     look/module
 */
#ifndef CGC_TOOLS_HEAP_RECORD_H
#define CGC_TOOLS_HEAP_RECORD_H

#include "heap-image.h"
#include "map.h"

#include <stdio.h>

struct cgc_records;

struct cgc_record {
  uint32_t stack;
  uint32_t freed; /* 0: not freed */
  uint64_t size;
};

/* The names of its frames, innermost first. */
struct cgc_record_stack {
  const char **line;
  size_t n;
};

/** The records of IM's program; NULL: it notes none. */
struct cgc_records *cgc_records_open(const struct cgc_image *im);
void cgc_records_close(struct cgc_records *r);

/** The record of OBJ; quick in the order of addresses.  false: none */
bool cgc_records_find(struct cgc_records *r, const struct cgc_image_object *obj,
                      struct cgc_record *record);

/** Stack ID; lasts as long as the records. */
const struct cgc_record_stack *cgc_records_stack(struct cgc_records *r,
                                                 uint32_t id);

/** The records "module" and "stack" of a raw report (look/report.h). */
void cgc_records_tell_modules(struct cgc_records *r, FILE *out);
void cgc_records_tell_stack(struct cgc_records *r, FILE *out, uint32_t id);

/* ---- blocks by stack ----------------------------------------------------- */

struct cgc_record_group {
  uint32_t stack;
  uint64_t live, live_bytes;
  uint64_t lost, lost_bytes;
  uint64_t heads;
  uint64_t example;
};

struct cgc_record_groups {
  struct cgc_record_group *all;
  size_t n;
  struct cgc_map places;
};

/** The group of STACK, made if need be; lasts until the next call. */
struct cgc_record_group *cgc_record_group(struct cgc_record_groups *g,
                                          uint32_t stack);
/** Sort them, the most bytes first.  No groups can be made any more. */
void cgc_record_groups_sort(struct cgc_record_groups *g);
void cgc_record_groups_close(struct cgc_record_groups *g);

#endif
