/* SPDX-License-Identifier: MIT */
/*
 * tools/raw.h - the raw report, as the library writes it.
 *
 * Text, a record on each line, fields separated by blanks, strings with %XX
 * for what is no printable character; libcgc/look/report.h has the records.
 * The reader skips records that it doesn't know, so that library and tool may
 * be of different versions; but a record that it knows has to be whole, and
 * the last one is "end".
 *
 *   struct cgc_raw
 *    ├ modules   id → file, where it was mapped
 *    ├ stacks    id → frames, innermost first
 *    └ groups    of objects: class, stack, sizes
 */
#ifndef CGC_TOOLS_RAW_H
#define CGC_TOOLS_RAW_H

#include "store.h"

enum { CGC_RAW_EXAMPLES_MAX = 8 };

enum cgc_raw_class {
  CGC_RAW_LOST,
  CGC_RAW_STACK_ONLY,
  CGC_RAW_LOW_CONFIDENCE,
  CGC_RAW_REACHABLE,
  CGC_RAW_NCLASSES
};

struct cgc_raw_module {
  struct cgc_raw_module *next;
  uint64_t id;
  uint64_t base; /* where it was mapped: [base, end) */
  uint64_t end;
  uint64_t bias;        /* address - bias is the file's address */
  const char *build_id; /* in hex; "-": not known */
  const char *path;
  void *names; /* tools/stack's */
};

struct cgc_raw_frame {
  struct cgc_raw_module *module; /* NULL: in no file */
  uint64_t addr;                 /* the file's; without one the process's */
};

struct cgc_raw_stack {
  uint64_t id;
  size_t nframes;
  struct cgc_raw_frame *frames; /* innermost first */
  void *names;                  /* tools/stack's */
};

enum cgc_raw_holder_kind {
  CGC_RAW_HOLDER_NONE,
  CGC_RAW_HOLDER_DATA,    /* module, where */
  CGC_RAW_HOLDER_THREAD,  /* where: the thread's id */
  CGC_RAW_HOLDER_MAPPING, /* where: its address */
};

/* What keeps a reachable object. */
struct cgc_raw_holder {
  enum cgc_raw_holder_kind kind;
  struct cgc_raw_module *module;
  uint64_t where;
};

/* Heads of one class, allocated by one stack, kept by one holder, and what is
   reachable only through them. */
struct cgc_raw_group {
  enum cgc_raw_class class;
  struct cgc_raw_stack *stack; /* may have no frames, is never NULL */
  struct cgc_raw_holder holder;
  uint64_t objects;
  uint64_t bytes;
  uint64_t below_objects;
  uint64_t below_bytes;
  uint64_t new_objects; /* since the check before */
  uint64_t new_bytes;
  uint64_t examples[CGC_RAW_EXAMPLES_MAX];
  size_t nexamples;
};

/* Live bytes of a stack that rose over several checks. */
struct cgc_raw_growth {
  struct cgc_raw_stack *stack;
  uint64_t bytes;
  uint64_t objects;
  uint64_t checks;
};

/* A call that was made to fail. */
struct cgc_raw_fault {
  const char *kind;
  uint64_t number;
  struct cgc_raw_stack *stack;
};

/* How often the program called a function. */
struct cgc_raw_calls {
  const char *kind;
  uint64_t number;
};

struct cgc_raw_badfree {
  const char *kind; /* double, interior, wild */
  uint64_t addr;
  bool has_block;
  uint64_t block;
  uint64_t size;
  uint64_t offset;
  struct cgc_raw_stack *call;
  struct cgc_raw_stack *alloc;
  struct cgc_raw_stack *freed;
};

struct cgc_raw_total {
  uint64_t objects;
  uint64_t bytes;
};

struct cgc_raw {
  struct cgc_store *store;
  uint64_t pid;
  const char *program; /* "" when not known */
  const char *reason;  /* exit, signal:TERM, call, ... */
  uint64_t check;      /* 1, 2, ... */
  struct cgc_raw_module *modules;
  struct cgc_raw_group *groups;
  size_t ngroups;
  struct cgc_raw_growth *growths;
  size_t ngrowths;
  struct cgc_raw_fault *faults;
  size_t nfaults;
  struct cgc_raw_calls *calls;
  size_t ncalls;
  struct cgc_raw_badfree *badfrees;
  size_t nbadfrees;
  struct cgc_raw_total totals[CGC_RAW_NCLASSES];
};

/**
 * Read the raw report at PATH.
 * returns  it, or NULL after a line on stderr that says what is wrong with
 *          the file, and where
 */
struct cgc_raw *cgc_raw_read(const char *path);

void cgc_raw_close(struct cgc_raw *raw);

/** The word for a class, as it stands in the file: "lost". */
const char *cgc_raw_class_name(enum cgc_raw_class class);

#endif
