/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_CODE_DEFAULT = 23, EXIT_CODE_MAX = 255 };

/* Cut the first option off *REST and undo its backslashes, in place. */
static char *next_option(char **rest) {
  char *option = *rest, *from = option, *to = option;
  while (*from && *from != ':') {
    if (*from == '\\' && from[1])
      from++;
    *to++ = *from++;
  }
  *rest = *from ? from + 1 : from;
  *to = '\0';
  return option;
}

/* The place of a file's name. */
static const char **file_of(struct cgc_settings *s, const char *name) {
  const struct {
    const char *name;
    const char **place;
  } files[] = {
      {"json", &s->json},   {"html", &s->html},      {"folded", &s->folded},
      {"pprof", &s->pprof}, {"report-to", &s->text}, {"raw", &s->raw},
  };
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    if (strcmp(name, files[i].name) == 0)
      return files[i].place;
  return NULL;
}

static bool *flag_of(struct cgc_settings *s, const char *name) {
  if (strcmp(name, "reachable") == 0)
    return &s->reachable;
  if (strcmp(name, "full") == 0)
    return &s->full;
  if (strcmp(name, "gen-suppressions") == 0)
    return &s->gen_suppressions;
  return NULL;
}

static int take_exit_code(struct cgc_settings *s, const char *value) {
  char *end;
  long n = strtol(value, &end, 10);
  if (end == value || *end || n < 0 || n > EXIT_CODE_MAX)
    return cgc_tool_error(CGC_EXIT_OWN,
                          "CGC_LEAK: exit-code=%s: a number from 0 to %d is "
                          "expected",
                          value, EXIT_CODE_MAX);
  s->exit_code = (int)n;
  return 0;
}

static bool is_true(const char *value) {
  return strcmp(value, "0") != 0 && strcmp(value, "no") != 0 &&
         strcmp(value, "off") != 0;
}

static int take_option(struct cgc_settings *s, struct cgc_store *store,
                       char *option) {
  char *equals = strchr(option, '=');
  const char *value = equals ? equals + 1 : "yes";
  const char **file;
  bool *flag;
  if (equals)
    *equals = '\0';
  file = file_of(s, option);
  flag = flag_of(s, option);
  if (strcmp(option, "exit-code") == 0)
    return take_exit_code(s, value);
  value = cgc_store_intern(store, value, strlen(value));
  if (file)
    *file = value;
  else if (flag)
    *flag = is_true(value);
  else if (strcmp(option, "suppress") == 0) {
    s->suppress = cgc_store_room(s->suppress, s->nsuppress, sizeof value);
    s->suppress[s->nsuppress++] = value;
  }
  return 0;
}

int cgc_settings_read(struct cgc_settings *settings, struct cgc_store *store,
                      const char *list) {
  char *copy = cgc_store_grow(NULL, strlen(list ? list : "") + 1);
  char *rest = strcpy(copy, list ? list : "");
  int status = 0;
  memset(settings, 0, sizeof *settings);
  settings->exit_code = EXIT_CODE_DEFAULT;
  while (*rest && !status)
    status = take_option(settings, store, next_option(&rest));
  free(copy);
  return status;
}

void cgc_settings_clear(struct cgc_settings *settings) {
  free(settings->suppress);
}

char *cgc_settings_add(char *list, const char *name, const char *value) {
  size_t used = strlen(list), n = strlen(name);
  char *to;
  list = cgc_store_grow(list, used + n + 2 * strlen(value ? value : "") + 3);
  to = list + used;
  if (used)
    *to++ = ':';
  to = stpcpy(to, name);
  if (value)
    *to++ = '=';
  for (const char *c = value; c && *c; c++) {
    if (*c == ':' || *c == '\\')
      *to++ = '\\';
    *to++ = *c;
  }
  *to = '\0';
  return list;
}

int cgc_settings_export(const char *list) {
  char pid[16], *value;
  int failed;
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  value = cgc_settings_add(strdup(list), "pid", pid);
  failed = setenv("CGC_LEAK", value, 1);
  free(value);
  return failed ? cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(errno)) : 0;
}
