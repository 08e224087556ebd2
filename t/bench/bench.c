/* SPDX-License-Identifier: MIT */
/*
 * t/bench/bench.c - clocks, medians and the answering of t/bench/turns.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double clock_ns(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t))
    bench_die("clock_gettime");
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_wall_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

double bench_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

int bench_serve(struct bench_result (*round)(void)) {
  char line[16];
  printf("ready\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    struct bench_result r = round();
    printf("%.3f %.3f %.3f\n", r.wall, r.cpu, r.count);
    fflush(stdout);
  }
  return 0;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

double bench_median(double *v, size_t n) {
  qsort(v, n, sizeof *v, by_value);
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double bench_scale(int argc, char **argv) {
  double scale = argc > 1 ? atof(argv[1]) : 1;
  if (!(scale > 0))
    bench_die("the scale has to be above 0");
  return scale;
}

size_t bench_rss_bytes(void) {
  unsigned long npages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%*u %lu", &npages) != 1)
    bench_die("/proc/self/statm");
  fclose(f);
  return npages * (size_t)sysconf(_SC_PAGESIZE);
}

void bench_die(const char *what) {
  perror(what);
  exit(1);
}
