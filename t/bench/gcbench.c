/* SPDX-License-Identifier: MIT */
/*
 * t/bench/gcbench.c - whole programs for a collector: trees that come and go.
 *
 *   gcbench LIBRARY MARKERS PROGRAM      for t/bench/turns
 *
 *   gcbench  the idea of Ellis, Kovac and Boehm: beside a long-lived tree and
 *            a long-lived array of numbers, trees of all depths are made and
 *            forgotten, from the root down and from the leaves up
 *   trees    binary-trees: trees of growing depth, counted and forgotten,
 *            beside one that lives on
 *
 * A round is the whole program; COUNT is the number of collections.
 */
#include "bench.h"
#include "collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  STRETCH_DEPTH = 18,
  LIVED_DEPTH = 16,
  NNUMBERS = 500000,
  DEPTH_MIN = 4,
  DEPTH_MAX = 16,
};

struct tree {
  struct tree *left;
  struct tree *right;
  int i, j; /* room for a client's own data */
};

static struct tree *volatile lived;
static double *volatile numbers;
static void (*program)(void);

static struct tree *make(struct tree *left, struct tree *right) {
  struct tree *tree = collector.malloc(sizeof *tree);
  if (!tree)
    bench_die("GC_malloc");
  tree->left = left;
  tree->right = right;
  return tree;
}

static struct tree *bottom_up(int depth) {
  if (depth == 0)
    return make(NULL, NULL);
  struct tree *left = bottom_up(depth - 1);
  return make(left, bottom_up(depth - 1));
}

static void top_down(struct tree *tree, int depth) {
  if (depth == 0)
    return;
  tree->left = make(NULL, NULL);
  tree->right = make(NULL, NULL);
  top_down(tree->left, depth - 1);
  top_down(tree->right, depth - 1);
}

static size_t count(const struct tree *tree) {
  return tree->left ? 1 + count(tree->left) + count(tree->right) : 1;
}

static size_t nodes_of(int depth) { return ((size_t)2 << depth) - 1; }

static void expect(const struct tree *tree, int depth) {
  if (count(tree) != nodes_of(depth))
    bench_die("a tree has lost nodes");
}

/* As many trees of a depth as make twice the nodes of the stretch tree. */
static void gcbench_depth(int depth) {
  size_t n = 2 * nodes_of(STRETCH_DEPTH) / nodes_of(depth);
  for (size_t i = 0; i < n; i++) {
    struct tree *tree = make(NULL, NULL);
    top_down(tree, depth);
  }
  for (size_t i = 0; i < n; i++)
    bottom_up(depth);
}

static void gcbench(void) {
  expect(bottom_up(STRETCH_DEPTH), STRETCH_DEPTH);
  lived = make(NULL, NULL);
  top_down(lived, LIVED_DEPTH);
  numbers = collector.malloc_noscan(NNUMBERS * sizeof *numbers);
  for (size_t i = 0; i < NNUMBERS / 2; i++)
    numbers[i] = 1.0 / (double)(i + 1);
  for (int depth = DEPTH_MIN; depth <= DEPTH_MAX; depth += 2)
    gcbench_depth(depth);
  expect(lived, LIVED_DEPTH);
  if (numbers[1000] != 1.0 / 1001)
    bench_die("the numbers have changed");
}

static void trees(void) {
  expect(bottom_up(DEPTH_MAX + 1), DEPTH_MAX + 1);
  lived = bottom_up(DEPTH_MAX);
  for (int depth = DEPTH_MIN; depth <= DEPTH_MAX; depth += 2)
    for (int i = 1 << (DEPTH_MAX - depth + DEPTH_MIN); i > 0; i--)
      expect(bottom_up(depth), depth);
  expect(lived, DEPTH_MAX);
}

static struct bench_result run(void) {
  unsigned long ncollections = collector_collections();
  double wall = bench_wall_ns();
  double cpu = bench_cpu_ns();
  program();
  return (struct bench_result){
      bench_wall_ns() - wall, bench_cpu_ns() - cpu,
      (double)(collector_collections() - ncollections)};
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[3], "gcbench") == 0)
    program = gcbench;
  else if (argc == 4 && strcmp(argv[3], "trees") == 0)
    program = trees;
  if (!program) {
    fprintf(stderr, "usage: gcbench LIBRARY MARKERS gcbench|trees\n");
    return 2;
  }
  collector_load(argv[1], atoi(argv[2]));
  return bench_serve(run);
}
