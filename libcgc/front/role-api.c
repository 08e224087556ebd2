/* SPDX-License-Identifier: MIT */
/* libcgc: the program's malloc is its own; the roots are data and stacks. */
#include "front/init.h"

const struct cgc_role cgc_role = {.serves_malloc = false};
