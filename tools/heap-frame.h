/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-frame.h - the frames of the target's threads, by libdwfl.
 *
 * Works from the registers that the target has, so it does not matter whether
 * they are a core's, a held process's, or told by a debugger.
 */
#ifndef CGC_TOOLS_HEAP_FRAME_H
#define CGC_TOOLS_HEAP_FRAME_H

#include "heap-target.h"

struct cgc_frames;

struct cgc_frames *cgc_frames_open(const struct cgc_target *t);
void cgc_frames_close(struct cgc_frames *f);

/**
 * The frame of thread TH that the stack word at ADDR belongs to.
 * pc       out: where it is (of a caller: the call)
 * returns  its number, 0 is the innermost; -1: not known
 */
int cgc_frames_find(struct cgc_frames *f, const struct cgc_thread *th,
                    uint64_t addr, uint64_t *pc);

#endif
