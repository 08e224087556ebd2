/* SPDX-License-Identifier: MIT */
/*
 * tools/run.c - cgc run: an unmodified program on a collected heap.
 *
 * Puts the options into the environment, then executes the program.
 */
#include "tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An option that is one variable of the library. */
struct shorthand {
  const char *name;
  const char *variable;
  const char *value; /* NULL: the option's argument */
};

static const struct shorthand shorthands[] = {
    {"free", "CGC_FREE", NULL},
    {"mode", "CGC_MODE", NULL},
    {"percent", "CGC_PERCENT", NULL},
    {"memory-limit", "CGC_MEMORY_LIMIT", NULL},
    {"children", "CGC_CHILDREN", NULL},
    {"bad-free", "CGC_BAD_FREE", NULL},
    {"trace", "CGC_TRACE", "1"},
    {"verify", "CGC_VERIFY", "1"},
    {"stress", "CGC_STRESS", NULL},
    {"unaligned", "CGC_UNALIGNED", "1"},
    {"tagged", "CGC_TAGGED", "1"},
};

enum {
  NSHORTHANDS = sizeof shorthands / sizeof shorthands[0],
  OPT_SET = NSHORTHANDS,
  OPT_LIBGC,
  OPT_OPTIONS,
  OPT_HELP,
  OPT_VERSION,
  NOPTIONS,
};

static const char help[] =
    "usage: cgc run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "Run an unmodified program with malloc served by a collected heap.\n"
    "\n"
    "  --free=honour|ignore   free() frees, or leaves it to the collector\n"
    "  --mode=stw|incremental|concurrent   how collections stop the program\n"
    "  --percent=N            collect when the live heap has grown by N %\n"
    "  --memory-limit=SIZE    soft limit of the heap: 500M, 2G\n"
    "  --children=yes|no      programs that it executes run on libcgc too\n"
    "  --bad-free=abort|warn|ignore   what a wrong free() does\n"
    "  --trace                one line on stderr for each collection\n"
    "  --unaligned, --tagged  find pointers in packed or tagged words too\n"
    "  --verify, --stress=N   check the heap; collect at every Nth slow path\n"
    "  --libgc                leave malloc alone, take the place of "
    "libgc.so.1\n"
    "  --set NAME=VALUE       any option of cgc-env(7)\n"
    "  --options              print the table of those options\n"
    "  --help, --version\n"
    "\n"
    "Exit status: the program's; 125 cgc itself failed, 126 the program\n"
    "can't be run, 127 there is no such program.\n";

static void fill_long_options(struct option *o) {
  static const struct option others[] = {
      {"set", required_argument, NULL, OPT_SET},
      {"libgc", no_argument, NULL, OPT_LIBGC},
      {"options", no_argument, NULL, OPT_OPTIONS},
      {"help", no_argument, NULL, OPT_HELP},
      {"version", no_argument, NULL, OPT_VERSION},
      {NULL, 0, NULL, 0},
  };
  for (int i = 0; i < NSHORTHANDS; i++) {
    o[i].name = shorthands[i].name;
    o[i].has_arg = shorthands[i].value ? no_argument : required_argument;
    o[i].flag = NULL;
    o[i].val = i;
  }
  memcpy(o + NSHORTHANDS, others, sizeof others);
}

/* Answer --help and the like, and end. */
static int answer(int option) {
  if (option == OPT_HELP)
    fputs(help, stdout);
  else if (option == OPT_VERSION)
    puts("cgc run (libcgc) " CGC_VERSION);
  else
    cgc_option_print();
  fflush(stdout);
  exit(ferror(stdout) ? CGC_EXIT_OWN : 0);
}

static int (*launch)(char **argv) = cgc_launch;

static int take_option(int option) {
  if (option >= 0 && option < NSHORTHANDS) {
    const struct shorthand *s = &shorthands[option];
    return cgc_option_export(s->variable, s->value ? s->value : optarg);
  }
  if (option == OPT_SET)
    return cgc_option_assign(optarg);
  if (option == OPT_LIBGC) {
    launch = cgc_launch_libgc;
    return 0;
  }
  if (option != '?')
    return answer(option);
  fputs("Try 'cgc run --help'.\n", stderr);
  return CGC_EXIT_OWN;
}

int cgc_run_main(int argc, char **argv) {
  struct option options[NOPTIONS + 1];
  int option;
  fill_long_options(options);
  while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
    int status = take_option(option);
    if (status)
      return status;
  }
  if (optind >= argc) {
    cgc_tool_error(CGC_EXIT_OWN, "run: no program given");
    fputs("Try 'cgc run --help'.\n", stderr);
    return CGC_EXIT_OWN;
  }
  return launch(argv + optind);
}
