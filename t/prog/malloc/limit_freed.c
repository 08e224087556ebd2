/* SPDX-License-Identifier: MIT */
/* Under a limit of the address space what was freed is room for the program's
 * own mappings and for threads, whether the limit is inherited or set late.
 */
#include "expect.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { MIB = 1 << 20, LIMIT_MIB = 300, FILL_MIB = 220, NTHREADS = 4 };

static void limit(void) {
  struct rlimit l = {LIMIT_MIB * (rlim_t)MIB, LIMIT_MIB * (rlim_t)MIB};
  if (setrlimit(RLIMIT_AS, &l))
    perror("setrlimit"), _exit(2);
}

/* Blocks of SIZE, all of them touched and then freed. */
static void fill_and_free(size_t size) {
  size_t n = FILL_MIB * (size_t)MIB / size;
  char **blocks = malloc(n * sizeof *blocks);
  for (size_t i = 0; EXPECT(blocks) && i < n; i++)
    if (EXPECT(blocks[i] = malloc(size)))
      memset(blocks[i], 0xdb, size);
  for (size_t i = 0; blocks && i < n; i++)
    free(blocks[i]);
  free(blocks);
}

static void map_and_unmap(void) {
  size_t size = FILL_MIB / 2 * (size_t)MIB;
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (EXPECT(p != MAP_FAILED))
    munmap(p, size);
}

static void *thread(void *arg) { return arg; }

/* Each has a stack of 8 MiB. */
static void make_threads(void) {
  pthread_attr_t attr;
  pthread_t t[NTHREADS];
  int nmade = 0;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 8 * MIB);
  while (nmade < NTHREADS &&
         EXPECT(!pthread_create(&t[nmade], &attr, thread, NULL)))
    nmade++;
  while (nmade > 0)
    pthread_join(t[--nmade], NULL);
}

int main(int argc, char **argv) {
  static const size_t sizes[] = {2000, 30000, 200000, 10 * MIB};
  if (argc > 1) { /* once more, with the limit from the start */
    limit();
    execl(argv[0], argv[0], NULL);
    perror("execl"), _exit(2);
  }
  fill_and_free(2000);
  limit();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    fill_and_free(sizes[i]);
    map_and_unmap();
    make_threads();
  }
  return expect_verdict();
}
