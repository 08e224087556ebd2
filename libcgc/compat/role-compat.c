/* SPDX-License-Identifier: MIT */
/* libgc: bdwgc's contract; the program's malloc is its own. */
#include "compat/lost.h"
#include "compat/start.h"
#include "front/init.h"

static void started(char *const *env) {
  cgc_start_started(env);
  cgc_lost_started();
}

const struct cgc_role cgc_role = {.serves_malloc = false,
                                  .prepare = cgc_start_prepare,
                                  .started = started,
                                  .request = "cgc_debug_request"};
