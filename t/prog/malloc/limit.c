/* SPDX-License-Identifier: MIT */
/* Under RLIMIT_AS malloc answers NULL and ENOMEM, the process lives, and after
 * frees memory is there again; also for small blocks, calloc and realloc.  What
 * the program maps itself, and its threads, find room beside the heap.
 */
#include "expect.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { LIMIT_MIB = 400 };

/* Return how many blocks of SIZE there were, in a list through them. */
static size_t exhaust(size_t size, void ***list) {
  size_t n = 0;
  for (;; n++) {
    errno = 0;
    void **p = malloc(size);
    if (!p)
      return n;
    *p = *list;
    *list = p;
  }
}

static void give_back(void **list) {
  while (list) {
    void **next = *list;
    free(list);
    list = next;
  }
}

static void *nothing(void *arg) { return arg; }

static void have_others(void) {
  size_t bytes = (size_t)LIMIT_MIB << 20;
  int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
  pthread_t thread;
  void *p = mmap(NULL, bytes / 8, prot, flags, -1, 0);
  EXPECT(p != MAP_FAILED);
  munmap(p, bytes / 8);
  EXPECT(mmap(NULL, bytes, prot, flags, -1, 0) == MAP_FAILED);
  if (EXPECT(pthread_create(&thread, NULL, nothing, NULL) == 0))
    pthread_join(thread, NULL);
}

static int limited(size_t size) {
  size_t counts[3];
  have_others();
  for (int i = 0; i < 3; i++) {
    void **list = NULL;
    counts[i] = exhaust(size, &list);
    EXPECT(errno == ENOMEM);
    EXPECT(calloc(LIMIT_MIB, 1 << 20) == NULL && errno == ENOMEM);
    if (list) {
      EXPECT(realloc(list, 500u << 20) == NULL && errno == ENOMEM);
      EXPECT(list[0] == list[0]);
    }
    give_back(list);
    void *p = malloc(10 << 20);
    EXPECT(p != NULL);
    free(p);
  }
  EXPECT(counts[0] * size >= (size_t)(LIMIT_MIB / 4) << 20);
  EXPECT(counts[1] >= counts[0] / 2 && counts[2] >= counts[0] / 2);
  return expect_nwrong;
}

/* The limit must stand before the program starts: so it execs itself. */
int main(int argc, char **argv) {
  static const char *const sizes[] = {"64", "1000", "20000", "1000000"};
  if (argc > 1)
    return limited(strtoul(argv[1], NULL, 10)) != 0;
  for (int i = 0; i < 8; i++) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
      struct rlimit limit = {(rlim_t)LIMIT_MIB << 20, RLIM_INFINITY};
      setrlimit(RLIMIT_AS, &limit);
      if (i >= 4) /* lowered while it runs */
        _exit(limited(strtoul(sizes[i % 4], NULL, 10)) != 0);
      execl("/proc/self/exe", argv[0], sizes[i % 4], (char *)NULL);
      _exit(2);
    }
    waitpid(pid, &status, 0);
    if (!EXPECT(status == 0))
      printf("wrong: blocks of %s, %s: status %x\n", sizes[i % 4],
             i < 4 ? "limited from the start" : "limited late",
             (unsigned)status);
  }
  return expect_verdict();
}
