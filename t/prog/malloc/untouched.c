/* SPDX-License-Identifier: MIT */
/* A large block that the program never touches stays non-resident: from malloc,
 * calloc, aligned, realloc'ed; and a freed one doesn't stay for long.
 */
#include "expect.h"

enum { NBLOCKS = 16, BLOCK_MIB = 64 };

static long resident_mib(void) {
  char line[200];
  long kib = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, "VmRSS:", 6))
      kib = strtol(line + 6, NULL, 10);
  if (f)
    fclose(f);
  return kib / 1024;
}

static void *allocate(int how) {
  size_t size = (size_t)BLOCK_MIB << 20;
  switch (how) {
  case 0:
    return malloc(size);
  case 1:
    return calloc(size / 16, 16);
  case 2:
    return aligned_alloc(1 << 16, size);
  default:
    return realloc(malloc(1000), size);
  }
}

int main(void) {
  char *blocks[NBLOCKS];
  long before = resident_mib();
  for (int i = 0; i < NBLOCKS; i++) {
    blocks[i] = allocate(i % 4);
    EXPECT(blocks[i] != NULL);
    blocks[i][100] = 1;
  }
  for (int i = 0; i < 300000; i++) /* with collections between */
    if (!opaque_pointer(malloc(200)))
      return 2;
  EXPECT(resident_mib() - before < 200);
  for (int i = 0; i < NBLOCKS; i++)
    free(blocks[i]);
  return expect_verdict();
}
