/* SPDX-License-Identifier: MIT */
/*
 * os/process.h - another program, run to its end, and the program that we are
 * in does not notice.
 *
 *   we ─ clone, no exit signal ─► keeper ─ vfork ─► the other program
 *
 * The kernel gives a process that executes a program its exit signal back, so
 * the program is the keeper's child, who waits for it and ends with its status.
 * The keeper sends no SIGCHLD and wait() does not see it.  Both share our
 * memory, so nothing is copied and no handler of fork runs.  Raw system calls
 * only: works with any lock of libc held by anybody, and in a signal handler.
 *
 * Who comes in: front/leak.  Locks: none.
 */
#ifndef CGC_OS_PROCESS_H
#define CGC_OS_PROCESS_H

#include "base/base.h"

/**
 * Execute PATH and wait for its end.
 * fd       becomes its standard error
 * returns  its exit status, 128 + n if signal n killed it; or -errno when it
 *          could not be started
 */
int cgc_process_run(const char *path, char *const argv[], char *const envp[],
                    int fd);

#endif
