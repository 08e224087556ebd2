/* SPDX-License-Identifier: MIT */
/*
 * front/exec.h - exec while another thread collects.
 *
 * A stop signal that is on its way to a thread when it executes a program is
 * delivered to the new program, which has no handler for it and is killed.
 * So no stop may be under way: these calls take the collector's locks as fork
 * does, and the real one follows; where it fails they are released.
 *
 *   execve ─► every lock is ours: nobody stops, nobody will ─► real execve
 *
 * The child of a vfork runs on its parent's record and memory; stops do not
 * mean it and it must not take a lock for its parent, so it goes straight
 * through.  posix_spawn's child is such a one inside libc.
 *
 * libc's functions call each other inside, so each is interposed; those with
 * a list of arguments make a vector of it, on the stack as glibc does.
 *
 * Who comes in: the program.  Calls: front/fork, front/real.  Locks: all.
 */
#ifndef CGC_FRONT_EXEC_H
#define CGC_FRONT_EXEC_H

#include <unistd.h>

#endif
