/* SPDX-License-Identifier: MIT */
/*
 * t/bench/drain.c - marking alone: one heap of one shape, made and marked in
 * this process, linked with the modules themselves.
 *
 *   drain SHAPE MIB [MARKERS [ROUNDS]]
 *
 * The shapes are those of t/bench/shapes.h; "thorough" before one (as in
 * "thorough-list") turns on what the malloc library does.  A line for each
 * round: milliseconds to prepare the mark bits, to mark, and of CPU time for
 * that.  For callgrind:
 * --toggle-collect=cgc_workers_finish.
 */
#include "base/option.h"
#include "bench.h"
#include "heap/cache.h"
#include "mark/worker.h"
#include "shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cgc_heap heap;
static struct cgc_cache cache;

static void *make_large(size_t size) {
  bool zeroed;
  struct cgc_span *span =
      cgc_heap_new_large(&heap, size, 1, CGC_KIND_SCAN, &zeroed);
  if (!span)
    bench_die("no memory");
  return (void *)span->base;
}

static void *make(size_t size) {
  bool stale;
  unsigned class = cgc_sizeclass_of(size);
  if (size > CGC_SMALL_MAX)
    return make_large(size);
  void *obj = cgc_cache_pop(&cache.bin[CGC_KIND_SCAN][class], &stale);
  if (!obj && cgc_cache_refill(&cache, CGC_KIND_SCAN, class, false))
    obj = cgc_cache_pop(&cache.bin[CGC_KIND_SCAN][class], &stale);
  if (!obj)
    bench_die("no memory");
  return obj;
}

static void mark_once(struct cgc_workers *workers, void *root) {
  double began = bench_wall_ns();
  cgc_heap_prepare_marks(&heap);
  double prepared = bench_wall_ns(), cpu = bench_cpu_ns();
  struct cgc_marker *m =
      cgc_workers_open(workers, &heap, cgc_heap_in_use(&heap));
  cgc_marker_mark_word(m, (uintptr_t)root);
  cgc_workers_finish(workers);
  double marked = bench_wall_ns();
  if (m->marked_objects + SHAPES_NCHAINS < shapes_nobj)
    bench_die("objects are lost");
  printf("%8.2f %8.2f %8.2f\n", (prepared - began) / 1e6,
         (marked - prepared) / 1e6, (bench_cpu_ns() - cpu) / 1e6);
}

int main(int argc, char **argv) {
  static struct cgc_workers workers;
  if (argc < 3) {
    fprintf(stderr, "usage: drain SHAPE MIB [MARKERS [ROUNDS]]\n");
    return 2;
  }
  const char *shape = argv[1];
  if (strncmp(shape, "thorough-", 9) == 0) {
    cgc_options.packed = cgc_options.relative = 1;
    shape += 9;
  }
  size_t bytes = strtoul(argv[2], NULL, 10) << 20;
  int rounds = argc > 4 ? atoi(argv[4]) : 7;
  cgc_option_read(environ);
  cgc_sizeclass_init();
  if (!cgc_heap_init(&heap, 4 * bytes + 64 * CGC_MIB, 0) ||
      !cgc_workers_init(&workers, argc > 3 ? (unsigned)atoi(argv[3]) : 1))
    bench_die("no memory");
  cgc_cache_init(&cache, &heap);
  void *root = shapes_build(shape, bytes, make);
  cgc_cache_flush(&cache);
  while (rounds-- > 0)
    mark_once(&workers, root);
  return 0;
}
