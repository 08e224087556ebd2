/* SPDX-License-Identifier: MIT */
/* libgc: bdwgc's contract; the program's malloc is its own. */
#include "compat/start.h"
#include "front/init.h"

const struct cgc_role cgc_role = {.serves_malloc = false,
                                  .prepare = cgc_start_prepare,
                                  .started = cgc_start_started};
