/* SPDX-License-Identifier: MIT */
#include "front/fail.h"

#include "heap/meta.h"

#include <string.h>

const char *const cgc_fail_words[CGC_FAIL_KINDS] = {
    [CGC_FAIL_MALLOC] = "malloc",   [CGC_FAIL_CALLOC] = "calloc",
    [CGC_FAIL_REALLOC] = "realloc", [CGC_FAIL_ALIGNED] = "aligned",
    [CGC_FAIL_ANY] = "any",
};

/* Which calls of a kind fail; const after start. */
struct wish {
  enum { NONE, ONE, ALL, SOME } which;
  uint64_t n; /* the call, or percent */
};

static struct {
  bool on; /* calls are counted; const after start */
  struct wish wishes[CGC_FAIL_KINDS];
  _Atomic uint64_t calls[CGC_FAIL_KINDS];
  _Atomic size_t nfaults;   /* asked to be kept */
  struct cgc_fault *faults; /* own memory */
} fail;

/* ---- Wishes -------------------------------------------------------------- */

/* TEXT behind WORD, if it begins with it. */
static const char *skip(const char *text, const char *word) {
  size_t len = strlen(word);
  return strncmp(text, word, len) == 0 ? text + len : NULL;
}

static const char *parse_kind(const char *text, enum cgc_fail_kind *kind) {
  for (int k = 0; k < CGC_FAIL_KINDS; k++) {
    const char *rest = skip(text, cgc_fail_words[k]);
    if (rest && *rest == '@') {
      *kind = (enum cgc_fail_kind)k;
      return rest + 1;
    }
  }
  return NULL;
}

static const char *parse_which(const char *text, struct wish *wish) {
  const char *p = skip(text, "all");
  if (p) {
    wish->which = ALL;
    return p;
  }
  p = skip(text, "none");
  if (p) {
    wish->which = NONE;
    return p;
  }
  wish->n = 0;
  for (p = text; *p >= '0' && *p <= '9'; p++)
    if (__builtin_mul_overflow(wish->n, 10, &wish->n) ||
        __builtin_add_overflow(wish->n, (uint64_t)(*p - '0'), &wish->n))
      return NULL;
  wish->which = *p == '%' ? SOME : ONE;
  if (p == text || wish->n == 0 || (*p == '%' && wish->n > 100))
    return NULL;
  return *p == '%' ? p + 1 : p;
}

const char *cgc_fail_parse(const char *text) {
  do {
    enum cgc_fail_kind kind;
    const char *which = parse_kind(text, &kind);
    if (!which)
      return "fail= wants malloc@, calloc@, realloc@, aligned@ or any@";
    text = parse_which(which, &fail.wishes[kind]);
    if (!text || (*text != ',' && *text != ':' && *text != '\0'))
      return "fail= wants a call's number, all, none, or a percentage behind "
             "the @";
  } while (*text++ == ',');
  fail.on = true;
  if (!fail.faults)
    fail.faults = cgc_meta_alloc(CGC_FAULTS_MAX * sizeof *fail.faults);
  return NULL;
}

/* ---- Calls --------------------------------------------------------------- */

/* Spread evenly, and the same in each run: a bit mixer of the call's number. */
static bool is_among(uint64_t number, uint64_t percent) {
  uint64_t h = number * 0x9e3779b97f4a7c15ULL;
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  return (h ^ h >> 32) % 100 < percent;
}

static bool is_wanted(const struct wish *wish, uint64_t number) {
  switch (wish->which) {
  case ONE:
    return number == wish->n;
  case ALL:
    return true;
  case SOME:
    return is_among(number, wish->n);
  default:
    return false;
  }
}

static bool count_as(enum cgc_fail_kind kind, uint64_t *number) {
  *number =
      1 + atomic_fetch_add_explicit(&fail.calls[kind], 1, memory_order_relaxed);
  return cgc_unlikely(is_wanted(&fail.wishes[kind], *number));
}

enum cgc_fail_kind cgc_fail_count(enum cgc_fail_kind kind, uint64_t *number) {
  uint64_t of_any;
  if (cgc_likely(!fail.on))
    return CGC_FAIL_KINDS;
  bool any = count_as(CGC_FAIL_ANY, &of_any);
  if (count_as(kind, number))
    return kind;
  *number = of_any;
  return any ? CGC_FAIL_ANY : CGC_FAIL_KINDS;
}

uint64_t cgc_fail_calls(enum cgc_fail_kind kind) {
  return atomic_load_explicit(&fail.calls[kind], memory_order_relaxed);
}

/* ---- Faults -------------------------------------------------------------- */

void cgc_fail_note(struct cgc_fault fault) {
  size_t i = atomic_fetch_add_explicit(&fail.nfaults, 1, memory_order_relaxed);
  if (fail.faults && i < CGC_FAULTS_MAX)
    fail.faults[i] = fault;
}

bool cgc_fail_get(size_t i, struct cgc_fault *fault) {
  size_t n = atomic_load_explicit(&fail.nfaults, memory_order_relaxed);
  if (!fail.faults || i >= n || i >= CGC_FAULTS_MAX)
    return false;
  *fault = fail.faults[i];
  return fault->stack != 0; /* else it is being noted */
}
