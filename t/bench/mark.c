/* SPDX-License-Identifier: MIT */
/*
 * t/bench/mark.c - the time of a full collection of a heap of one shape.
 *
 *   mark LIBRARY MARKERS SHAPE MIB       for t/bench/turns
 *
 * The heap holds MIB mebibytes of live objects of a shape of t/bench/shapes.h,
 * in slots of the same size in either collector: both add a byte to each
 * request.
 *
 * A round is one full collection; WALL and CPU are its nanoseconds, COUNT the
 * number of objects.  Nothing dies.
 */
#include "bench.h"
#include "collector.h"
#include "shapes.h"

#include <stdio.h>
#include <stdlib.h>

static void *volatile root; /* nobody reads it but the collector */

static void *make(size_t size) {
  void *obj = collector.malloc(size);
  if (!obj)
    bench_die("GC_malloc");
  return obj;
}

static struct bench_result collect(void) {
  double wall = bench_wall_ns();
  double cpu = bench_cpu_ns();
  collector.collect();
  return (struct bench_result){bench_wall_ns() - wall, bench_cpu_ns() - cpu,
                               (double)shapes_nobj};
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: mark LIBRARY MARKERS SHAPE MIB\n");
    return 2;
  }
  collector_load(argv[1], atoi(argv[2]));
  collector.disable();
  root = shapes_build(argv[3], strtoul(argv[4], NULL, 10) << 20, make);
  collector.enable();
  return bench_serve(collect);
}
