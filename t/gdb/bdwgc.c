/* SPDX-License-Identifier: MIT */
/*
 * A program for <gc.h>, to be collected by calls from gdb: a list that is kept,
 * and as much that is not.  It prints how long the list still is at the end.
 */
#include <gc.h>
#include <stdio.h>

enum { CELLS = 1000 };

struct cell {
  struct cell *next;
  size_t rest[7];
};

static struct cell *list;

static void __attribute__((noinline)) in_user_code(void) {
  __asm__ volatile("# in_user_code");
}

static void make(void) {
  for (int i = 0; i < CELLS; i++) {
    struct cell *cell = GC_MALLOC(sizeof *cell);
    cell->next = list;
    list = cell;
    GC_MALLOC(sizeof *cell);
  }
}

static size_t length(void) {
  size_t n = 0;
  for (const struct cell *cell = list; cell; cell = cell->next)
    n++;
  return n;
}

int main(void) {
  GC_INIT();
  make();
  in_user_code();
  make();
  GC_disable();
  in_user_code();
  printf("cells %zu collections %lu\n", length(),
         (unsigned long)GC_get_gc_no());
  return 0;
}
