/* SPDX-License-Identifier: MIT */
/*
 * tools/option.c - the options table, as the library has it.
 */
#include "base/option.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { BOOL, NUMBER, SIZE, DURATION, CHOICE };

struct row {
  const char *name;
  enum type type;
  int64_t def;
  int64_t min;
  int64_t max;
  const char *words; /* of a CHOICE, separated by | */
  const char *doc;
};

static const struct row rows[] = {
#define CGC_OPTION(id, type, name, def, min, max, doc)                         \
  {name, type, def, min, max, NULL, doc},
#define CGC_CHOICE(id, name, def, words, doc)                                  \
  {name, CHOICE, def, 0, 0, words, doc},
#include "base/option.def"
#undef CGC_OPTION
#undef CGC_CHOICE
};

enum { NROWS = sizeof rows / sizeof rows[0], TEXT_MAX = 32 };

/* The largest unit that N is a whole multiple of. */
static void format_scaled(char *text, int64_t n, const int64_t *factors,
                          const char *const *suffixes) {
  int i = 0;
  while (n == 0 ? factors[i] != 1 : n % factors[i] != 0)
    i++;
  snprintf(text, TEXT_MAX, "%lld%s", (long long)(n / factors[i]), suffixes[i]);
}

static void format_number(char *text, enum type type, int64_t n) {
  static const int64_t sizes[] = {1LL << 40, 1 << 30, 1 << 20, 1 << 10, 1};
  static const char *const size_names[] = {"T", "G", "M", "k", ""};
  static const int64_t times[] = {1000000000, 1000000, 1000, 1};
  static const char *const time_names[] = {"s", "ms", "us", "ns"};
  if (type == SIZE)
    format_scaled(text, n, sizes, size_names);
  else if (type == DURATION)
    format_scaled(text, n, times, time_names);
  else
    snprintf(text, TEXT_MAX, "%lld", (long long)n);
}

/* What may stand behind NAME=. */
static void print_values(const struct row *r) {
  char low[TEXT_MAX], high[TEXT_MAX];
  format_number(low, r->type, r->min);
  format_number(high, r->type, r->max);
  if (r->type == CHOICE)
    fputs(r->words, stdout);
  else if (r->type == BOOL)
    fputs("0|1", stdout);
  else if (r->max == INT64_MAX)
    printf("%s...", low);
  else
    printf("%s...%s", low, high);
}

static void print_default(const struct row *r) {
  char text[TEXT_MAX];
  const char *word = r->words;
  if (r->type != CHOICE) {
    format_number(text, r->type, r->def);
    printf("%s", text);
    return;
  }
  for (int64_t i = 0; i < r->def; i++)
    word += strcspn(word, "|") + 1;
  printf("%.*s", (int)strcspn(word, "|"), word);
}

void cgc_option_print(void) {
  for (const struct row *r = rows; r < rows + NROWS; r++) {
    printf("%s=", r->name);
    print_values(r);
    fputs("  (", stdout);
    print_default(r);
    printf(")\n    %s\n", r->doc);
  }
}

int cgc_option_export(const char *name, const char *value) {
  int rc = cgc_option_set(name, value);
  if (rc == -ENOENT)
    return cgc_tool_error(CGC_EXIT_OWN,
                          "no option called '%s'; 'cgc run --options' lists "
                          "them",
                          name);
  if (rc)
    return cgc_tool_error(CGC_EXIT_OWN,
                          "'%s' is no value for %s; 'cgc run --options' says "
                          "what is",
                          value, name);
  if (setenv(name, value, 1))
    return cgc_tool_error(CGC_EXIT_OWN, "%s: %s", name, strerror(errno));
  return 0;
}

int cgc_option_assign(char *assignment) {
  char *equals = strchr(assignment, '=');
  if (!equals)
    return cgc_tool_error(CGC_EXIT_OWN, "--set %s: write NAME=VALUE",
                          assignment);
  *equals = '\0';
  return cgc_option_export(assignment, equals + 1);
}
