/* SPDX-License-Identifier: MIT */
/*
 * t/bench/mark.c - the time of a full collection of a heap of one shape.
 *
 *   mark LIBRARY MARKERS SHAPE MIB       for t/bench/turns
 *
 * The heap holds MIB mebibytes of live objects.  Nodes ask for 40 bytes and
 * stand in slots of 48 in either collector, which both add a byte to each
 * request; a node's words that are not links hold small numbers.
 *
 *   list     one list, in the order of allocation
 *   chains   1000 lists of equal length through all nodes, shuffled
 *   random   each node has 4 links: one leads round a cycle through all
 *            nodes, shuffled, so that all are alive; three lead anywhere
 *   tree     one balanced binary tree, allocated in pre-order
 *   buffers  4 KiB of random words each, held by one array
 *   block    one object full of random words
 *
 * A round is one full collection; WALL and CPU are its nanoseconds, COUNT the
 * number of objects.  Nothing dies.
 */
#include "bench.h"
#include "collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  NODE_BYTES = 40, /* asked for */
  SLOT_BYTES = 48, /* taken */
  NLINKS = 4,
  NCHAINS = 1000,
  BUFFER_BYTES = 4096 - 16,
};

struct node {
  struct node *link[NLINKS];
  size_t number;
};

_Static_assert(sizeof(struct node) == NODE_BYTES, "node");

static void *volatile root; /* nobody reads it but the collector */
static size_t nobj;
static uint64_t seed = 42;

static void *make(size_t size) {
  void *obj = collector.malloc(size);
  if (!obj)
    bench_die("GC_malloc");
  nobj++;
  return obj;
}

/* A node whose words look like a program's small numbers. */
static struct node *make_node(void) {
  struct node *node = make(sizeof *node);
  for (size_t i = 0; i < NLINKS; i++)
    node->link[i] = (struct node *)(bench_random(&seed) & 0xffff);
  node->number = nobj;
  return node;
}

static void build_list(size_t n) {
  struct node *last = make_node();
  root = last;
  while (nobj < n)
    last = last->link[0] = make_node();
  last->link[0] = NULL;
}

static struct node *build_tree(size_t n) {
  struct node *node = make_node();
  size_t nleft = (n - 1) / 2;
  size_t nright = n - 1 - nleft;
  node->link[0] = nleft ? build_tree(nleft) : NULL;
  node->link[1] = nright ? build_tree(nright) : NULL;
  return node;
}

/* N nodes in random order, in memory that no collector looks at. */
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

static void build_chains(size_t n) {
  struct node **nodes = shuffled_nodes(n);
  struct node **heads = make(NCHAINS * sizeof *heads);
  size_t length = n / NCHAINS;
  for (size_t i = 0; i < n; i++)
    nodes[i]->link[0] = (i + 1) % length && i + 1 < n ? nodes[i + 1] : NULL;
  for (size_t i = 0; i < NCHAINS; i++)
    heads[i] = nodes[i * length];
  root = heads;
  free(nodes);
}

static void build_random(size_t n) {
  struct node **nodes = shuffled_nodes(n);
  for (size_t i = 0; i < n; i++) {
    nodes[i]->link[0] = nodes[(i + 1) % n];
    for (size_t k = 1; k < NLINKS; k++)
      nodes[i]->link[k] = nodes[bench_below(&seed, n)];
  }
  root = nodes[0];
  free(nodes);
}

static uint64_t *random_words(size_t size_bytes) {
  uint64_t *words = make(size_bytes);
  for (size_t i = 0; i < size_bytes / sizeof *words; i++)
    words[i] = bench_random(&seed);
  return words;
}

static void build_buffers(size_t n) {
  uint64_t **buffers = make(n * sizeof *buffers);
  root = buffers;
  for (size_t i = 0; i < n; i++)
    buffers[i] = random_words(BUFFER_BYTES);
}

static void build(const char *shape, size_t bytes) {
  size_t nnodes = bytes / SLOT_BYTES;
  if (strcmp(shape, "list") == 0)
    build_list(nnodes);
  else if (strcmp(shape, "chains") == 0)
    build_chains(nnodes);
  else if (strcmp(shape, "random") == 0)
    build_random(nnodes);
  else if (strcmp(shape, "tree") == 0)
    root = build_tree(nnodes);
  else if (strcmp(shape, "buffers") == 0)
    build_buffers(bytes / (BUFFER_BYTES + 16));
  else if (strcmp(shape, "block") == 0)
    root = random_words(bytes);
  else
    bench_die(shape);
}

static struct bench_result collect(void) {
  double wall = bench_wall_ns();
  double cpu = bench_cpu_ns();
  collector.collect();
  return (struct bench_result){bench_wall_ns() - wall, bench_cpu_ns() - cpu,
                               (double)nobj};
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: mark LIBRARY MARKERS SHAPE MIB\n");
    return 2;
  }
  collector_load(argv[1], atoi(argv[2]));
  collector.disable();
  build(argv[3], strtoul(argv[4], NULL, 10) << 20);
  collector.enable();
  return bench_serve(collect);
}
