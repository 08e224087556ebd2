/* SPDX-License-Identifier: MIT */
/*
 * world/kernel.h - words of the program that only the kernel holds.
 *
 * epoll_event.data, a timer's sigval, a value in the queue of signals: the
 * program may have no other copy of the pointer.  The interposed calls note
 * each such word here, and every word is a root until it is dropped.
 *
 *   table   open hash, key (kind, 64 bits) → word
 *   epolls  descriptors of epoll instances with words, few: close() of another
 *           descriptor looks it up once for each
 *   sent    ring of the last CGC_KERNEL_SENT values of sigqueue: nobody tells
 *           when they were received
 *
 *   I1  every entry is reachable from its hash without passing a free slot.
 *   I2  used <= 3/4 of the slots.
 *   I3  the words counted for the epoll instances are those in the table.
 *
 * Who comes in: front/watch, world/root.  Calls: os/page.
 * Locks: its own (CGC_RANK_KERNEL) for changes; read with the world stopped.
 */
#ifndef CGC_WORLD_KERNEL_H
#define CGC_WORLD_KERNEL_H

#include "base/base.h"

enum cgc_kernel_kind {
  CGC_KERNEL_FREE, /* an unused slot */
  CGC_KERNEL_EPOLL,
  CGC_KERNEL_TIMER,
  CGC_KERNEL_OTHER
};

enum { CGC_KERNEL_SENT = 256 };

/* A slot of the table. */
struct cgc_kernel_entry {
  uintptr_t word;
  uint64_t key;
  uint64_t kind; /* enum cgc_kernel_kind; FREE: unused */
};

/** The key of an epoll registration. */
CGC_INLINE uint64_t cgc_kernel_epoll_key(int epfd, int fd) {
  return (uint64_t)(uint32_t)epfd << 32 | (uint32_t)fd;
}

/**
 * Note (or replace) the word that the kernel holds under KEY.
 * returns  0 or -ENOMEM; the caller is busy
 */
int cgc_kernel_set(enum cgc_kernel_kind kind, uint64_t key, uintptr_t word);

/** Forget the word under KEY, if there is one. */
void cgc_kernel_drop(enum cgc_kernel_kind kind, uint64_t key);

/** A descriptor was closed: forget its registrations, on either side. */
void cgc_kernel_drop_fd(int fd);

/** Whether any epoll word is noted: close() need not come in otherwise. */
bool cgc_kernel_has_fds(void);

/** Note a value given to sigqueue; the oldest of the ring is forgotten. */
void cgc_kernel_sent(uintptr_t word);

/** World stopped: call FN for each range of memory that holds such words. */
void cgc_kernel_visit(void (*fn)(uintptr_t lo, uintptr_t hi, void *ctx),
                      void *ctx);

/** Number of words in the table. */
size_t cgc_kernel_count(void);

/** For look/layout: the slots, their number, and the ring. */
extern const void *const cgc_kernel_view[3];

/** Registers the lock for fork; once, at start. */
void cgc_kernel_init(void);

/** Assert I1 to I3. */
void cgc_kernel_check(void);

#endif
