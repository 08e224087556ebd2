/* SPDX-License-Identifier: MIT */
#include "shapes.h"

#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
  NODE_BYTES = 40, /* asked for */
  SLOT_BYTES = 48, /* taken */
  NLINKS = 4,
  BUFFER_BYTES = 4096 - 16,
};

struct node {
  struct node *link[NLINKS];
  size_t number;
};

_Static_assert(sizeof(struct node) == NODE_BYTES, "node");

size_t shapes_nobj;
static void *(*maker)(size_t size);
static uint64_t seed = 42;

static void *make(size_t size) {
  shapes_nobj++;
  return maker(size);
}

/* A node whose words look like a program's small numbers. */
static struct node *make_node(void) {
  struct node *node = make(sizeof *node);
  for (size_t i = 0; i < NLINKS; i++)
    node->link[i] = (struct node *)(bench_random(&seed) & 0xffff);
  node->number = shapes_nobj;
  return node;
}

static void *build_list(size_t n) {
  struct node *first = make_node(), *last = first;
  while (shapes_nobj < n)
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

static void *build_chains(size_t n) {
  struct node **nodes = shuffled_nodes(n);
  struct node **heads = make(SHAPES_NCHAINS * sizeof *heads);
  size_t length = n / SHAPES_NCHAINS;
  for (size_t i = 0; i < n; i++)
    nodes[i]->link[0] = (i + 1) % length && i + 1 < n ? nodes[i + 1] : NULL;
  for (size_t i = 0; i < SHAPES_NCHAINS; i++)
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

/* One array that points to all other nodes. */
static void *build_array(size_t n) {
  struct node **array = make(n * sizeof *array);
  for (size_t i = 0; i < n; i++)
    array[i] = make_node();
  return array;
}

static uint64_t *random_words(size_t size_bytes) {
  uint64_t *words = make(size_bytes);
  for (size_t i = 0; i < size_bytes / sizeof *words; i++)
    words[i] = bench_random(&seed);
  return words;
}

static void *build_buffers(size_t n) {
  uint64_t **buffers = make(n * sizeof *buffers);
  for (size_t i = 0; i < n; i++)
    buffers[i] = random_words(BUFFER_BYTES);
  return buffers;
}

void *shapes_build(const char *shape, size_t bytes,
                   void *(*make_object)(size_t size)) {
  size_t nnodes = bytes / SLOT_BYTES;
  maker = make_object;
  if (strcmp(shape, "list") == 0)
    return build_list(nnodes);
  if (strcmp(shape, "chains") == 0)
    return build_chains(nnodes);
  if (strcmp(shape, "random") == 0)
    return build_random(nnodes);
  if (strcmp(shape, "tree") == 0)
    return build_tree(nnodes);
  if (strcmp(shape, "array") == 0)
    return build_array(nnodes);
  if (strcmp(shape, "buffers") == 0)
    return build_buffers(bytes / (BUFFER_BYTES + 16));
  if (strcmp(shape, "block") == 0)
    return random_words(bytes);
  bench_die(shape);
}
