/* SPDX-License-Identifier: MIT */
/*
 * t/bench/turns.c - measure several programs by turns.
 *
 *   turns ROUNDS COMMAND...
 *
 * Starts each COMMAND (by the shell), waits until it has built what it
 * measures, then asks one after the other for a round, ROUNDS times, after one
 * round that does not count.  What disturbs the machine for a while disturbs
 * all of them alike.  Prints a line of medians "WALL CPU COUNT" for each
 * command, "- - -" for one that exits with BENCH_SKIPPED, and fails for one
 * that ends in any other way.
 */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 1000, NCOMMANDS_MAX = 16 };

struct program {
  const char *command;
  pid_t pid;
  FILE *to;   /* our requests */
  FILE *from; /* its answers */
  int skipped;
  double wall[ROUNDS_MAX];
  double cpu[ROUNDS_MAX];
  double count[ROUNDS_MAX];
};

static void start(struct program *p) {
  int to[2];
  int from[2];
  if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
    bench_die("pipe2");
  p->pid = fork();
  if (p->pid < 0)
    bench_die("fork");
  if (p->pid == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", p->command, (char *)NULL);
    bench_die("/bin/sh");
  }
  close(to[0]);
  close(from[1]);
  p->to = fdopen(to[1], "w");
  p->from = fdopen(from[0], "r");
  if (!p->to || !p->from)
    bench_die("fdopen");
}

/* The program ended before it should: skip it, or give up. */
static void ended(struct program *p) {
  int status;
  if (waitpid(p->pid, &status, 0) < 0)
    bench_die("waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != BENCH_SKIPPED) {
    fprintf(stderr, "turns: \"%s\" failed\n", p->command);
    exit(1);
  }
  p->skipped = 1;
}

static void wait_ready(struct program *p) {
  char line[16];
  if (!fgets(line, sizeof line, p->from) || strcmp(line, "ready\n") != 0)
    ended(p);
}

static void one_round(struct program *p, size_t i) {
  if (p->skipped)
    return;
  fputc('\n', p->to);
  fflush(p->to);
  if (fscanf(p->from, "%lf %lf %lf", &p->wall[i], &p->cpu[i], &p->count[i]) !=
      3)
    ended(p);
}

static void report(struct program *p, size_t nrounds) {
  if (p->skipped) {
    printf("- - -\n");
    return;
  }
  fclose(p->to);
  waitpid(p->pid, NULL, 0);
  printf("%.3f %.3f %.3f\n", bench_median(p->wall, nrounds),
         bench_median(p->cpu, nrounds), bench_median(p->count, nrounds));
}

int main(int argc, char **argv) {
  static struct program programs[NCOMMANDS_MAX];
  size_t nrounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  size_t n = argc > 2 ? (size_t)argc - 2 : 0;
  if (nrounds < 1 || nrounds >= ROUNDS_MAX || n < 1 || n > NCOMMANDS_MAX) {
    fprintf(stderr, "usage: turns ROUNDS COMMAND...\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < n; i++) {
    programs[i].command = argv[i + 2];
    start(&programs[i]);
    wait_ready(&programs[i]);
  }
  for (size_t i = 0; i < n; i++)
    one_round(&programs[i], 0);
  for (size_t k = 0; k < nrounds; k++)
    for (size_t i = 0; i < n; i++)
      one_round(&programs[i], k);
  for (size_t i = 0; i < n; i++)
    report(&programs[i], nrounds);
  return 0;
}
