/* SPDX-License-Identifier: MIT */
/*
 * A program that changes its heap all the time, in four threads: blocks of all
 * sizes come and go, large ones grow and shrink.  "ready", then until it is
 * killed.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, BLOCKS = 64 };

static uint64_t next(uint64_t *state) {
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return *state >> 33;
}

static size_t any_size(uint64_t *state) {
  return next(state) % 4 ? next(state) % 2000 : next(state) % 3000000;
}

static _Noreturn void *churn(void *arg) {
  uint64_t state = (uintptr_t)arg;
  void *block[BLOCKS] = {NULL};
  for (;;) {
    void **b = &block[next(&state) % BLOCKS];
    if (next(&state) % 2) {
      *b = realloc(*b, any_size(&state) + 1);
    } else {
      free(*b);
      *b = NULL;
    }
  }
}

int main(void) {
  pthread_t thread;
  setvbuf(stdout, NULL, _IONBF, 0);
  for (uintptr_t i = 1; i <= THREADS; i++)
    pthread_create(&thread, NULL, churn, (void *)i);
  puts("ready");
  pause();
  return 0;
}
