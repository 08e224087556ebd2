/* SPDX-License-Identifier: MIT */
#include "folded.h"

#include <inttypes.h>

void cgc_folded_print_name(FILE *out, const struct cgc_stack_frame *f) {
  const char *name = f->function;
  if (!name && f->module)
    fprintf(out, "%s+0x%" PRIx64, cgc_stack_module_name(f->module), f->addr);
  else if (!name)
    fprintf(out, "0x%" PRIx64, f->addr);
  for (; name && *name; name++)
    fputc(*name == ';' ? ':' : *name, out);
}

void cgc_folded_print(FILE *out, const struct cgc_leaks *leaks) {
  for (size_t i = 0; i < leaks->nshown; i++) {
    const struct cgc_raw_group *g = leaks->shown[i];
    const struct cgc_stack *stack = cgc_leaks_stack(leaks, g);
    if (g->class != CGC_RAW_LOST)
      continue;
    for (size_t k = stack->n; k-- > 0;) {
      cgc_folded_print_name(out, stack->frames[k]);
      fputc(k ? ';' : ' ', out);
    }
    fprintf(out, "%s%" PRIu64 "\n", stack->n ? "" : "(no stack) ",
            cgc_leaks_bytes(g));
  }
}
