/* SPDX-License-Identifier: MIT */
/*
 * tools/cgc.c - the cgc program: chooses the subcommand.
 */
#include "tool.h"
#include "where.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
  const char *name;
  const char *title; /* argv[0] of the subcommand, for its messages */
  const char *summary;
  int (*main)(int argc, char **argv);
};

/* A command without a main is a program of its own, cgc-NAME: it needs
   libraries that "run" does without. */
static const struct command commands[] = {
    {"run", "cgc run", "run a program on a collected heap", cgc_run_main},
    {"leak", "cgc leak", "run a program and report what it lost", NULL},
    {"heap", "cgc heap", "look into the heap of a process or a core", NULL},
};

enum { NCOMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(FILE *out) {
  fputs("usage: cgc COMMAND [ARGUMENT]...\n\n", out);
  for (size_t i = 0; i < NCOMMANDS; i++)
    fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
  fputs("\n'cgc COMMAND --help' says more, and so does cgc(1).\n", out);
  return 0;
}

/* Become the program of a command: beside this one in a build tree, else where
   it was installed. */
static int execute(const struct command *command, char **argv) {
  char dir[PATH_MAX], path[PATH_MAX + 64];
  if (cgc_library_own_directory(dir, sizeof dir)) {
    snprintf(path, sizeof path, "%s/cgc-%s", dir, command->name);
    execv(path, argv);
  }
  snprintf(path, sizeof path, "%s/cgc-%s", CGC_LIBEXECDIR, command->name);
  execv(path, argv);
  return cgc_tool_error(CGC_EXIT_OWN, "%s: %s", path, strerror(errno));
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
      return commands[i].main ? commands[i].main(argc - 1, argv + 1)
                              : execute(&commands[i], argv + 1);
    }
  }
  if (*word == '\0') {
    print_help(stderr);
    return CGC_EXIT_OWN;
  }
  return cgc_tool_error(CGC_EXIT_OWN,
                        "no command called '%s'; try 'cgc --help'", word);
}
