/* SPDX-License-Identifier: MIT */
/*
 * tools/demangle.h - C++ names as people write them.
 *
 * libstdc++ has the function for it.  It is opened at the first name that
 * needs it: a machine that runs C++ programs has it, others do without.
 */
#ifndef CGC_TOOLS_DEMANGLE_H
#define CGC_TOOLS_DEMANGLE_H

#include "store.h"

/** Return NAME demangled, or NAME itself, without a symbol version; interned
 * in S. */
const char *cgc_demangle(struct cgc_store *s, const char *name);

#endif
