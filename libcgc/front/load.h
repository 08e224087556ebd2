/* SPDX-License-Identifier: MIT */
/*
 * front/load.h - dlopen without RTLD_DEEPBIND.
 *
 * A library that is opened so finds libc's malloc before ours: it would free
 * with libc what the program allocated here, and the other way round (php
 * opens its extensions so, and dies of it under any other malloc).  The flag
 * is left out; all else is as the program asked.
 *
 * The loader looks at who calls dlopen: RUNPATH, $ORIGIN and the namespace are
 * the caller's.  So this is no function that calls, but one that jumps.
 *
 * Who comes in: the program.  Locks: none.
 */
#ifndef CGC_FRONT_LOAD_H
#define CGC_FRONT_LOAD_H

#include <dlfcn.h>

#endif
