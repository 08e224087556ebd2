/* SPDX-License-Identifier: MIT */
#include "leaks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *verb; /* "24 B VERB in 1 object" */
  const char *meaning;
} classes[CGC_RAW_NCLASSES] = {
    [CGC_RAW_LOST] = {"lost", "no pointer to them is left, so nothing can free "
                              "them any more"},
    [CGC_RAW_STACK_ONLY] = {"held only by a stack that ends here",
                            "only functions that exit() left without a return "
                            "hold them"},
    [CGC_RAW_LOW_CONFIDENCE] = {"perhaps lost",
                                "only a word that may be no pointer leads to "
                                "them: unaligned, tagged, or into the middle"},
    [CGC_RAW_REACHABLE] = {"never freed",
                           "never freed, but still held by a variable"},
};

const char *cgc_leaks_verb(enum cgc_raw_class class) {
  return classes[class].verb;
}

const char *cgc_leaks_meaning(enum cgc_raw_class class) {
  return classes[class].meaning;
}

uint64_t cgc_leaks_bytes(const struct cgc_raw_group *group) {
  return group->bytes + group->below_bytes;
}

uint64_t cgc_leaks_objects(const struct cgc_raw_group *group) {
  return group->objects + group->below_objects;
}

const struct cgc_stack *cgc_leaks_stack(const struct cgc_leaks *leaks,
                                        const struct cgc_raw_group *group) {
  return cgc_stack_of(leaks->stacks, group->stack);
}

static void add(struct cgc_leaks_total *total,
                const struct cgc_raw_group *group) {
  total->groups++;
  total->objects += cgc_leaks_objects(group);
  total->bytes += cgc_leaks_bytes(group);
}

/* Does a rule take the group? */
static bool is_suppressed(struct cgc_leaks *leaks,
                          const struct cgc_raw_group *group) {
  struct cgc_suppress_rule *rule;
  if (!cgc_suppress_rule(leaks->suppress, 0))
    return false; /* no rules: names are not needed */
  rule = cgc_suppress_match(leaks->suppress, cgc_leaks_stack(leaks, group),
                            group->class);
  if (!rule)
    return false;
  rule->groups++;
  rule->objects += cgc_leaks_objects(group);
  rule->bytes += cgc_leaks_bytes(group);
  return true;
}

static int compare(const void *a, const void *b) {
  const struct cgc_raw_group *x = *(const struct cgc_raw_group *const *)a;
  const struct cgc_raw_group *y = *(const struct cgc_raw_group *const *)b;
  uint64_t p = cgc_leaks_bytes(x), q = cgc_leaks_bytes(y);
  if (x->class != y->class)
    return (x->class > y->class) - (x->class < y->class);
  if (p != q)
    return (p < q) - (p > q);
  return (x > y) - (x < y); /* as they stood in the file */
}

static void sort(struct cgc_leaks *leaks) {
  struct cgc_raw *raw = leaks->raw;
  leaks->shown =
      cgc_store_alloc(raw->store, raw->ngroups * sizeof *leaks->shown);
  for (size_t i = 0; i < raw->ngroups; i++) {
    const struct cgc_raw_group *group = &raw->groups[i];
    if (is_suppressed(leaks, group)) {
      add(&leaks->suppressed, group);
    } else {
      add(&leaks->totals[group->class], group);
      leaks->shown[leaks->nshown++] = group;
    }
  }
  if (leaks->nshown)
    qsort(leaks->shown, leaks->nshown, sizeof *leaks->shown, compare);
}

int cgc_leaks_open(struct cgc_leaks *leaks, struct cgc_raw *raw,
                   const struct cgc_settings *settings) {
  int status = 0;
  memset(leaks, 0, sizeof *leaks);
  leaks->raw = raw;
  leaks->stacks = cgc_stacks_open(raw);
  leaks->suppress = cgc_suppress_open();
  for (size_t i = 0; i < settings->nsuppress && !status; i++)
    status = cgc_suppress_read(leaks->suppress, settings->suppress[i]);
  if (status)
    cgc_leaks_close(leaks);
  else
    sort(leaks);
  return status;
}

void cgc_leaks_close(struct cgc_leaks *leaks) {
  cgc_suppress_close(leaks->suppress);
  cgc_stacks_close(leaks->stacks);
  cgc_raw_close(leaks->raw);
}

const char *cgc_leaks_holder(const struct cgc_leaks *leaks,
                             const struct cgc_raw_group *group) {
  const struct cgc_raw_holder *h = &group->holder;
  struct cgc_store *store = leaks->raw->store;
  const char *variable;
  switch (h->kind) {
  case CGC_RAW_HOLDER_DATA:
    variable = cgc_stack_variable(leaks->stacks, h->module, h->where);
    if (variable)
      return cgc_store_format(store, "%s in %s", variable,
                              cgc_stack_module_name(h->module));
    return cgc_store_format(store, "data of %s at +0x%" PRIx64,
                            cgc_stack_module_name(h->module), h->where);
  case CGC_RAW_HOLDER_THREAD:
    return cgc_store_format(store, "thread %" PRIu64, h->where);
  case CGC_RAW_HOLDER_MAPPING:
    return cgc_store_format(store, "the mapping at 0x%" PRIx64, h->where);
  default:
    return NULL;
  }
}

bool cgc_leaks_is_last(const struct cgc_leaks *leaks) {
  static const char *const reasons[] = {"exit", "_exit", "quick_exit", "exec",
                                        "abort"};
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
    if (strcmp(leaks->raw->reason, reasons[i]) == 0)
      return true;
  return strncmp(leaks->raw->reason, "signal:", 7) == 0;
}

const char *cgc_leaks_when(const struct cgc_leaks *leaks) {
  struct cgc_raw *raw = leaks->raw;
  const char *name = raw->reason + strlen("signal:");
  if (strncmp(raw->reason, "signal:", strlen("signal:")) == 0)
    return cgc_store_format(raw->store, "ended by %s%s",
                            strncmp(name, "SIG", 3) ? "SIG" : "", name);
  if (cgc_leaks_is_last(leaks))
    return cgc_store_format(raw->store, "at %s", raw->reason);
  return cgc_store_format(raw->store, "check %" PRIu64 " (%s)", raw->check,
                          raw->reason);
}
