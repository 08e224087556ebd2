/* SPDX-License-Identifier: MIT */
/*
 * t/bench/start.c - what a program costs that does nothing.
 *
 *   start N COMMAND...
 *
 * Runs each COMMAND N times, by turns, and prints a line for each: medians of
 * the wall time and the CPU time in microseconds and of the peak resident
 * memory in KiB.  A COMMAND is words between blanks; those with a = before the
 * program's name are its variables.
 */
#include "bench.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { NRUNS_MAX = 1000, NCOMMANDS_MAX = 16, NWORDS_MAX = 64 };

struct program {
  char *words[NWORDS_MAX]; /* what is executed */
  char *env[NWORDS_MAX];   /* its whole environment */
  double wall[NRUNS_MAX];
  double cpu[NRUNS_MAX];
  double rss[NRUNS_MAX];
};

static struct program programs[NCOMMANDS_MAX];

static void split(struct program *p, char *command) {
  static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  size_t nwords = 0;
  size_t nenv = 0;
  p->env[nenv++] = path;
  for (char *word = strtok(command, " "); word; word = strtok(NULL, " ")) {
    if (nwords == NWORDS_MAX - 1 || nenv == NWORDS_MAX - 1)
      bench_die("too many words");
    if (nwords == 0 && strchr(word, '='))
      p->env[nenv++] = word;
    else
      p->words[nwords++] = word;
  }
  if (nwords == 0)
    bench_die("no program");
}

static double microseconds(struct timeval t) {
  return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static void run(struct program *p, size_t i) {
  struct rusage usage;
  int status;
  pid_t pid;
  double start_ns = bench_wall_ns();
  errno = posix_spawnp(&pid, p->words[0], NULL, NULL, p->words, p->env);
  if (errno || wait4(pid, &status, 0, &usage) < 0)
    bench_die(p->words[0]);
  if (status != 0) {
    fprintf(stderr, "start: %s failed\n", p->words[0]);
    exit(1);
  }
  p->wall[i] = (bench_wall_ns() - start_ns) / 1e3;
  p->cpu[i] = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  p->rss[i] = (double)usage.ru_maxrss;
}

int main(int argc, char **argv) {
  size_t nruns = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  size_t n = argc > 2 ? (size_t)argc - 2 : 0;
  if (nruns < 1 || nruns > NRUNS_MAX || n < 1 || n > NCOMMANDS_MAX) {
    fprintf(stderr, "usage: start N COMMAND...\n");
    return 2;
  }
  for (size_t k = 0; k < n; k++) {
    split(&programs[k], argv[k + 2]);
    run(&programs[k], 0);
  }
  for (size_t i = 0; i < nruns; i++)
    for (size_t k = 0; k < n; k++)
      run(&programs[k], i);
  for (size_t k = 0; k < n; k++)
    printf("%.1f %.1f %.0f\n", bench_median(programs[k].wall, nruns),
           bench_median(programs[k].cpu, nruns),
           bench_median(programs[k].rss, nruns));
  return 0;
}
