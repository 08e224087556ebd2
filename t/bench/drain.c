/* SPDX-License-Identifier: MIT */
/*
 * t/bench/drain.c - marking alone: one heap of one shape, made and marked in
 * this process, linked with the modules themselves.
 *
 *   drain SHAPE MIB [MARKERS [ROUNDS]]
 *
 * The shapes are those of t/bench/mark.c; "thorough" before one (as in
 * "thorough-list") turns on what the malloc library does.  A line for each
 * round: milliseconds to prepare the mark bits, to mark, and of CPU time for
 * that.  For callgrind:
 * --toggle-collect=cgc_workers_finish.
 */
#include "base/option.h"
#include "bench.h"
#include "heap/cache.h"
#include "mark/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NODE_BYTES = 48, NLINKS = 4, NCHAINS = 1000, BUFFER_BYTES = 4096 };

struct node {
  struct node *link[NLINKS];
  size_t number;
  size_t unused;
};

static struct cgc_heap heap;
static struct cgc_cache cache;
static uint64_t seed = 42;
static size_t nobj;

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
  nobj++;
  if (size > CGC_SMALL_MAX)
    return make_large(size);
  void *obj = cgc_cache_pop(&cache.bin[CGC_KIND_SCAN][class], &stale);
  if (!obj && cgc_cache_refill(&cache, CGC_KIND_SCAN, class))
    obj = cgc_cache_pop(&cache.bin[CGC_KIND_SCAN][class], &stale);
  if (!obj)
    bench_die("no memory");
  return obj;
}

static struct node *make_node(void) {
  struct node *node = make(sizeof *node);
  for (size_t i = 0; i < NLINKS; i++)
    node->link[i] = (struct node *)(bench_random(&seed) & 0xffff);
  node->number = nobj;
  return node;
}

static void *build_list(size_t n) {
  struct node *first = make_node(), *last = first;
  while (nobj < n)
    last = last->link[0] = make_node();
  last->link[0] = NULL;
  return first;
}

static struct node *build_tree(size_t n) {
  struct node *node = make_node();
  size_t nleft = (n - 1) / 2;
  size_t nright = n - 1 - nleft;
  node->link[0] = nleft ? build_tree(nleft) : NULL;
  node->link[1] = nright ? build_tree(nright) : NULL;
  return node;
}

static struct node **shuffled_nodes(size_t n) {
  struct node **nodes = malloc(n * sizeof *nodes);
  if (!nodes)
    bench_die("malloc");
  for (size_t i = 0; i < n; i++)
    nodes[i] = make_node();
  for (size_t i = n; i > 1; i--) {
    size_t k = bench_below(&seed, i);
    struct node *node = nodes[k];
    nodes[k] = nodes[i - 1];
    nodes[i - 1] = node;
  }
  return nodes;
}

static void *build_chains(size_t n) {
  struct node **nodes = shuffled_nodes(n);
  struct node **heads = make(NCHAINS * sizeof *heads);
  size_t length = n / NCHAINS;
  for (size_t i = 0; i < n; i++)
    nodes[i]->link[0] = (i + 1) % length && i + 1 < n ? nodes[i + 1] : NULL;
  for (size_t i = 0; i < NCHAINS; i++)
    heads[i] = nodes[i * length];
  free(nodes);
  return heads;
}

static void *build_random(size_t n) {
  struct node **nodes = shuffled_nodes(n);
  for (size_t i = 0; i < n; i++) {
    nodes[i]->link[0] = nodes[(i + 1) % n];
    for (size_t k = 1; k < NLINKS; k++)
      nodes[i]->link[k] = nodes[bench_below(&seed, n)];
  }
  void *root = nodes[0];
  free(nodes);
  return root;
}

static void *random_words(size_t size_bytes) {
  uint64_t *words = make(size_bytes);
  for (size_t i = 0; i < size_bytes / sizeof *words; i++)
    words[i] = bench_random(&seed);
  return words;
}

static void *build_buffers(size_t n) {
  void **buffers = make(n * sizeof *buffers);
  for (size_t i = 0; i < n; i++)
    buffers[i] = random_words(BUFFER_BYTES);
  return buffers;
}

static void *build(const char *shape, size_t bytes) {
  size_t nnodes = bytes / NODE_BYTES;
  if (strcmp(shape, "list") == 0)
    return build_list(nnodes);
  if (strcmp(shape, "chains") == 0)
    return build_chains(nnodes);
  if (strcmp(shape, "random") == 0)
    return build_random(nnodes);
  if (strcmp(shape, "tree") == 0)
    return build_tree(nnodes);
  if (strcmp(shape, "buffers") == 0)
    return build_buffers(bytes / BUFFER_BYTES);
  if (strcmp(shape, "block") == 0)
    return random_words(bytes);
  bench_die(shape);
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
  if (m->marked_objects + NCHAINS < nobj)
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
  void *root = build(shape, bytes);
  cgc_cache_flush(&cache);
  while (rounds-- > 0)
    mark_once(&workers, root);
  return 0;
}
