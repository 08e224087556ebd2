/* SPDX-License-Identifier: MIT */
/* Ten thousand threads that live for a moment: each allocates blocks of many
 * sizes, frees some, leaves some to the main thread and forgets none; what they
 * had is there for those that follow.
 */
#include "expect.h"

#include <pthread.h>

enum {
  THREADS = 10000,
  AT_A_TIME = 4,
  NBLOCKS = 64,
  SIZE_MAX_LOG = 12,
  GROWTH_MIB = 8
};

static long resident_kib(void) {
  char line[200];
  long kib = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, "VmRSS:", 6))
      kib = strtol(line + 6, NULL, 10);
  if (f)
    fclose(f);
  return kib;
}

/* Half of the blocks end in the thread, the others in who joins it. */
static void *live_for_a_moment(void *arg) {
  char *own[NBLOCKS];
  char **left = malloc(NBLOCKS * sizeof *left);
  for (size_t i = 0; i < NBLOCKS; i++) {
    size_t size = (size_t)1 << (i + (size_t)(uintptr_t)arg) % SIZE_MAX_LOG;
    own[i] = malloc(size);
    left[i] = malloc(size);
    own[i][size - 1] = left[i][size - 1] = (char)i;
  }
  for (size_t i = 0; i < NBLOCKS; i++)
    free(own[i]);
  return left;
}

static void end(pthread_t thread) {
  void *result;
  if (pthread_join(thread, &result))
    exit(2);
  char **left = result;
  for (size_t i = 0; i < NBLOCKS; i++)
    free(left[i]);
  free(left);
}

static void run_threads(size_t n) {
  for (size_t i = 0; i < n; i += AT_A_TIME) {
    pthread_t thread[AT_A_TIME];
    for (size_t k = 0; k < AT_A_TIME; k++)
      if (pthread_create(&thread[k], NULL, live_for_a_moment,
                         (void *)(uintptr_t)(i + k)))
        exit(2);
    for (size_t k = 0; k < AT_A_TIME; k++)
      end(thread[k]);
  }
}

int main(void) {
  size_t n = part_of(THREADS);
  run_threads(n / 10);
  long before = resident_kib();
  run_threads(n - n / 10);
  EXPECT(resident_kib() - before < GROWTH_MIB * 1024);
  return expect_verdict();
}
