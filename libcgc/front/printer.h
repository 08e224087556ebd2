/* SPDX-License-Identifier: MIT */
/*
 * front/printer.h - the program that prints a raw report, and what it needs of
 * our surroundings as they were at the start.
 *
 *   environment   a copy, less what would preload us into the printer
 *   stderr        a copy at a high number; whoever closes all descriptors or
 *                 uses the number for another file is seen, and 2 is used
 *   program       the file that is executed
 *
 * Who comes in: front/leak, one thread at a time.  Locks: none.
 */
#ifndef CGC_FRONT_PRINTER_H
#define CGC_FRONT_PRINTER_H

#include "look/group.h"

/* The status that stands for the exit code in use. */
enum { CGC_PRINTER_LOST = 256 };

/** Copy ENV.  returns  false without memory */
bool cgc_printer_init(char *const *env);

/** Copy stderr. */
void cgc_printer_keep_stderr(void);

/** The file of the program. */
const char *cgc_printer_program(void);

/** Where lines go: the copy of stderr, or 2. */
int cgc_printer_stderr(void);

/** Create a file for a raw report.  returns  its descriptor, or -errno */
int cgc_printer_open(void);

/**
 * Close FD and have the printer print the file.
 * err      what was wrong with writing, or 0
 * groups   for a plain list if the printer does not work; or NULL
 * returns  the printer's status, or as cgc_printer_fall_back
 */
int cgc_printer_run(int fd, int err, const struct cgc_groups *groups);

/**
 * Write a plain list.
 * returns  CGC_PRINTER_LOST if something is lost, else 0
 */
int cgc_printer_fall_back(const struct cgc_groups *groups);

#endif
