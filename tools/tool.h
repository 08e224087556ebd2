/* SPDX-License-Identifier: MIT */
/*
 * tools/tool.h - what the cgc program's files share.
 *
 * cgc.c chooses the subcommand: run.c is one, the others are programs of their
 * own, such as cgc-leak (leak.c).  Under them stand small rooms: elf.c says
 * whether LD_PRELOAD can reach a program, library.c finds the library, option.c
 * knows the options table, launch.c executes the program.  Nothing here is
 * linked into a library, and nothing calls the collector.
 */
#ifndef CGC_TOOLS_TOOL_H
#define CGC_TOOLS_TOOL_H

#include "base/base.h"

/* The exit statuses of env(1) and timeout(1), for what fails before exec. */
enum {
  CGC_EXIT_OWN = 125,     /* a wrong option, or cgc itself failed */
  CGC_EXIT_CANNOT = 126,  /* the program is there, but can't be run */
  CGC_EXIT_MISSING = 127, /* no such program */
};

/**
 * Print "cgc: " and the message on stderr.
 * returns  STATUS, so that a caller can return it on
 */
int cgc_tool_error(int status, const char *fmt, ...) CGC_PRINTF(2, 3);

/** The subcommand "run"; argv[0] is "cgc run". */
int cgc_run_main(int argc, char **argv);

/**
 * Find the directory with our libgc.so.1: beside an uninstalled tool, or where
 * it was installed.
 * returns  its absolute path (malloc'ed), or NULL after an error message
 */
char *cgc_library_find_compat(void);

/**
 * Find libcgc-malloc.so: $CGC_LIBRARY, beside an uninstalled tool, or where
 * it was installed.
 * returns  its absolute path (malloc'ed), or NULL after an error message
 */
char *cgc_library_find(void);

/** Put the directory of this program's own file into DIR, without the last
 * slash. */
bool cgc_library_own_directory(char *dir, size_t size);

/**
 * Say whether the program at PATH takes an LD_PRELOAD: an x86-64 glibc
 * program, dynamically linked, run with the caller's own rights, or a script
 * whose interpreter is one.
 * returns  0, or CGC_EXIT_CANNOT or CGC_EXIT_MISSING after an error message
 */
int cgc_elf_check(const char *path);

/** Whether PATH is a shared library that LD_PRELOAD can name. */
bool cgc_elf_is_library(const char *path);

/** Print the options table. */
void cgc_option_print(void);

/**
 * Check VALUE for the option called NAME and put it into the environment.
 * returns  0, or CGC_EXIT_OWN after an error message
 */
int cgc_option_export(const char *name, const char *value);

/** The same for NAME=VALUE, the argument of --set, which is written into. */
int cgc_option_assign(char *assignment);

/**
 * Execute the program ARGV[0], found along PATH, with the library before it.
 * returns  only after an error message: the status to exit with
 */
int cgc_launch(char **argv);

/** The same with our libgc.so.1 in the place of bdwgc's. */
int cgc_launch_libgc(char **argv);

#endif
