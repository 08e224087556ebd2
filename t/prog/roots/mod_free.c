/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

void mod_free_it(void *p);
void *mod_free_make(size_t size);

void mod_free_it(void *p) { free(p); }
void *mod_free_make(size_t size) { return malloc(size); }
