/* SPDX-License-Identifier: MIT */
/*
 * front/limit.h - a program that limits its own address space.
 *
 * Under RLIMIT_AS every mapping counts, touched or not, and so would the
 * reservation that the heap grows into: no mmap and no thread of the program's
 * would find room, while our own growth, by mprotect, would not be limited.
 * So before the limit comes the rest of the reservation is given back, and the
 * heap grows by mappings from then on: malloc fails where the limit is, as it
 * does elsewhere, and what is freed makes room for the program's mappings.
 *
 *   setrlimit(RLIMIT_AS, finite) → cgc_pageheap_unreserve → the real call
 *
 * A limit that was there at the start needs nothing of this (heap/arena).  One
 * that another process sets on this one is not seen.
 *
 * The child of a vfork shares its parent's memory and not its limit, so it
 * gives nothing back.
 *
 * Who comes in: the program.  Calls: front/init, front/real, heap/arena.
 * Locks: the page heap's.
 */
#ifndef CGC_FRONT_LIMIT_H
#define CGC_FRONT_LIMIT_H

#include <sys/resource.h>

#endif
