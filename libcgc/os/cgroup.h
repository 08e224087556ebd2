/* SPDX-License-Identifier: MIT */
/*
 * os/cgroup.h - how much memory the system lets this process have.
 *
 * A container's limit is its control group's or that of one above: memory.max
 * and memory.high (version 2), memory.limit_in_bytes (version 1).  The file of
 * the process names its groups as the host sees them; where only a part of the
 * tree is mounted, the groups that can't be found are left out.
 *
 * Who comes in: cycle/cycle, its lock held.  Calls: os/thread.
 * Locks: none.  errno is kept.
 */
#ifndef CGC_OS_CGROUP_H
#define CGC_OS_CGROUP_H

#include "base/base.h"

/* Room to read files in: threads' stacks may be small. */
struct cgc_cgroup {
  char text[4096]; /* of the process's file; the end of a longer one is lost */
  char path[4096];
};

/**
 * The least limit of the groups that PROC, a file like /proc/self/cgroup,
 * names, and those above them, under SYS (/sys/fs/cgroup).
 * returns  bytes; 0: there is none, or it can't be read
 */
size_t cgc_cgroup_memory_limit(struct cgc_cgroup *work, const char *proc,
                               const char *sys);

#endif
