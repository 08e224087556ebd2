/* SPDX-License-Identifier: MIT */
/* Frees of what isn't a live block: double, interior, of the stack, of a
 * global, of a wild address, each in a forked child. CGC_BAD_FREE=abort
 * (default): a line on stderr with the address, and SIGABRT. warn: the line,
 * and the child goes on.  ignore: no word, it goes on. Under glibc itself (no
 * CGC_BAD_FREE, no preload) only that it doesn't pass for a good free is looked
 * at, where glibc sees it.
 */
#include "expect.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char global[64] __attribute__((aligned(16)));
static char *volatile target;

static void double_small(void) {
  target = malloc(40);
  free(target);
  free(target);
}

static void double_large(void) {
  target = malloc(100000);
  void *volatile other = malloc(100000);
  free(target);
  free(target);
  free(other);
}

static void double_later(void) {
  void *between[500];
  target = malloc(40);
  for (int i = 0; i < 500; i++)
    between[i] = malloc(40);
  free(target);
  for (int i = 0; i < 500; i++)
    free(between[i]);
  free(target);
}

static void interior(void) {
  char *p = malloc(400);
  target = p + 48;
  free(target);
  p[0] = 1;
}

static void interior_odd(void) {
  char *p = malloc(400);
  target = p + 1;
  free(target);
}

static void stack(void) {
  char local[64] __attribute__((aligned(16))) = "";
  target = local;
  free(opaque_pointer(local));
}

static void data(void) {
  target = global;
  free(target);
}

static void realloc_freed(void) {
  target = malloc(40);
  free(target);
  if (!realloc(target, 5000))
    return;
}

static void wild(void) {
  target = (char *)(uintptr_t)0x123456789ab0;
  free(target);
}

static const struct {
  const char *name;
  void (*fn)(void);
  bool foreign; /* given on to glibc, which says what it likes */
} cases[] = {
    {"double free, small", double_small, false},
    {"double free, large", double_large, false},
    {"double free, later", double_later, false},
    {"interior pointer", interior, false},
    {"odd interior pointer", interior_odd, false},
    {"realloc of a freed block", realloc_freed, false},
    {"stack address", stack, true},
    {"global's address", data, true},
    {"wild address", wild, true},
};
enum { NCASES = sizeof cases / sizeof *cases };

struct outcome {
  int status;
  char text[8192]; /* of stderr */
  size_t ntext;
  char *target;
};

static void run_child(int i, int fd) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  dup2(fd, 2);
  cases[i].fn();
  _exit(0);
}

static void run_case(int i, struct outcome *o) {
  int fds[2];
  if (pipe(fds))
    exit(2);
  o->ntext = 0;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0)
    run_child(i, fds[1]);
  close(fds[1]);
  for (ssize_t n; o->ntext < sizeof o->text - 1 &&
                  (n = read(fds[0], o->text + o->ntext,
                            sizeof o->text - 1 - o->ntext)) > 0;)
    o->ntext += (size_t)n;
  o->text[o->ntext] = 0;
  close(fds[0]);
  waitpid(pid, &o->status, 0);
}

static bool is_aborted(const struct outcome *o) {
  return WIFSIGNALED(o->status) && WTERMSIG(o->status) == SIGABRT;
}

/* One line first that begins with "cgc" and gives an address. */
static bool has_report(const struct outcome *o) {
  const char *end = strchr(o->text, '\n');
  const char *hex = strstr(o->text, "0x");
  return !strncmp(o->text, "cgc", 3) && end && hex && hex < end;
}

static bool is_as_expected(const struct outcome *o, const char *policy) {
  if (!strcmp(policy, "ignore"))
    return o->status == 0 && o->ntext == 0;
  if (!strcmp(policy, "warn"))
    return o->status == 0 && has_report(o);
  return is_aborted(o) && has_report(o);
}

int main(void) {
  const char *policy = getenv("CGC_BAD_FREE");
  bool under_glibc = !getenv("LD_PRELOAD");
  for (int i = 0; i < NCASES; i++) {
    struct outcome o;
    run_case(i, &o);
    bool good;
    if (under_glibc)
      good = i == 2 || i == 5 || o.status != 0; /* it misses some */
    else if (cases[i].foreign)
      good = is_as_expected(&o, policy ? policy : "abort") || is_aborted(&o);
    else
      good = is_as_expected(&o, policy ? policy : "abort");
    if (!good) {
      printf("wrong: %s, policy %s: status %x, stderr: %.300s\n", cases[i].name,
             policy ? policy : "default", (unsigned)o.status, o.text);
      expect_nwrong++;
    }
  }
  return expect_verdict();
}
