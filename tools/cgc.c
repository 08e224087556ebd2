/* SPDX-License-Identifier: MIT */
/*
 * tools/cgc.c - the cgc program: chooses the subcommand.
 */
#include "tool.h"

#include <stdio.h>
#include <string.h>

struct command {
  const char *name;
  const char *title; /* argv[0] of the subcommand, for its messages */
  const char *summary;
  int (*main)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", "cgc run", "run a program on a collected heap", cgc_run_main},
};

enum { NCOMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(FILE *out) {
  fputs("usage: cgc COMMAND [ARGUMENT]...\n\n", out);
  for (size_t i = 0; i < NCOMMANDS; i++)
    fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
  fputs("\n'cgc COMMAND --help' says more, and so does cgc(1).\n", out);
  return 0;
}

int main(int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : "";
  if (!strcmp(word, "--help") || !strcmp(word, "-h"))
    return print_help(stdout);
  if (!strcmp(word, "--version")) {
    puts("cgc (libcgc) " CGC_VERSION);
    return 0;
  }
  for (size_t i = 0; i < NCOMMANDS; i++) {
    if (strcmp(word, commands[i].name) == 0) {
      argv[1] = (char *)commands[i].title;
      return commands[i].main(argc - 1, argv + 1);
    }
  }
  if (*word == '\0') {
    print_help(stderr);
    return CGC_EXIT_OWN;
  }
  return cgc_tool_error(CGC_EXIT_OWN,
                        "no command called '%s'; try 'cgc --help'", word);
}
