/* SPDX-License-Identifier: MIT */
/*
 * front/exit.h - every way out of the process, while leaks are looked for.
 *
 *   return from main, exit   after all handlers and destructors: ours was
 *                            registered first.  If the printer says so, exit
 *                            is called again with its status, which ends what
 *                            is left and flushes stdio
 *   quick_exit               likewise, with its own list
 *   _exit, _Exit             before the process ends
 *   SIGTERM SIGINT SIGHUP    at the default action; SIGABRT, abort(): the
 *   SIGABRT                  process then dies of the signal all the same.  A
 *                            program that asks for the default action gets us
 *   exec                     front/exec: before the new program
 *
 * Each process reports once.  The child of a vfork goes straight through.
 *
 * What the ending thread's stack still holds must not count: main can't return
 * any more, or has.  So main is called by a function of ours, whose frame is
 * where the dead part ends.
 *
 *   high   kernel's strings, _start, libc's caller of main
 *          our caller of main      <- main_hi
 *          main ... exit()         <- dead_lo
 *   low    handlers, we
 *
 * Who comes in: the program, libc, ld.so.  Without CGC_LEAK all calls go
 * straight to libc's functions.
 */
#ifndef CGC_FRONT_EXIT_H
#define CGC_FRONT_EXIT_H

#include "base/base.h"

/** In the constructor: handlers of exit and signals, if leaks are looked for.
 */
void cgc_exit_attach(void);

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
                      int (*init)(int, char **, char **), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);

#endif
