/* SPDX-License-Identifier: MIT */
#include "base/option.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

enum type { BOOL, NUMBER, SIZE, DURATION, CHOICE };

struct option {
  const char *name;
  enum type type;
  int64_t min;
  int64_t max;
  const char *words; /* of a CHOICE, separated by | */
  size_t offset;     /* in struct cgc_options */
};

static const struct option table[] = {
#define CGC_OPTION(id, type, name, def, min, max, doc)                         \
  {name, type, min, max, NULL, offsetof(struct cgc_options, id)},
#define CGC_CHOICE(id, name, def, words, doc)                                  \
  {name, CHOICE, 0, 0, words, offsetof(struct cgc_options, id)},
#include "base/option.def"
#undef CGC_OPTION
#undef CGC_CHOICE
};

enum { NOPTIONS = sizeof table / sizeof table[0] };

struct cgc_options cgc_options = {
#define CGC_OPTION(id, type, name, def, min, max, doc) .id = def,
#define CGC_CHOICE(id, name, def, words, doc) .id = def,
#include "base/option.def"
#undef CGC_OPTION
#undef CGC_CHOICE
};

/* What may stand behind a number, and what it multiplies by. */
struct unit {
  const char *suffix;
  int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},          {"k", 1LL << 10}, {"K", 1LL << 10}, {"M", 1LL << 20},
    {"G", 1LL << 30}, {"T", 1LL << 40}, {NULL, 0}};
static const struct unit duration_units[] = {
    {"", 1},           {"ns", 1},           {"us", 1000},
    {"ms", 1000000LL}, {"s", 1000000000LL}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static bool parse_number(const char *text, const struct unit *units,
                         int64_t *out) {
  int64_t n = 0;
  const char *p = text;
  for (; *p >= '0' && *p <= '9'; p++)
    if (__builtin_mul_overflow(n, 10, &n) ||
        __builtin_add_overflow(n, *p - '0', &n))
      return false;
  if (p == text)
    return false;
  for (const struct unit *u = units; u->suffix; u++)
    if (strcmp(p, u->suffix) == 0)
      return !__builtin_mul_overflow(n, u->factor, out);
  return false;
}

static bool parse_choice(const char *text, const char *words, int64_t *out) {
  size_t len = strlen(text);
  for (int64_t i = 0;; i++) {
    size_t word = strcspn(words, "|");
    if (word == len && memcmp(words, text, len) == 0) {
      *out = i;
      return true;
    }
    if (words[word] == '\0')
      return false;
    words += word + 1;
  }
}

static bool parse_bool(const char *text, int64_t *out) {
  if (!parse_choice(text, "0|1|no|yes|off|on|false|true", out))
    return false;
  *out &= 1;
  return true;
}

static bool parse(const struct option *o, const char *text, int64_t *out) {
  bool ok = false;
  switch (o->type) {
  case BOOL:
    return parse_bool(text, out);
  case CHOICE:
    return parse_choice(text, o->words, out);
  case NUMBER:
    ok = parse_number(text, no_units, out);
    break;
  case SIZE:
    ok = parse_number(text, size_units, out);
    break;
  case DURATION:
    ok = parse_number(text, duration_units, out);
    break;
  }
  return ok && *out >= o->min && *out <= o->max;
}

static int64_t *value_of(const struct option *o) {
  return (int64_t *)((char *)&cgc_options + o->offset);
}

static const struct option *find(const char *name, size_t len) {
  for (size_t i = 0; i < NOPTIONS; i++)
    if (strncmp(table[i].name, name, len) == 0 && table[i].name[len] == '\0')
      return &table[i];
  return NULL;
}

int cgc_option_set(const char *name, const char *value) {
  const struct option *o = find(name, strlen(name));
  int64_t n;
  if (!o)
    return -ENOENT;
  if (!parse(o, value, &n))
    return -EINVAL;
  *value_of(o) = n;
  return 0;
}

int cgc_option_get(const char *name, int64_t *value) {
  const struct option *o = find(name, strlen(name));
  if (!o)
    return -ENOENT;
  *value = *value_of(o);
  return 0;
}

static void complain(const struct option *o, const char *value) {
  if (o->words)
    cgc_log(CGC_LOG_WARNING, "%s=%s is none of %s; the default is used",
            o->name, value, o->words);
  else
    cgc_log(CGC_LOG_WARNING,
            "%s=%s is not a value from %ld to %ld; the "
            "default is used",
            o->name, value, (long)o->min, (long)o->max);
}

/* Read by the cgc program, and by front/leak. */
static bool is_for_others(const char *name, size_t len) {
  static const char *const names[] = {"CGC_LIBRARY", "CGC_LEAK",
                                      "CGC_LEAK_PRINTER"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == len && memcmp(name, names[i], len) == 0)
      return true;
  return false;
}

static void read_one(const char *variable) {
  size_t len = strcspn(variable, "=");
  const struct option *o = find(variable, len);
  if (is_for_others(variable, len) || variable[len] == '\0')
    return;
  if (!o) {
    cgc_log(CGC_LOG_WARNING, "unknown option %s; see cgc-env(7)", variable);
    return;
  }
  int64_t n;
  if (parse(o, variable + len + 1, &n))
    *value_of(o) = n;
  else
    complain(o, variable + len + 1);
}

void cgc_option_read(char *const *envp) {
  for (; envp && *envp; envp++)
    if (strncmp(*envp, "CGC_", 4) == 0)
      read_one(*envp);
}
