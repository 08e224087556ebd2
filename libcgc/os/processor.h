/* SPDX-License-Identifier: MIT */
/*
 * os/processor.h - what the processor says of itself.
 *
 * By the cpuid instruction: glibc's sysconf adds up the caches of all cores on
 * AMD's, and /sys is not everywhere.
 *
 * Who comes in: cycle/cycle.  Calls: nothing.  Locks: none.
 */
#ifndef CGC_OS_PROCESSOR_H
#define CGC_OS_PROCESSOR_H

#include "base/base.h"

/**
 * Bytes of the largest cache that the calling thread's core writes to.
 * returns  0 where the processor does not tell
 */
size_t cgc_processor_cache_bytes(void);

#endif
