/* SPDX-License-Identifier: MIT */
/*
 * tools/settings.h - what cgc leak was asked for.
 *
 * The options travel from "cgc leak" through the program to "cgc leak
 * --print" in one variable of the environment:
 *
 *   CGC_LEAK=on:json=/tmp/a.json:reachable:exit-code=1
 *
 * A list of NAME or NAME=VALUE, separated by colons; a colon or a backslash
 * in a value has a backslash before it.  The library reads its own ones there
 * (signal=, period=, fail=, follow-children, ...), the printer these.  Neither
 * minds the other's, and both pass over what they don't know.
 */
#ifndef CGC_TOOLS_SETTINGS_H
#define CGC_TOOLS_SETTINGS_H

#include "store.h"

struct cgc_settings {
  const char *json; /* files; NULL: none */
  const char *html;
  const char *folded;
  const char *pprof;
  const char *text;      /* in place of stderr */
  const char *raw;       /* keep the raw report there, and print nothing */
  const char **suppress; /* malloc'ed */
  size_t nsuppress;
  bool gen_suppressions;
  bool reachable;
  bool full; /* all groups, not only the largest ones */
  int exit_code;
};

/**
 * Read LIST, the value of CGC_LEAK; NULL is "".
 * returns  0, or CGC_EXIT_OWN after a line on stderr
 */
int cgc_settings_read(struct cgc_settings *settings, struct cgc_store *store,
                      const char *list);
void cgc_settings_clear(struct cgc_settings *settings);

/**
 * Add an option to a list; a VALUE of NULL adds the NAME alone.
 * returns  the longer list (malloc'ed; LIST is freed)
 */
char *cgc_settings_add(char *list, const char *name, const char *value);

/**
 * Put LIST into the environment, for the program that this process is about to
 * execute: for its children only with follow-children.
 * returns  0, or CGC_EXIT_OWN after a line on stderr
 */
int cgc_settings_export(const char *list);

#endif
