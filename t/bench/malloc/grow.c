/* SPDX-License-Identifier: MIT */
/*
 * grow - realloc: 64 texts that grow by 1 to 64 bytes to 16 KiB, 8 vectors that
 * grow by half to 4 MiB, side by side, and one file image that grows by 64 KiB
 * to 64 MiB.
 */
#include "pattern.h"

enum {
  NTEXTS = 64,
  TEXT_BYTES = 16 << 10,
  NVECTORS = 8,
  VECTOR_BYTES = 4 << 20,
  IMAGE_STEP = 64 << 10,
  IMAGE_BYTES = 64 << 20,
  NROUNDS = 20,
};

static char *resize(char *block, size_t old, size_t size) {
  block = realloc(block, size);
  if (!block)
    bench_die("realloc");
  for (size_t at = old; at < size; at += PATTERN_PAGE)
    block[at] = 1;
  block[size - 1] = 1;
  return block;
}

static void texts(uint64_t *seed) {
  char *text[NTEXTS] = {NULL};
  size_t size[NTEXTS] = {0};
  for (size_t ndone = 0; ndone < NTEXTS;) {
    size_t i = bench_below(seed, NTEXTS);
    if (size[i] >= TEXT_BYTES)
      continue;
    size_t more = 1 + bench_below(seed, 64);
    text[i] = resize(text[i], size[i], size[i] + more);
    size[i] += more;
    ndone += size[i] >= TEXT_BYTES;
  }
  for (size_t i = 0; i < NTEXTS; i++)
    free(text[i]);
}

static void vectors(void) {
  char *vector[NVECTORS] = {NULL};
  size_t old = 0;
  for (size_t size = 64; size < VECTOR_BYTES; old = size, size += size / 2)
    for (size_t i = 0; i < NVECTORS; i++)
      vector[i] = resize(vector[i], old, size);
  for (size_t i = 0; i < NVECTORS; i++)
    free(vector[i]);
}

static void image(void) {
  char *bytes = NULL;
  for (size_t size = IMAGE_STEP; size <= IMAGE_BYTES; size += IMAGE_STEP)
    bytes = resize(bytes, size - IMAGE_STEP, size);
  free(bytes);
}

int main(int argc, char **argv) {
  size_t nrounds = (size_t)(NROUNDS * bench_scale(argc, argv));
  uint64_t seed = 1;
  for (size_t i = 0; i < nrounds; i++) {
    texts(&seed);
    vectors();
    if (i % 4 == 0)
      image();
  }
  return 0;
}
