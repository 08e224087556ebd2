/* SPDX-License-Identifier: MIT */
/*
 * t/bench/bench.h - what the benchmarks share: clocks, random numbers, the
 * median, and the answering of t/bench/turns.
 *
 * A program that turns runs prepares itself and calls bench_serve with the
 * function that does one round.  Each line on standard input asks for a round;
 * its answer is a line "WALL CPU COUNT".  So several programs can be measured
 * by turns, each with the heap that it built once.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Exit status of a program that can't measure what it was asked for. */
enum { BENCH_SKIPPED = 77 };

struct bench_result {
  double wall;  /* ns by the clock on the wall, for the unit of the benchmark */
  double cpu;   /* ns of all threads, user and system, for the same unit */
  double count; /* whatever else the benchmark counts */
};

/* The clocks, in nanoseconds: the wall's and the process's. */
double bench_wall_ns(void);
double bench_cpu_ns(void);

/* Prepare for a round, and answer each request for one, until input ends. */
int bench_serve(struct bench_result (*round)(void));

/* Sort the N values at V and return the one in the middle. */
double bench_median(double *v, size_t n);

/* The program's first argument as a factor for its work; 1 without one. */
double bench_scale(int argc, char **argv);

/* Resident memory of this process, in bytes. */
size_t bench_rss_bytes(void);

/* Say WHAT went wrong and exit with status 1. */
_Noreturn void bench_die(const char *what);

/* The next random number of STATE (splitmix64); any seed will do. */
static inline uint64_t bench_random(uint64_t *state) {
  uint64_t x = *state += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/* A random number below N, for N below 2^32. */
static inline size_t bench_below(uint64_t *state, size_t n) {
  return (size_t)((bench_random(state) >> 32) * n >> 32);
}

#endif
