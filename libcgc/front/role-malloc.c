/* SPDX-License-Identifier: MIT */
/*
 * libcgc-malloc: the malloc family is ours, so every mapping of the program
 * may hold pointers to the heap.
 *
 * With CGC_CHILDREN=0, and while leaks are looked for in this program alone,
 * programs that it executes are not preloaded: our entry is taken out of
 * LD_PRELOAD where it stands, in the environment that execve will hand on.
 */
#include "base/option.h"
#include "front/door.h"
#include "front/exit.h"
#include "front/foreign.h"
#include "front/init.h"
#include "front/leak.h"

#include <stdlib.h>
#include <string.h>

static void started(char *const *env) {
  if (cgc_leak_start(env))
    cgc_foreign_watch();
}

const struct cgc_role cgc_role = {.serves_malloc = true, .started = started};

static const char library[] = "libcgc-malloc.so";

static bool is_ours(const char *entry, size_t len) {
  return memmem(entry, len, library, sizeof library - 1) != NULL;
}

/* Entries are separated by blanks or colons. */
static void remove_entry(char *list) {
  char *to = list;
  while (*list) {
    size_t len = strcspn(list, " :");
    size_t with_separator = len + (list[len] != '\0');
    if (!is_ours(list, len)) {
      memmove(to, list, with_separator);
      to += with_separator;
    }
    list += with_separator;
  }
  *to = '\0';
}

/* With pid= whoever is another process is silent by itself, and this one goes
   on reporting when it executes a program: a wrapper's is what is looked at. */
static bool leaks_end_here(void) {
  return cgc_leak.on && !cgc_leak.follow && !cgc_leak.pid;
}

__attribute__((constructor)) static void leave_children_alone(void) {
  char *list = getenv("LD_PRELOAD");
  cgc_init_thread();
  cgc_exit_attach();
  cgc_door_find();
  if (list && (!cgc_options.children || leaks_end_here()))
    remove_entry(list);
  if (leaks_end_here())
    unsetenv("CGC_LEAK");
}
