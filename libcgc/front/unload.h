/* SPDX-License-Identifier: MIT */
/*
 * front/unload.h - dlclose, while leaks are looked for.
 *
 * The code of a library may be gone when it returns, and another one may come
 * to its place: what is known of addresses there is closed (front/leak).
 *
 * Who comes in: the program.  Locks: none.
 */
#ifndef CGC_FRONT_UNLOAD_H
#define CGC_FRONT_UNLOAD_H

#include <dlfcn.h>

#endif
