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
 * KiB that the process's peak has grown by since the heap was built: memory
 * that marking takes.  Nothing dies.
 */
#include "bench.h"
#include "collector.h"
#include "shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static void *volatile root; /* nobody reads it but the collector */
static double built_kib;

static void *make(size_t size) {
  void *obj = collector.malloc(size);
  if (!obj)
    bench_die("GC_malloc");
  return obj;
}

static double peak_kib(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss;
}

static struct bench_result collect(void) {
  double wall = bench_wall_ns();
  double cpu = bench_cpu_ns();
  collector.collect();
  return (struct bench_result){bench_wall_ns() - wall, bench_cpu_ns() - cpu,
                               peak_kib() - built_kib};
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
  built_kib = peak_kib();
  return bench_serve(collect);
}
