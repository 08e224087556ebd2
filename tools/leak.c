/* SPDX-License-Identifier: MIT */
/*
 * tools/leak.c - cgc leak: a program, and a report of what it lost.
 *
 *   cgc leak ─ CGC_LEAK=on:... ─► the program with libcgc-malloc.so
 *                                  └ at its end, or when asked: a raw report
 *                                     └ cgc leak --print ─► text, JSON, HTML...
 *
 * The options are checked here, before the program starts, and travel in
 * CGC_LEAK (tools/settings) to the library and to the printer.
 */
#include "failures.h"
#include "print.h"
#include "settings.h"
#include "suppress.h"
#include "tool.h"
#include "where.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cgc leak [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "Run an unmodified program and report what it lost: memory that it never\n"
    "freed and has no pointer to any more.\n"
    "\n"
    "  --reachable            what it still points to at the end, too\n"
    "  --full                 all groups, not only the 20 largest\n"
    "  --suppress=FILE        leave out what the rules of FILE match\n"
    "  --gen-suppressions     print such rules for all that is lost\n"
    "  --json[=FILE]  --html=FILE  --folded=FILE  --pprof=FILE\n"
    "                         the report in other forms (%p: process)\n"
    "  --output=FILE          the text there, not on stderr\n"
    "  --exit-code=N          the exit status when something is lost (23)\n"
    "  --signal=SIG           report at this signal, too\n"
    "  --period=60s           report what is new so often\n"
    "  --follow-children      the programs that it executes, too\n"
    "  --fail=WHAT            make calls fail: malloc@7, any@1%, realloc@all\n"
    "  --each-failure[=WHAT]  run it once for each call, which then fails\n"
    "  --timeout=10s          then a run of --each-failure hangs\n"
    "  --set NAME=VALUE       any option of cgc-env(7)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: the program's; 23 when it lost something; 125 cgc itself\n"
    "failed, 126 the program can't be run, 127 there is no such program.\n";

enum option_id {
  OPT_JSON = 1,
  OPT_FILE,
  OPT_FLAG,
  OPT_SUPPRESS,
  OPT_EXIT_CODE,
  OPT_SIGNAL,
  OPT_PERIOD,
  OPT_FAIL,
  OPT_EACH_FAILURE,
  OPT_TIMEOUT,
  OPT_SET,
  OPT_PRINT,
  OPT_HELP,
  OPT_VERSION,
};

static const struct option options[] = {
    {"json", optional_argument, NULL, OPT_JSON},
    {"html", required_argument, NULL, OPT_FILE},
    {"folded", required_argument, NULL, OPT_FILE},
    {"pprof", required_argument, NULL, OPT_FILE},
    {"output", required_argument, NULL, OPT_FILE},
    {"raw", required_argument, NULL, OPT_FILE},
    {"reachable", no_argument, NULL, OPT_FLAG},
    {"full", no_argument, NULL, OPT_FLAG},
    {"gen-suppressions", no_argument, NULL, OPT_FLAG},
    {"follow-children", no_argument, NULL, OPT_FLAG},
    {"suppress", required_argument, NULL, OPT_SUPPRESS},
    {"exit-code", required_argument, NULL, OPT_EXIT_CODE},
    {"signal", required_argument, NULL, OPT_SIGNAL},
    {"period", required_argument, NULL, OPT_PERIOD},
    {"fail", required_argument, NULL, OPT_FAIL},
    {"each-failure", optional_argument, NULL, OPT_EACH_FAILURE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"set", required_argument, NULL, OPT_SET},
    {"print", required_argument, NULL, OPT_PRINT},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

/* What the command line asks for. */
struct request {
  char *list;        /* CGC_LEAK's value, malloc'ed */
  const char *print; /* a raw report; NULL: run the program */
  const char *each;  /* the calls that are to fail; NULL: none */
  unsigned timeout_s;
};

static void add(struct request *r, const char *name, const char *value) {
  r->list = cgc_settings_add(r->list, name, value);
}

/* ---- values ------------------------------------------------------------ */

/* The program may change its directory, and reports are written at its end. */
static int add_file(struct request *r, const char *name, const char *path) {
  char *absolute, *dir = getcwd(NULL, 0);
  FILE *file;
  if (path[0] == '/' || !dir)
    absolute = strdup(path);
  else if (asprintf(&absolute, "%s/%s", dir, path) < 0)
    absolute = NULL;
  free(dir);
  if (!absolute)
    return cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(ENOMEM));
  if (!r->print && !strstr(absolute, "%p")) {
    file = fopen(absolute, "we");
    if (!file) {
      free(absolute);
      return cgc_tool_error(CGC_EXIT_OWN, "--%s=%s: %s", name, path,
                            strerror(errno));
    }
    fclose(file);
  }
  add(r, strcmp(name, "output") == 0 ? "report-to" : name, absolute);
  free(absolute);
  return 0;
}

/* Read the rules once, so that a wrong one is told before the program runs. */
static int add_suppressions(struct request *r, const char *path) {
  struct cgc_suppress *s = cgc_suppress_open();
  int status = cgc_suppress_read(s, path);
  char *absolute = realpath(path, NULL);
  cgc_suppress_close(s);
  if (!status)
    add(r, "suppress", absolute ? absolute : path);
  free(absolute);
  return status;
}

/* A whole number of at most MAX with nothing behind it. */
static bool to_number(const char *text, long max, long *n) {
  char *end;
  errno = 0;
  *n = strtol(text, &end, 10);
  return isdigit((unsigned char)*text) && !*end && !errno && *n <= max;
}

static int add_exit_code(struct request *r, const char *value) {
  long n;
  if (!to_number(value, 255, &n))
    return cgc_tool_error(
        CGC_EXIT_OWN, "--exit-code=%s: write a number from 0 to 255", value);
  add(r, "exit-code", value);
  return 0;
}

static int add_signal(struct request *r, const char *value) {
  const char *name = strncasecmp(value, "SIG", 3) == 0 ? value + 3 : value;
  long number;
  for (int i = 1; i < NSIG; i++) {
    const char *known = sigabbrev_np(i);
    if (known && strcasecmp(known, name) == 0) {
      add(r, "signal", known);
      return 0;
    }
  }
  if (to_number(value, SIGRTMAX, &number) && number >= SIGRTMIN) {
    add(r, "signal", value);
    return 0;
  }
  return cgc_tool_error(CGC_EXIT_OWN,
                        "--signal=%s: no such signal; write its name, as in "
                        "USR2",
                        value);
}

/* Whole seconds of "60", "60s", "5m" or "1h"; 0: it is none of these. */
static unsigned to_seconds(const char *text) {
  static const struct {
    const char *suffix;
    unsigned seconds;
  } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
  char *end;
  unsigned long n = strtoul(text, &end, 10);
  if (!isdigit((unsigned char)*text) || n > UINT_MAX / 3600)
    return 0;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (strcmp(end, units[i].suffix) == 0)
      return (unsigned)n * units[i].seconds;
  return 0;
}

static int take_seconds(const char *name, const char *value, unsigned *s) {
  *s = to_seconds(value);
  if (*s)
    return 0;
  return cgc_tool_error(CGC_EXIT_OWN,
                        "--%s=%s: write seconds, minutes or hours: 60s, 5m, "
                        "1h",
                        name, value);
}

static int add_period(struct request *r, const char *value) {
  char text[16];
  unsigned seconds;
  int status = take_seconds("period", value, &seconds);
  snprintf(text, sizeof text, "%u", seconds);
  if (!status)
    add(r, "period", text);
  return status;
}

static int add_fail(struct request *r, const char *value) {
  if (!cgc_failures_valid(value))
    return cgc_tool_error(CGC_EXIT_OWN,
                          "--fail=%s: write CALL@NUMBER, CALL@PERCENT%% or "
                          "CALL@all, where CALL is malloc, calloc, realloc, "
                          "aligned or any",
                          value);
  add(r, "fail", value);
  return 0;
}

static int take_each_failure(struct request *r, const char *value) {
  r->each = value ? value : "any";
  if (cgc_failures_is_call(r->each))
    return 0;
  return cgc_tool_error(CGC_EXIT_OWN,
                        "--each-failure=%s: write malloc, calloc, realloc, "
                        "aligned or any",
                        value);
}

/* ---- the command line -------------------------------------------------- */

static int answer(int option) {
  if (option == OPT_HELP)
    fputs(help, stdout);
  else
    puts("cgc leak (libcgc) " CGC_VERSION);
  fflush(stdout);
  exit(ferror(stdout) ? CGC_EXIT_OWN : 0);
}

static int take_option(struct request *r, int option, const char *name) {
  switch (option) {
  case OPT_JSON:
    if (optarg && strcmp(optarg, "-") != 0)
      return add_file(r, name, optarg);
    add(r, name, "-");
    return 0;
  case OPT_FILE:
    return add_file(r, name, optarg);
  case OPT_FLAG:
    add(r, name, NULL);
    return 0;
  case OPT_SUPPRESS:
    return add_suppressions(r, optarg);
  case OPT_EXIT_CODE:
    return add_exit_code(r, optarg);
  case OPT_SIGNAL:
    return add_signal(r, optarg);
  case OPT_PERIOD:
    return add_period(r, optarg);
  case OPT_FAIL:
    return add_fail(r, optarg);
  case OPT_EACH_FAILURE:
    return take_each_failure(r, optarg);
  case OPT_TIMEOUT:
    return take_seconds(name, optarg, &r->timeout_s);
  case OPT_SET:
    return cgc_option_assign(optarg);
  case OPT_PRINT:
    r->print = optarg;
    return 0;
  case OPT_HELP:
  case OPT_VERSION:
    return answer(option);
  default:
    fputs("Try 'cgc leak --help'.\n", stderr);
    return CGC_EXIT_OWN;
  }
}

/* Tell the library where the printer is, unless the user has. */
static int name_printer(void) {
  char dir[PATH_MAX], path[PATH_MAX + sizeof "/cgc"];
  if (!cgc_library_own_directory(dir, sizeof dir))
    return cgc_tool_error(CGC_EXIT_OWN, "/proc/self/exe: %s", strerror(errno));
  snprintf(path, sizeof path, "%s/cgc", dir);
  if (access(path, X_OK) != 0)
    snprintf(path, sizeof path, "%s/cgc", CGC_BINDIR);
  if (setenv("CGC_LEAK_PRINTER", path, 0) != 0)
    return cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(errno));
  return 0;
}

static int run(const struct request *r, char **argv) {
  if (!*argv) {
    cgc_tool_error(CGC_EXIT_OWN, "leak: no program given");
    fputs("Try 'cgc leak --help'.\n", stderr);
    return CGC_EXIT_OWN;
  }
  if (name_printer())
    return CGC_EXIT_OWN;
  if (r->each)
    return cgc_failures_run(argv, r->list, r->each, r->timeout_s);
  return cgc_settings_export(r->list) ? CGC_EXIT_OWN : cgc_launch(argv);
}

/* The printer's options come from CGC_LEAK, then from its own command line. */
static int print(const struct request *r) {
  const char *inherited = getenv("CGC_LEAK");
  char *list;
  int status;
  if (asprintf(&list, "%s:%s", inherited ? inherited : "", r->list) < 0)
    return cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(ENOMEM));
  status = cgc_print_report(r->print, list);
  free(list);
  return status;
}

int main(int argc, char **argv) {
  struct request r = {.list = cgc_settings_add(strdup(""), "on", NULL),
                      .timeout_s = 10};
  int option, index, status = 0;
  argv[0] = (char *)"cgc leak";
  while (!status &&
         (option = getopt_long(argc, argv, "+", options, &index)) != -1)
    status = take_option(&r, option, option == '?' ? "" : options[index].name);
  if (!status)
    status = r.print ? print(&r) : run(&r, argv + optind);
  free(r.list);
  return status;
}
