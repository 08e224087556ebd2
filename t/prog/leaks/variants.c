/* SPDX-License-Identifier: MIT */
/*
 * t/prog/leaks/variants.c - each kind of mistake in each flow, and each flow
 * without it.
 *
 * variants [fail]: a child for each case; PID, name and what must be found are
 * printed, and variants.sh compares.  `fail': those that lose something only
 * when realloc fails.  It is C and C++; the latter has the cases with new.
 */
#include "flows.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

struct pair {
  int a;
  int b;
};

/* ---- Sources ------------------------------------------------------------- */

#define MADE(d, type, expression)                                              \
  do {                                                                         \
    d = (type)far_hide(expression);                                            \
    if (!d)                                                                    \
      _exit(99);                                                               \
    *d = *d;                                                                   \
  } while (0)
#define MALLOC(d) MADE(d, char *, memset(malloc(100), 'A', 100))
#define CALLOC(d) MADE(d, struct pair *, calloc(100, sizeof(struct pair)))
#define REALLOC(d) MADE(d, long *, realloc(NULL, 100 * sizeof(long)))
#define STRDUP(d) MADE(d, char *, strdup("a string"))
#define WCSDUP(d) MADE(d, wchar_t *, wcsdup(L"a string"))
#define NEW(d) MADE(d, struct pair *, new pair())
#define NEW_ARRAY(d) MADE(d, int *, new int[100]())

/* A block that grows, and is forgotten when it can't; or that is not. */
#define GROW_BADLY(d)                                                          \
  do {                                                                         \
    MALLOC(d);                                                                 \
    d = (char *)far_hide(realloc(d, 130000));                                  \
  } while (0)
#define GROW_WELL(d)                                                           \
  do {                                                                         \
    MALLOC(d);                                                                 \
    char *more = (char *)far_hide(realloc(d, 130000));                         \
    d = more ? more : d;                                                       \
  } while (0)

#define MALLOC_AND_FREE(d)                                                     \
  do {                                                                         \
    MALLOC(d);                                                                 \
    free(d);                                                                   \
  } while (0)
#define NO_BLOCK(d)                                                            \
  do {                                                                         \
    static char room[100];                                                     \
    d = (char *)far_hide(room);                                                \
  } while (0)

/* ---- Sinks --------------------------------------------------------------- */

#define LOSE(d) ((void)d)
#define FREE(d) free(far_hide((void *)d))
#define DELETE(d) delete (d)
#define DELETE_ARRAY(d) delete[](d)
#define FREE_INSIDE(d) free(far_hide((char *)d + 10))

/* ---- Kinds of cases: what is found in a bad one -------------------------- */

#ifdef __cplusplus
#define KINDS(X)                                                               \
  X(new_lost, struct pair *, NEW, LOSE, "lost")                                \
  X(new_deleted, struct pair *, NEW, DELETE, "")                               \
  X(new_array_lost, int *, NEW_ARRAY, LOSE, "lost")                            \
  X(new_array_deleted, int *, NEW_ARRAY, DELETE_ARRAY, "")
#define FAIL_KINDS(X)
#else
#define KINDS(X)                                                               \
  X(malloc_lost, char *, MALLOC, LOSE, "lost")                                 \
  X(malloc_freed, char *, MALLOC, FREE, "")                                    \
  X(calloc_lost, struct pair *, CALLOC, LOSE, "lost")                          \
  X(calloc_freed, struct pair *, CALLOC, FREE, "")                             \
  X(realloc_lost, long *, REALLOC, LOSE, "lost")                               \
  X(realloc_freed, long *, REALLOC, FREE, "")                                  \
  X(strdup_lost, char *, STRDUP, LOSE, "lost")                                 \
  X(strdup_freed, char *, STRDUP, FREE, "")                                    \
  X(wcsdup_lost, wchar_t *, WCSDUP, LOSE, "lost")                              \
  X(wcsdup_freed, wchar_t *, WCSDUP, FREE, "")                                 \
  X(grown, char *, GROW_BADLY, FREE, "")                                       \
  X(grown_well, char *, GROW_WELL, FREE, "")                                   \
  X(freed_twice, char *, MALLOC_AND_FREE, FREE, "double")                      \
  X(freed_once, char *, MALLOC_AND_FREE, LOSE, "")                             \
  X(no_block_freed, char *, NO_BLOCK, FREE, "wild")                            \
  X(no_block_left, char *, NO_BLOCK, LOSE, "")                                 \
  X(freed_inside, char *, MALLOC, FREE_INSIDE, "interior")
#define FAIL_KINDS(X)                                                          \
  X(fails_and_lost, char *, GROW_BADLY, FREE, "lost")                          \
  X(fails_and_freed, char *, GROW_WELL, FREE, "")
#endif

#define DEFINE(name, type, source, sink, found) FLOWS(name, type, source, sink)
KINDS(DEFINE)
FAIL_KINDS(DEFINE)

struct variant {
  const char *kind;
  const char *flow;
  const char *found;
  void (*run)(void);
};

#define VARIANT(name, flow) {#name, #flow, found_in_##name, name##_##flow},
#define LIST(name, type, source, sink, found) FLOW_NAMES(VARIANT, name)
#define FOUND(name, type, source, sink, found)                                 \
  static const char found_in_##name[] = found;
KINDS(FOUND)
FAIL_KINDS(FOUND)
static const struct variant variants[] = {KINDS(LIST){NULL, NULL, NULL, NULL}};
static const struct variant failing[] = {
    FAIL_KINDS(LIST){NULL, NULL, NULL, NULL}};

static NOINLINE void clear_stack(void) {
  volatile char words[4096];
  for (size_t i = 0; i < sizeof words; i++)
    words[i] = 0;
}

int main(int argc, char **argv) {
  const struct variant *v =
      argc > 1 && strcmp(argv[1], "fail") == 0 ? failing : variants;
  for (; v->kind; v++) {
    pid_t pid = fork();
    if (pid == 0) {
      v->run();
      clear_stack();
      return 0;
    }
    int status;
    waitpid(pid, &status, 0);
    dprintf(1, "%d %s %s %d %s\n", (int)pid, v->kind, v->flow,
            WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status),
            v->found);
  }
  return 0;
}
