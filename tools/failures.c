/* SPDX-License-Identifier: MIT */
#include "failures.h"

#include "leaks.h"
#include "map.h"
#include "text.h"
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 2, CALLS_MAX = 8 };

/* ---- --fail ------------------------------------------------------------ */

static bool is_call(const char *name, size_t n) {
  static const char *const calls[] = {"malloc", "calloc", "realloc", "aligned",
                                      "any"};
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
    if (strlen(calls[i]) == n && strncmp(name, calls[i], n) == 0)
      return true;
  return false;
}

bool cgc_failures_is_call(const char *name) {
  return is_call(name, strlen(name));
}

/* NUMBER, PERCENT% or all, up to END. */
static bool is_choice(const char *text, const char *end) {
  size_t n = strspn(text, "0123456789");
  const char *behind = text + n;
  if (end - text == 3 && strncmp(text, "all", 3) == 0)
    return true;
  if (n == 0 || n > 18)
    return false;
  if (behind == end)
    return strtoull(text, NULL, 10) > 0;
  return behind + 1 == end && *behind == '%' && strtoul(text, NULL, 10) <= 100;
}

bool cgc_failures_valid(const char *text) {
  for (;;) {
    const char *at = strchr(text, '@');
    const char *end = text + strcspn(text, ",");
    if (!at || at > end || !is_call(text, (size_t)(at - text)) ||
        !is_choice(at + 1, end))
      return false;
    if (!*end)
      return true;
    text = end + 1;
  }
}

/* ---- one run ----------------------------------------------------------- */

struct driver {
  char **argv;
  const char *list;
  const char *call;
  unsigned timeout_s;
  char dir[64]; /* of the raw reports */
  char raw[80]; /* the last run's */
  struct cgc_store *store;
  struct cgc_settings settings;
  struct cgc_map known; /* stacks that the first run lost, as text */
  struct outcome *outcomes;
  size_t noutcomes;
};

/* What happened, and at which calls. */
struct outcome {
  const char *what;  /* "crashed with SIGSEGV" */
  const char *where; /* the call's stack, as text */
  const char *lost;  /* what was lost, as text; "" nothing */
  uint64_t ncalls;
  uint64_t calls[CALLS_MAX];
};

/* The child's part: never returns. */
static void become_program(struct driver *d, uint64_t number) {
  char *list = cgc_settings_add(strdup(d->list), "raw", d->raw), fail[64];
  int null = open("/dev/null", O_RDWR);
  if (number)
    snprintf(fail, sizeof fail, "%s@%" PRIu64, d->call, number);
  else
    snprintf(fail, sizeof fail, "%s@none", d->call); /* that counts them */
  list = cgc_settings_add(list, "fail", fail);
  if (number) {
    dup2(null, 1);
    dup2(null, 2);
  }
  dup2(null, 0);
  setpgid(0, 0);
  _exit(cgc_settings_export(list) ? CGC_EXIT_OWN : cgc_launch(d->argv));
}

static bool is_over(pid_t pid, int *status) {
  return waitpid(pid, status, WNOHANG) == pid;
}

/* Wait for PID, at most the driver's time.
   returns  its wait status, or -1: it hung and was killed */
static int wait_for(const struct driver *d, pid_t pid) {
  struct timespec pause = {0, POLL_MS * 1000000};
  time_t end = time(NULL) + (time_t)d->timeout_s + 1;
  int status;
  while (!is_over(pid, &status)) {
    if (time(NULL) >= end) {
      kill(-pid, SIGKILL);
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return -1;
    }
    nanosleep(&pause, NULL);
  }
  kill(-pid, SIGKILL); /* what it left behind */
  return status;
}

/* Run the program with call NUMBER failing; 0: none. */
static int run_once(struct driver *d, uint64_t number) {
  pid_t pid;
  unlink(d->raw);
  fflush(NULL);
  pid = fork();
  if (pid == 0)
    become_program(d, number);
  return pid < 0 ? -1 : wait_for(d, pid);
}

/* The last run's leaks; false when it left no report. */
static bool read_leaks(struct driver *d, struct cgc_leaks *leaks) {
  struct cgc_raw *raw = access(d->raw, R_OK) == 0 ? cgc_raw_read(d->raw) : NULL;
  return raw && cgc_leaks_open(leaks, raw, &d->settings) == 0;
}

/* ---- what came of it --------------------------------------------------- */

static const char *stack_text(struct driver *d, const struct cgc_leaks *leaks,
                              struct cgc_raw_stack *stack) {
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  const char *interned;
  cgc_text_print_stack(out, leaks, stack);
  fclose(out);
  interned = cgc_store_intern(d->store, text, n);
  free(text);
  return interned;
}

/* Note what the first run loses, which is no failing call's fault. */
static void note_known(struct driver *d, const struct cgc_leaks *leaks) {
  for (size_t i = 0; i < leaks->nshown; i++)
    if (leaks->shown[i]->class == CGC_RAW_LOST)
      *cgc_map_place(&d->known,
                     (uintptr_t)stack_text(d, leaks, leaks->shown[i]->stack)) =
          d;
}

/* The groups that are lost now and were not in the first run, as text. */
static const char *new_losses(struct driver *d, const struct cgc_leaks *leaks) {
  const char *text = "";
  for (size_t i = 0; i < leaks->nshown; i++) {
    const struct cgc_raw_group *g = leaks->shown[i];
    const char *stack = stack_text(d, leaks, g->stack);
    if (g->class == CGC_RAW_LOST && !cgc_map_get(&d->known, (uintptr_t)stack))
      text = cgc_store_format(
          d->store, "%s  and lost %" PRIu64 " B in %" PRIu64 " object%s of\n%s",
          text, cgc_leaks_bytes(g), cgc_leaks_objects(g),
          cgc_leaks_objects(g) == 1 ? "" : "s", stack);
  }
  return text;
}

static const char *describe(struct driver *d, int status) {
  if (status == -1)
    return "hung";
  if (!WIFSIGNALED(status))
    return "";
  return cgc_store_format(
      d->store, "%s SIG%s",
      WTERMSIG(status) == SIGABRT ? "ended by" : "crashed with",
      sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
}

static struct outcome *find_outcome(struct driver *d, const char *what,
                                    const char *where, const char *lost) {
  struct outcome *o;
  for (size_t i = 0; i < d->noutcomes; i++) {
    o = &d->outcomes[i];
    if (o->what == what && o->where == where && o->lost == lost)
      return o;
  }
  d->outcomes = cgc_store_room(d->outcomes, d->noutcomes, sizeof *o);
  o = &d->outcomes[d->noutcomes++];
  *o = (struct outcome){.what = what, .where = where, .lost = lost};
  return o;
}

static const char *intern(struct driver *d, const char *text) {
  return cgc_store_intern(d->store, text, strlen(text));
}

static void note(struct driver *d, uint64_t number, int status) {
  const char *what = intern(d, describe(d, status));
  const char *where = "", *lost = "";
  struct cgc_leaks leaks;
  struct outcome *o;
  if (read_leaks(d, &leaks)) {
    if (leaks.raw->nfaults)
      where = stack_text(d, &leaks, leaks.raw->faults[0].stack);
    if (!*what)
      lost = new_losses(d, &leaks);
    cgc_leaks_close(&leaks);
  }
  o = find_outcome(d, what, intern(d, where), intern(d, lost));
  if (o->ncalls < CALLS_MAX)
    o->calls[o->ncalls] = number;
  o->ncalls++;
}

/* ---- the summary ------------------------------------------------------- */

static bool is_harmless(const struct outcome *o) {
  return !*o->what && !*o->lost;
}

static void print_outcome(const struct driver *d, const struct outcome *o) {
  fprintf(stderr, "%s when %s call", *o->what ? o->what : "lost memory",
          strcmp(d->call, "any") == 0 ? "allocation" : d->call);
  for (uint64_t i = 0; i < o->ncalls && i < CALLS_MAX; i++)
    fprintf(stderr, "%s %" PRIu64, i ? "," : "", o->calls[i]);
  fprintf(stderr, "%s failed:\n%s%s\n", o->ncalls > CALLS_MAX ? ", ..." : "",
          o->where, o->lost);
}

static uint64_t count(const struct driver *d, const char *what) {
  uint64_t n = 0;
  for (size_t i = 0; i < d->noutcomes; i++)
    if (strncmp(d->outcomes[i].what, what, strlen(what)) == 0)
      n += d->outcomes[i].ncalls;
  return n;
}

static uint64_t count_lossy(const struct driver *d) {
  uint64_t n = 0;
  for (size_t i = 0; i < d->noutcomes; i++)
    if (!*d->outcomes[i].what && *d->outcomes[i].lost)
      n += d->outcomes[i].ncalls;
  return n;
}

/* returns  whether a call did harm */
static bool print_summary(const struct driver *d, uint64_t ncalls) {
  uint64_t crashed = count(d, "crashed"), ended = count(d, "ended");
  uint64_t hung = count(d, "hung"), lossy = count_lossy(d);
  for (size_t i = 0; i < d->noutcomes; i++)
    if (!is_harmless(&d->outcomes[i]))
      print_outcome(d, &d->outcomes[i]);
  fprintf(stderr,
          "cgc: leak: %" PRIu64 " failing calls: %" PRIu64 " handled, %" PRIu64
          " crashed, %" PRIu64 " aborted, %" PRIu64 " hung, %" PRIu64
          " lost memory\n",
          ncalls, ncalls - crashed - ended - hung - lossy, crashed, ended, hung,
          lossy);
  return crashed || hung || lossy;
}

/* ---- the driver -------------------------------------------------------- */

static uint64_t calls_of(const struct cgc_leaks *leaks, const char *call) {
  for (size_t i = 0; i < leaks->raw->ncalls; i++)
    if (strcmp(leaks->raw->calls[i].kind, call) == 0)
      return leaks->raw->calls[i].number;
  return 0;
}

/* The first run: count the calls and note what is lost anyway.
   returns  0, or the status to end with */
static int count_calls(struct driver *d, uint64_t *ncalls) {
  int status = run_once(d, 0);
  struct cgc_leaks leaks;
  if (status == -1)
    return cgc_tool_error(CGC_EXIT_OWN,
                          "%s takes longer than %u s; give it more time with "
                          "--timeout, or less to do",
                          d->argv[0], d->timeout_s);
  if (!read_leaks(d, &leaks))
    return WIFEXITED(status) && WEXITSTATUS(status) >= CGC_EXIT_OWN
               ? WEXITSTATUS(status)
               : cgc_tool_error(CGC_EXIT_OWN,
                                "%s ended without a leak report, so its calls "
                                "can't be counted",
                                d->argv[0]);
  *ncalls = calls_of(&leaks, d->call);
  note_known(d, &leaks);
  cgc_leaks_close(&leaks);
  return 0;
}

static int run_all(struct driver *d) {
  uint64_t ncalls = 0;
  int status = count_calls(d, &ncalls);
  bool shows = isatty(2);
  if (status)
    return status;
  for (uint64_t i = 1; i <= ncalls; i++) {
    if (shows)
      fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " ", i, ncalls);
    note(d, i, run_once(d, i));
  }
  if (shows)
    fputs("\r                      \r", stderr);
  return print_summary(d, ncalls) ? d->settings.exit_code : 0;
}

int cgc_failures_run(char **argv, const char *list, const char *call,
                     unsigned timeout_s) {
  struct driver d = {
      .argv = argv, .list = list, .call = call, .timeout_s = timeout_s};
  int status;
  d.store = cgc_store_open();
  snprintf(d.dir, sizeof d.dir, "/tmp/cgc-failures.XXXXXX");
  if (!mkdtemp(d.dir))
    return cgc_tool_error(CGC_EXIT_OWN, "%s: %s", d.dir, strerror(errno));
  snprintf(d.raw, sizeof d.raw, "%s/raw", d.dir);
  status = cgc_settings_read(&d.settings, d.store, list);
  if (!status)
    status = run_all(&d);
  unlink(d.raw);
  rmdir(d.dir);
  free(d.outcomes);
  cgc_map_clear(&d.known);
  cgc_settings_clear(&d.settings);
  cgc_store_close(d.store);
  return status;
}
